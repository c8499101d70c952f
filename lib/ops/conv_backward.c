/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/conv.h"
#include "ops/winograd.h"

/* The weights of output channel O from those of its block. */
static void unpack_output(const struct avl_attr *attr, const struct avl_conv_plan *p,
			  const float *from, int o, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t inner = (size_t)p->inner, lane = (size_t)(o % AVL_BLOCK);
	for (size_t c = 0; c < (size_t)p->in.c; c++)
		for (size_t k = 0; k < window; k++)
			*to++ =
			    from[((c / inner * window + k) * inner + c % inner) * AVL_BLOCK + lane];
}

void avl_conv_unpack(const struct avl_attr *attr, const struct avl_shape *in, const float *from,
		     const struct avl_params_out *params)
{
	assert(!attr->winograd || attr->plain);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	const size_t each = (size_t)in->c * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t block = (size_t)p.taps * (size_t)p.inner * AVL_BLOCK;
	const float *const weights = from + (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	for (int o = 0; params->bias && o < attr->out; o++)
		params->bias[o] = from[o];
	for (int o = 0; params->weight && o < attr->out; o++)
		unpack_output(attr, &p, weights + (size_t)(o / AVL_BLOCK) * block, o,
			      params->weight + (size_t)o * each);
}

/* Backward to the weights. The taps of a planar picture are few and single floats, so they are
 * first laid side by side, in blocks as channels are: some rows of output at a time, of as many
 * floats as these. */
#define LAID_FLOATS ((size_t)128 << 10)

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct avl_conv_plan p;
	const float *x; /* bordered input */
	float *laid;    /* [blocks of taps][rows][columns][16] */
	int rows;       /* of output, that are laid out at a time */
	int n, first, last;
};

static struct job job_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct job job = {.p = avl_conv_plan(attr, in)};
	if (!job.p.planar)
		return job;
	const size_t row = (size_t)avl_blocks(job.p.taps) * (size_t)job.p.out.w * AVL_BLOCK;
	job.rows = row < LAID_FLOATS ? (int)(LAID_FLOATS / row) : 1;
	job.rows = job.rows < job.p.out.h ? job.rows : job.p.out.h;
	return job;
}

static size_t laid_floats(const struct job *job)
{
	return (size_t)avl_blocks(job->p.taps) * (size_t)job->rows * (size_t)job->p.out.w *
	       AVL_BLOCK;
}

/* Item: one row of output. */
static void lay_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_plan *const p = &job->p;
	const struct avl_attr *const attr = job->run->attr;
	const int window = attr->kernel_h * attr->kernel_w;
	const ptrdiff_t block = (ptrdiff_t)job->rows * p->out.w * AVL_BLOCK;
	float *const to = job->laid + (ptrdiff_t)item * p->out.w * AVL_BLOCK;
	for (int t = 0; t < p->taps; t++) {
		const int y = (job->first + item) * attr->stride_h + t % window / attr->kernel_w;
		const float *const from =
		    job->x + (((ptrdiff_t)job->n * p->in.c + t / window) * p->h + y) * p->w +
		    t % attr->kernel_w;
		float *const column = to + t / AVL_BLOCK * block + t % AVL_BLOCK;
		for (int x = 0; x < p->out.w; x++)
			column[(ptrdiff_t)x * AVL_BLOCK] = from[(ptrdiff_t)x * attr->stride_w];
	}
}

/* Item: one block of taps by one of output channels. */
static void laid_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_plan *const p = &job->p;
	const int blocks = avl_blocks(p->taps), o = item / blocks, t = item % blocks;
	const int left = p->taps - t * AVL_BLOCK, count = job->last - job->first;
	float *const dw = job->grad->dpacked +
			  ((ptrdiff_t)avl_blocks(p->out.c) + (ptrdiff_t)o * p->taps) * AVL_BLOCK;
	avl_kern()->conv_dw(&(struct avl_conv_dw_job){
	    .x = job->laid + (ptrdiff_t)t * job->rows * p->out.w * AVL_BLOCK,
	    .x_pixel = AVL_BLOCK,
	    .inputs = left < AVL_BLOCK ? left : AVL_BLOCK,
	    .dy = job->grad->dout + o * avl_block_stride(&p->out) +
		  ((ptrdiff_t)job->n * p->out.h + job->first) * p->out.w * AVL_BLOCK,
	    .rows = 1,
	    .pixels = count * p->out.w,
	    .dw = dw + (ptrdiff_t)t * AVL_BLOCK * AVL_BLOCK,
	});
}

