/* SPDX-License-Identifier: MIT */
#include "net/networks.h"
#include "net/rows.h"

#define LAST(n, c, label)                                                                          \
	{                                                                                          \
		.op = &avl_op_conv, .param = "features." #n, .name = (label), .attr = {            \
			.out = (c),                                                                \
			.bias = 1,                                                                 \
			KERNEL(3),                                                                 \
			STRIDE(1),                                                                 \
			PAD(1)                                                                     \
		}                                                                                  \
	}
#define THREE(n, c, label) LAST(n, c, NULL), RELU(label)
#define POOL               MAXPOOL(NULL, KERNEL(2), STRIDE(2), PAD(0))

/* clang-format off */
static const struct avl_layer layers[] = {
	THREE(0, 64, "conv1_1"),   THREE(2, 64, "conv1_2"),                               POOL,
	THREE(5, 128, "conv2_1"),  THREE(7, 128, "conv2_2"),                              POOL,
	THREE(10, 256, "conv3_1"), THREE(12, 256, "conv3_2"), THREE(14, 256, "conv3_3"),  POOL,
	THREE(17, 512, "conv4_1"), THREE(19, 512, "conv4_2"), THREE(21, 512, "conv4_3"),  POOL,
	THREE(24, 512, "conv5_1"), THREE(26, 512, "conv5_2"), LAST(28, 512, "conv5_3"),
};
/* clang-format on */

const struct avl_network avl_net_vgg16 = {
    .name = "vgg16",
    .planar_channels = 3,
    .layers = layers,
    .count = sizeof layers / sizeof layers[0],
};
