/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/tensor.h"
#include "ops/bf16.h"

/* Rows of an item: their inputs overlap, and stay in a cache from one to the next. */
#define BAND_ROWS 16

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
static void round_weights(const float *weight, size_t n, uint16_t *to)
{
	double left = 0;
	size_t least = 0;
	for (size_t k = 0; k < n; k++) {
		to[k * AVL_BLOCK] = avl_float_to_bfloat(weight[k]);
		left += (double)weight[k] - (double)avl_bfloat_to_float(to[k * AVL_BLOCK]);
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
		round_weights(params->weight + c * window, window, lane);
	}
}

struct job {
	const struct avl_op_run *run;
	int top, left, bands;
};

/* Item: a band of rows of one block of one picture. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape, *const out = &run->out.shape;
	const int band = number % job->bands, map = number / job->bands;
	const size_t block = (size_t)(map / in->n);
	const uint16_t *const weights =
	    (const uint16_t *)(const void *)(run->packed + avl_blocks(in->c) * AVL_BLOCK);
	const uint16_t *const x =
	    avl_map_bf16(&run->in[0]) + (ptrdiff_t)map * in->h * in->w * AVL_BLOCK;
	uint16_t *const y = avl_map_bf16(&run->out) + (ptrdiff_t)map * out->h * out->w * AVL_BLOCK;
	const int end = (band + 1) * BAND_ROWS;
	for (int row = band * BAND_ROWS; row < end && row < out->h; row++) {
		const struct avl_window_rows rows = avl_window_rows(attr, job->top, in->h, row);
		avl_kern()->bf16.depthwise(&(struct avl_depthwise_bf16_job){
		    .x = x + (ptrdiff_t)rows.at * in->w * AVL_BLOCK,
		    .rows = rows.count,
		    .width = in->w,
		    .w = weights + block * block_weights(attr) +
			 rows.first * attr->kernel_w * AVL_BLOCK,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = job->left,
		    .bias = run->packed + block * AVL_BLOCK,
		    .y = y + (ptrdiff_t)row * out->w * AVL_BLOCK,
		    .pixels = out->w,
		    .lo = attr->lo,
		    .hi = attr->hi,
		});
	}
}

static void forward(const struct avl_op_run *run)
{
	const struct avl_shape *const in = &run->in[0].shape;
	struct job job = {
	    .run = run,
	    .top = avl_window_top(run->attr, in),
	    .left = avl_window_left(run->attr, in),
	    .bands = (run->out.shape.h + BAND_ROWS - 1) / BAND_ROWS,
	};
	avl_par_for(run->par, avl_blocks(in->c) * in->n * job.bands, item, &job);
}

const struct avl_op avl_op_depthwise_bf16 = {
    .name = "depthwise in bf16",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .forward = forward,
};
