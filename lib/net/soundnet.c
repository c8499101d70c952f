/* SPDX-License-Identifier: MIT */
#include "net/networks.h"
#include "net/rows.h"

/* Time runs along the width. */
#define WINDOW(k, s, p)                                                                            \
	.kernel_h = 1, .kernel_w = (k), .stride_h = 1, .stride_w = (s), .pad = AVL_PAD_FIXED,      \
	.pad_h = 0, .pad_w = (p)
#define LAYER(n, c, k, s, p)                                                                       \
	CONV_BIAS("conv" #n ".0", c, WINDOW(k, s, p)),                                             \
	    BATCHNORM("conv" #n ".1", NULL, .eps = 1e-5F), RELU("conv" #n)
#define POOL(k) MAXPOOL(NULL, WINDOW(k, k, 0))

/* clang-format off */
static const struct avl_layer layers[] = {
	/*    n     c   k  s   p */
	LAYER(1,   16, 64, 2, 32), POOL(8),
	LAYER(2,   32, 32, 2, 16), POOL(8),
	LAYER(3,   64, 16, 2,  8),
	LAYER(4,  128,  8, 2,  4),
	LAYER(5,  256,  4, 2,  2), POOL(4),
	LAYER(6,  512,  4, 2,  2),
	LAYER(7, 1024,  4, 2,  2),
	CONV_BIAS("conv8.0", 1000, WINDOW(8, 2, 0)), MEAN("conv8"), RELU("f_s"),
};
/* clang-format on */

const struct avl_network avl_net_soundnet = {
    .name = "soundnet",
    .planar_channels = 1,
    .layers = layers,
    .count = sizeof layers / sizeof layers[0],
};
