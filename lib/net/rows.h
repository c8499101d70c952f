/* SPDX-License-Identifier: MIT */

/* The words that the tables of the networks are written in. */

#include <math.h>

#define KERNEL(k) .kernel_h = (k), .kernel_w = (k)
#define STRIDE(s) .stride_h = (s), .stride_w = (s)
#define SAME      .pad = AVL_PAD_SAME
#define PAD(p)    .pad = AVL_PAD_FIXED, .pad_h = (p), .pad_w = (p)

#define CONV(parameters, c, ...)                                                                   \
	{                                                                                          \
		.op = &avl_op_conv, .param = (parameters), .attr = {.out = (c), __VA_ARGS__ }      \
	}
/* A convolution with a bias. */
#define CONV_BIAS(parameters, c, ...)                                                              \
	{                                                                                          \
		.op = &avl_op_conv, .param = (parameters), .attr = {                               \
			.out = (c),                                                                \
			.bias = 1,                                                                 \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
/* A convolution of the output of the row N rows before the one before. */
#define CONV_OF(n, parameters, c, ...)                                                             \
	{                                                                                          \
		.op = &avl_op_conv, .param = (parameters), .back = (n), .attr = {                  \
			.out = (c),                                                                \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define DEPTHWISE(parameters, c, ...)                                                              \
	{                                                                                          \
		.op = &avl_op_depthwise, .param = (parameters), .attr = {.out = (c), __VA_ARGS__ } \
	}
#define BATCHNORM(parameters, label, ...)                                                          \
	{                                                                                          \
		.op = &avl_op_batchnorm, .param = (parameters), .attr = {__VA_ARGS__},             \
		.name = (label)                                                                    \
	}
#define RELU(label)                                                                                \
	{                                                                                          \
		.op = &avl_op_clamp, .attr = {.lo = 0, .hi = INFINITY}, .name = (label)            \
	}
#define RELU6(label)                                                                               \
	{                                                                                          \
		.op = &avl_op_clamp, .attr = {.lo = 0, .hi = 6}, .name = (label)                   \
	}
/* To the row before, the output of the row N rows before that one. */
#define ADD(n, label)                                                                              \
	{                                                                                          \
		.op = &avl_op_add, .other = (n), .name = (label)                                   \
	}
#define MEAN(label)                                                                                \
	{                                                                                          \
		.op = &avl_op_mean, .name = (label)                                                \
	}
#define GLOBALMAX(label)                                                                           \
	{                                                                                          \
		.op = &avl_op_globalmax, .name = (label)                                           \
	}
#define MAXPOOL(label, ...)                                                                        \
	{                                                                                          \
		.op = &avl_op_maxpool, .attr = {__VA_ARGS__}, .name = (label)                      \
	}
