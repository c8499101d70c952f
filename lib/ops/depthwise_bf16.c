/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/tensor.h"
#include "ops/bf16.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_op_depthwise.shape(attr, in, out, err);
}

/* Elements of the weights of a block of channels. */
static size_t block_weights(const struct avl_attr *attr)
{
	return (size_t)AVL_BLOCK * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const size_t floats = (size_t)avl_blocks(in->c) * (AVL_BLOCK + block_weights(attr) / 2);
	return (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

/* The N weights of a channel, 16 elements apart. What rounding leaves of their sum goes to the
 * smallest: neighbouring inputs are alike, so that a sum that is off would be the larger error. */
static void round_weights(const float *weight, size_t n, float scale, uint16_t *to)
{
	double left = 0;
	size_t least = 0;
	for (size_t k = 0; k < n; k++) {
		to[k * AVL_BLOCK] = avl_float_to_bfloat(weight[k] * scale);
		left +=
		    (double)(weight[k] * scale) - (double)avl_bfloat_to_float(to[k * AVL_BLOCK]);
		if (fabsf(weight[k]) < fabsf(weight[least]))
			least = k;
	}
	left += (double)avl_bfloat_to_float(to[least * AVL_BLOCK]);
	to[least * AVL_BLOCK] = avl_float_to_bfloat((float)left);
}

/* Bias [blocks][16] in fp32, then weights [blocks][kernel_h][kernel_w][16]. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	uint16_t *const weights = (uint16_t *)(void *)(to + avl_blocks(in->c) * AVL_BLOCK);
	memset(to, 0, packed(attr, in) * sizeof *to);
	for (size_t c = 0; c < (size_t)in->c; c++) {
		uint16_t *const lane =
		    weights + c / AVL_BLOCK * block_weights(attr) + c % AVL_BLOCK;
		to[c] = params->bias ? params->bias[c] : 0;
		round_weights(params->weight + c * window, window, avl_scale_of(params, c), lane);
	}
}

static void forward(const struct avl_op_run *run)
{
	avl_op_depthwise.forward(run);
}

const struct avl_op avl_op_depthwise_bf16 = {
    .name = "depthwise in bf16",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .forward = forward,
};