static void planar_weights(struct job *job)
{
	const struct avl_conv_plan *const p = &job->p;
	const int items = avl_blocks(p->out.c) * avl_blocks(p->taps);
	memset(job->laid, 0, laid_floats(job) * sizeof *job->laid);
	for (job->n = 0; job->n < p->in.n; job->n++)
		for (job->first = 0; job->first < p->out.h; job->first = job->last) {
			const int end = job->first + job->rows;
			job->last = end < p->out.h ? end : p->out.h;
			avl_par_for(job->run->par, job->last - job->first, lay_item, job);
			avl_par_for(job->run->par, items, laid_item, job);
		}
}

/* Item: the weights between one block of output channels and one of input. */
static void weights_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_plan *const p = &job->p;
	const struct avl_attr *const attr = job->run->attr;
	const int cblocks = avl_blocks(p->in.c), block = item / cblocks, c = item % cblocks;
	const int window = attr->kernel_h * attr->kernel_w;
	const ptrdiff_t row = (ptrdiff_t)p->w * AVL_BLOCK, tile = AVL_BLOCK * AVL_BLOCK;
	float *const dw = job->grad->dpacked + (ptrdiff_t)avl_blocks(attr->out) * AVL_BLOCK +
			  ((ptrdiff_t)block * p->taps + (ptrdiff_t)c * window) * tile;
	for (int n = 0; n < p->out.n; n++)
		for (int k = 0; k < window; k++)
			avl_kern()->conv_dw(&(struct avl_conv_dw_job){
			    .x = job->x + ((ptrdiff_t)c * p->in.n + n) * p->h * row +
				 k / attr->kernel_w * row +
				 (ptrdiff_t)(k % attr->kernel_w) * AVL_BLOCK,
			    .x_pixel = (ptrdiff_t)attr->stride_w * AVL_BLOCK,
			    .x_row = attr->stride_h * row,
			    .inputs = AVL_BLOCK,
			    .dy = job->grad->dout + block * avl_block_stride(&p->out) +
				  (ptrdiff_t)n * p->out.h * p->out.w * AVL_BLOCK,
			    .dy_row = (ptrdiff_t)p->out.w * AVL_BLOCK,
			    .rows = p->out.h,
			    .pixels = p->out.w,
			    .dw = dw + k * tile,
			});
}

/* Item: the bias of one block. */
static void bias_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_shape *const out = &job->p.out;
	const size_t row = (size_t)out->w;
	const float *dy = job->grad->dout + block * avl_block_stride(out);
	float *const dbias = job->grad->dpacked + (ptrdiff_t)block * AVL_BLOCK;
	for (int y = 0; y < out->n * out->h; y++, dy += row * AVL_BLOCK) {
		_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
		avl_kern()->sum(sum, dy, row, 1);
		for (int i = 0; i < AVL_BLOCK; i++)
			dbias[i] += sum[i];
	}
}

static void backward_weights(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct job job = job_of(run->attr, &run->in[0].shape);
	const struct avl_conv_plan *const p = &job.p;
	job.run = run;
	job.grad = grad;
	job.x = run->in[0].data;
	job.laid = grad->scratch + avl_conv_border_floats(p);
	if (p->copied) {
		avl_conv_border(p, run->par, run->in[0].data, grad->scratch);
		job.x = grad->scratch;
	}
	if (p->planar)
		planar_weights(&job);
	else
		avl_par_for(run->par, avl_blocks(p->in.c) * avl_blocks(p->out.c), weights_item,
			    &job);
	if (run->attr->bias)
		avl_par_for(run->par, avl_blocks(p->out.c), bias_item, &job);
}

size_t avl_conv_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in, int threads)
{
	if (attr->winograd)
		return avl_winograd_grad_scratch(attr, in, threads);
	const struct job job = job_of(attr, in);
	const size_t weights = avl_conv_border_floats(&job.p) + laid_floats(&job);
	const size_t input = attr->planar ? 0 : avl_conv_reverse_scratch(attr, in, threads);
	return weights > input ? weights : input;
}

void avl_conv_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	const struct avl_attr *const attr = run->attr;
	assert(!run->in[1].data && !attr->pool && (!attr->planar || !grad->din[0]));
	if (attr->winograd) {
		assert(attr->plain);
		avl_winograd_backward(run, grad);
		return;
	}
	if (grad->dpacked)
		backward_weights(run, grad);
	if (grad->din[0])
		avl_conv_reverse(run, grad);
}
