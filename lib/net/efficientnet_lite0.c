/* SPDX-License-Identifier: MIT */
#include "net/networks.h"
#include "net/rows.h"

#define POINT(name, c)      CONV(name, c, KERNEL(1), STRIDE(1), SAME)
#define DEEP(name, c, k, s) DEPTHWISE(name, c, KERNEL(k), STRIDE(s), SAME)
#define NORM(name, label)   BATCHNORM(name, label, .eps = 1e-3F)

/* The parts of block I: to 6 times the channels, k x k on each of them, and down again. */
#define EXPAND(i, c)                                                                               \
	POINT("_blocks." #i "._expand_conv", 6 * (c)), NORM("_blocks." #i "._bn0", NULL),          \
	    RELU6(NULL)
#define SPREAD(i, c, k, s)                                                                         \
	DEEP("_blocks." #i "._depthwise_conv", c, k, s), NORM("_blocks." #i "._bn1", NULL),        \
	    RELU6(NULL)
#define PROJECT(i, c, label)                                                                       \
	POINT("_blocks." #i "._project_conv", c), NORM("_blocks." #i "._bn2", label)

/* The first block of a stage changes channels and often size; the others add their input. */
#define FIRST(i, k, s, in, out)                                                                    \
	EXPAND(i, in), SPREAD(i, 6 * (in), k, s), PROJECT(i, out, "block" #i)
#define AGAIN(i, k, c)                                                                             \
	EXPAND(i, c), SPREAD(i, 6 * (c), k, 1), PROJECT(i, c, NULL), ADD(8, "block" #i)

/* clang-format off */
static const struct avl_layer layers[] = {
	CONV("_conv_stem", 32, KERNEL(3), STRIDE(2), SAME), NORM("_bn0", NULL), RELU6("stem"),
	SPREAD(0, 32, 3, 1), PROJECT(0, 16, "block0"),
	/*  i  k  s   in  out */
	FIRST(1, 3, 2, 16, 24),     AGAIN(2, 3, 24),
	FIRST(3, 5, 2, 24, 40),     AGAIN(4, 5, 40),
	FIRST(5, 3, 2, 40, 80),     AGAIN(6, 3, 80),    AGAIN(7, 3, 80),
	FIRST(8, 5, 1, 80, 112),    AGAIN(9, 5, 112),   AGAIN(10, 5, 112),
	FIRST(11, 5, 2, 112, 192),  AGAIN(12, 5, 192),  AGAIN(13, 5, 192),  AGAIN(14, 5, 192),
	FIRST(15, 3, 1, 192, 320),
	POINT("_conv_head", 1280), NORM("_bn1", NULL), RELU6("head"),
};
/* clang-format on */

const struct avl_network avl_net_efficientnet_lite0 = {
    .name = "efficientnet_lite0",
    .planar_channels = 3,
    .layers = layers,
    .count = sizeof layers / sizeof layers[0],
};
