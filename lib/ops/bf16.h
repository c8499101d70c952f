/* SPDX-License-Identifier: MIT */
#ifndef AVL_OPS_BF16_H
#define AVL_OPS_BF16_H

#include "ops/ops.h"

/* The ops on maps and weights in bf16 (kern/bf16.h), with sums, biases and clamps in fp32. Nothing
 * but the numbers' type differs, so shapes and attributes are those of the op in fp32.
 *
 * In training (all but the depthwise convolution have a backward) parameters, their gradients and
 * statistics are in fp32 and packed as those of the op in fp32; maps and their gradients are in
 * bf16. */

/* The op that does the same on maps in bf16; NULL where there is none. */
const struct avl_op *avl_op_bf16(const struct avl_op *op);

/* Any mixture of fp32 and bf16 in input, residual and output; the packed parameters hold the bias
 * in fp32 and the weights in bf16. In training (attr->plain) they are rounded in every run, and
 * input and output are in bf16, but for a planar input; by Winograd's way (attr->winograd) the
 * input is widened and all between it and the output is in fp32. */
extern const struct avl_op avl_op_conv_bf16;
/* The same parameters; input and output in bf16, as of the next. */
extern const struct avl_op avl_op_depthwise_bf16;
extern const struct avl_op avl_op_add_bf16, avl_op_clamp_bf16, avl_op_maxpool_bf16;
extern const struct avl_op avl_op_batchnorm_bf16;
/* Input in bf16, output in fp32. */
extern const struct avl_op avl_op_mean_bf16, avl_op_globalmax_bf16;

/* The elements of a map in bf16. */
static inline uint16_t *avl_map_bf16(const struct avl_map *map)
{
	return (uint16_t *)(void *)map->data;
}

#endif
