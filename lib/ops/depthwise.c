/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/arena.h"
#include "ops/ops.h"

/* Rows of an item: their inputs overlap, and stay in a cache from one to the next. */
#define BAND_ROWS 14

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	if (attr->out != in->c)
		return avl_fail(err, AVL_ESHAPE, "depthwise convolution of %d channels gives %d",
				in->c, attr->out);
	return avl_window_shape(attr, in, in->c, out, err);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	return (size_t)avl_blocks(in->c) * AVL_BLOCK *
	       ((size_t)attr->kernel_h * (size_t)attr->kernel_w + 1);
}

/* Bias [blocks][16], then weights [blocks][kernel_h][kernel_w][16]. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	float *const weights = to + avl_blocks(in->c) * AVL_BLOCK;
	memset(to, 0, packed(attr, in) * sizeof *to);
	for (size_t c = 0; c < (size_t)in->c; c++) {
		float *const lane = weights + c / AVL_BLOCK * window * AVL_BLOCK + c % AVL_BLOCK;
		const float scale = avl_scale_of(params, c);
		to[c] = params->bias ? params->bias[c] : 0;
		for (size_t k = 0; k < window; k++)
			lane[k * AVL_BLOCK] = params->weight[c * window + k] * scale;
	}
}

static void unpack(const struct avl_attr *attr, const struct avl_shape *in, const float *from,
		   const struct avl_params_out *params)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const float *const weights = from + avl_blocks(in->c) * AVL_BLOCK;
	for (size_t c = 0; c < (size_t)in->c; c++) {
		const float *const lane =
		    weights + c / AVL_BLOCK * window * AVL_BLOCK + c % AVL_BLOCK;
		if (params->bias)
			params->bias[c] = from[c];
		for (size_t k = 0; params->weight && k < window; k++)
			params->weight[c * window + k] = lane[k * AVL_BLOCK];
	}
}

struct job {
	const struct avl_op_run *run;
	int top, left, bands;
};

/* Elements from the first of all weights to those of a block's window from ROW on. */
static ptrdiff_t weights_at(const struct avl_attr *attr, int block, int row)
{
	return ((ptrdiff_t)block * attr->kernel_h + row) * attr->kernel_w * AVL_BLOCK;
}

/* Item: a band of rows of one block of one picture; in bf16 as well. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape, *const out = &run->out.shape;
	const int band = number % job->bands, map = number / job->bands, block = map / in->n;
	const int bf16 = run->in[0].layout == AVL_BLOCKED_BF16;
	const float *const weights = run->packed + avl_blocks(in->c) * AVL_BLOCK;
	const int in_a_float = bf16 ? 2 : 1; /* weights in the room of a float */
	const int end = (band + 1) * BAND_ROWS;
	for (int row = band * BAND_ROWS; row < end && row < out->h; row++) {
		const struct avl_window_rows rows = avl_window_rows(attr, job->top, in->h, row);
		const struct avl_depthwise_job line = {
		    .x = avl_map_at(&run->in[0],
				    ((ptrdiff_t)map * in->h + rows.at) * in->w * AVL_BLOCK),
		    .rows = rows.count,
		    .width = in->w,
		    .w = weights + weights_at(attr, block, rows.first) / in_a_float,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = job->left,
		    .bias = run->packed + (ptrdiff_t)block * AVL_BLOCK,
		    .y =
			avl_map_at(&run->out, ((ptrdiff_t)map * out->h + row) * out->w * AVL_BLOCK),
		    .pixels = out->w,
		    .lo = attr->lo,
		    .hi = attr->hi,
		};
		if (bf16)
			avl_kern()->bf16.depthwise(&line);
		else
			avl_kern()->depthwise(&line);
	}
}

static void forward(const struct avl_op_run *run)
{
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape;
	struct job job = {
	    .run = run,
	    .top = avl_window_top(attr, in),
	    .left = avl_window_left(attr, in),
	    .bands = (run->out.shape.h + BAND_ROWS - 1) / BAND_ROWS,
	};
	avl_par_for(run->par, avl_blocks(in->c) * in->n * job.bands, item, &job);
}

struct grad_job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	int top, left;
};

/* What one output row adds to the gradients. */
static void grad_row(const struct grad_job *job, int block, int n, int row)
{
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const struct avl_shape *const out = &job->run->out.shape;
	const struct avl_window_rows rows = avl_window_rows(attr, job->top, in->h, row);
	const ptrdiff_t taps = avl_blocks(in->c) * AVL_BLOCK + weights_at(attr, block, rows.first);
	const ptrdiff_t x = (((ptrdiff_t)block * in->n + n) * in->h + rows.at) * in->w * AVL_BLOCK;
	float *const din = job->grad->din[0], *const dpacked = job->grad->dpacked;
	const float *const dy =
	    job->grad->dout + (((ptrdiff_t)block * in->n + n) * out->h + row) * out->w * AVL_BLOCK;
	avl_kern()->depthwise_grad(&(struct avl_depthwise_grad_job){
	    .x = job->run->in[0].data + x,
	    .w = job->run->packed + taps,
	    .dx = din ? din + x : NULL,
	    .dw = dpacked ? dpacked + taps : NULL,
	    .rows = rows.count,
	    .width = in->w,
	    .columns = attr->kernel_w,
	    .stride = attr->stride_w,
	    .pad = job->left,
	    .dy = dy,
	    .pixels = out->w,
	});
	if (!dpacked || !attr->bias)
		return;
	_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
	avl_kern()->sum(sum, dy, (size_t)out->w, 1);
	for (int i = 0; i < AVL_BLOCK; i++)
		dpacked[(ptrdiff_t)block * AVL_BLOCK + i] += sum[i];
}

/* Item: one block of channels, whose pictures and rows come one after the other, so that sums do
 * not depend on the threads. */
static void grad_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct avl_shape *const out = &job->run->out.shape;
	for (int n = 0; n < out->n; n++)
		for (int row = 0; row < out->h; row++)
			grad_row(job, block, n, row);
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape;
	struct grad_job job = {
	    .run = run,
	    .grad = grad,
	    .top = avl_window_top(attr, in),
	    .left = avl_window_left(attr, in),
	};
	avl_op_clear(run, grad);
	avl_par_for(run->par, avl_blocks(in->c), grad_item, &job);
}

const struct avl_op avl_op_depthwise = {
    .name = "depthwise",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .unpack = unpack,
    .forward = forward,
    .backward = backward,
};
