/* SPDX-License-Identifier: MIT */
#include "net/networks.h"
#include "net/rows.h"

#define NORM(name) BATCHNORM(name, NULL, .eps = 1e-4F, .no_scale = 1)

#define SEPARABLE(j, c, s, in)                                                                     \
	DEPTHWISE("layer" #j ".depthwise_conv", in, KERNEL(3), STRIDE(s), SAME),                   \
	    NORM("layer" #j ".depthwise_conv.bn"), RELU(NULL),                                     \
	    CONV("layer" #j ".pointwise_conv", c, KERNEL(1), STRIDE(1), SAME),                     \
	    NORM("layer" #j ".pointwise_conv.bn"), RELU("layer" #j)

/* clang-format off */
static const struct avl_layer layers[] = {
	CONV("layer1.conv", 32, KERNEL(3), STRIDE(2), SAME), NORM("layer1.conv.bn"), RELU("layer1"),
	/*         j   out  s    in */
	SEPARABLE( 2,   64, 1,   32),
	SEPARABLE( 3,  128, 2,   64),
	SEPARABLE( 4,  128, 1,  128),
	SEPARABLE( 5,  256, 2,  128),
	SEPARABLE( 6,  256, 1,  256),
	SEPARABLE( 7,  512, 2,  256),
	SEPARABLE( 8,  512, 1,  512),
	SEPARABLE( 9,  512, 1,  512),
	SEPARABLE(10,  512, 1,  512),
	SEPARABLE(11,  512, 1,  512),
	SEPARABLE(12,  512, 1,  512),
	SEPARABLE(13, 1024, 2,  512),
	SEPARABLE(14, 1024, 1, 1024),
	MEAN("f_s"),
};
/* clang-format on */

const struct avl_network avl_net_yamnet = {
    .name = "yamnet",
    .planar_channels = 1,
    .layers = layers,
    .count = sizeof layers / sizeof layers[0],
};
