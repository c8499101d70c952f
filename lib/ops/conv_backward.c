/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/bf16.h"
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

/* Backward to the weights, whose gradients are in fp32. The taps of a planar picture are few and
 * single numbers, so they are first laid side by side, in blocks as channels are: some rows of
 * output at a time, of as many elements as these. */
#define LAID_ELEMENTS ((size_t)128 << 10)

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct avl_conv_plan p;
	struct avl_map x, dy; /* bordered input, and the gradients */
	struct avl_map laid;  /* [blocks of taps][rows][columns][16] */
	int in_bf16;          /* all three */
	int rows;             /* of output, that are laid out at a time */
	int n, first, last;
};

static struct job job_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct job job = {.p = avl_conv_plan(attr, in)};
	if (!job.p.planar)
		return job;
	const size_t row = (size_t)avl_blocks(job.p.taps) * (size_t)job.p.out.w * AVL_BLOCK;
	job.rows = row < LAID_ELEMENTS ? (int)(LAID_ELEMENTS / row) : 1;
	job.rows = job.rows < job.p.out.h ? job.rows : job.p.out.h;
	return job;
}

static size_t laid_elements(const struct job *job)
{
	return (size_t)avl_blocks(job->p.taps) * (size_t)job->rows * (size_t)job->p.out.w *
	       AVL_BLOCK;
}

static void add_to_weights(const struct job *job, const struct avl_conv_dw_job *pixels)
{
	if (job->in_bf16)
		avl_kern()->bf16.conv_dw(pixels);
	else
		avl_kern()->conv_dw(pixels);
}

/* A row of one tap: N elements of FROM, STEP apart, to every 16th of TO. */
static void lay_tap(const struct job *job, ptrdiff_t from, int step, int n, ptrdiff_t to)
{
	const void *const source = avl_map_at(&job->x, from);
	void *const column = avl_map_at(&job->laid, to);
	for (ptrdiff_t i = 0; job->in_bf16 && i < n; i++)
		((uint16_t *)column)[i * AVL_BLOCK] = ((const uint16_t *)source)[i * step];
	for (ptrdiff_t i = 0; !job->in_bf16 && i < n; i++)
		((float *)column)[i * AVL_BLOCK] = ((const float *)source)[i * step];
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
	const ptrdiff_t to = (ptrdiff_t)item * p->out.w * AVL_BLOCK;
	for (int t = 0; t < p->taps; t++) {
		const int y = (job->first + item) * attr->stride_h + t % window / attr->kernel_w;
		lay_tap(job,
			(((ptrdiff_t)job->n * p->in.c + t / window) * p->h + y) * p->w +
			    t % attr->kernel_w,
			attr->stride_w, p->out.w, to + t / AVL_BLOCK * block + t % AVL_BLOCK);
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
	add_to_weights(
	    job, &(struct avl_conv_dw_job){
		     .x = avl_map_at(&job->laid, (ptrdiff_t)t * job->rows * p->out.w * AVL_BLOCK),
		     .x_pixel = AVL_BLOCK,
		     .inputs = left < AVL_BLOCK ? left : AVL_BLOCK,
		     .dy = avl_map_at(&job->dy, o * avl_block_stride(&p->out) +
						    ((ptrdiff_t)job->n * p->out.h + job->first) *
							p->out.w * AVL_BLOCK),
		     .rows = 1,
		     .pixels = count * p->out.w,
		     .dw = dw + (ptrdiff_t)t * AVL_BLOCK * AVL_BLOCK,
		 });
}

static void planar_weights(struct job *job)
{
	const struct avl_conv_plan *const p = &job->p;
	const int items = avl_blocks(p->out.c) * avl_blocks(p->taps);
	memset(job->laid.data, 0,
	       laid_elements(job) * (job->in_bf16 ? sizeof(uint16_t) : sizeof(float)));
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
			add_to_weights(
			    job, &(struct avl_conv_dw_job){
				     .x = avl_map_at(&job->x, (((ptrdiff_t)c * p->in.n + n) * p->h +
							       k / attr->kernel_w) *
								      row +
								  (ptrdiff_t)(k % attr->kernel_w) *
								      AVL_BLOCK),
				     .x_pixel = (ptrdiff_t)attr->stride_w * AVL_BLOCK,
				     .x_row = attr->stride_h * row,
				     .inputs = AVL_BLOCK,
				     .dy = avl_map_at(&job->dy, block * avl_block_stride(&p->out) +
								    (ptrdiff_t)n * p->out.h *
									p->out.w * AVL_BLOCK),
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
	const ptrdiff_t row = (ptrdiff_t)out->w * AVL_BLOCK;
	ptrdiff_t at = block * avl_block_stride(out);
	float *const dbias = job->grad->dpacked + (ptrdiff_t)block * AVL_BLOCK;
	for (int y = 0; y < out->n * out->h; y++, at += row) {
		_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
		if (job->in_bf16)
			avl_kern()->bf16.sum(sum, avl_map_at(&job->dy, at), (size_t)out->w, 1);
		else
			avl_kern()->sum(sum, avl_map_at(&job->dy, at), (size_t)out->w, 1);
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
	job.in_bf16 = run->out.layout == AVL_BLOCKED_BF16;
	job.x = avl_conv_border(p, run->par, &run->in[0], job.in_bf16, grad->scratch);
	job.dy = avl_map_grad(&run->out, grad->dout);
	job.laid = avl_map_grad(&run->out, grad->scratch + avl_conv_border_floats(p, job.in_bf16));
	if (p->planar)
		planar_weights(&job);
	else
		avl_par_for(run->par, avl_blocks(p->in.c) * avl_blocks(p->out.c), weights_item,
			    &job);
	if (run->attr->bias)
		avl_par_for(run->par, avl_blocks(p->out.c), bias_item, &job);
}

static size_t weights_scratch(const struct avl_attr *attr, const struct avl_shape *in, int in_bf16)
{
	const struct job job = job_of(attr, in);
	const size_t laid = laid_elements(&job);
	return avl_conv_border_floats(&job.p, in_bf16) + (in_bf16 ? (laid + 1) / 2 : laid);
}

size_t avl_conv_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in, int threads)
{
	if (attr->winograd)
		return avl_winograd_grad_scratch(attr, in, threads);
	const size_t weights = weights_scratch(attr, in, 0);
	const size_t input = attr->planar ? 0 : avl_conv_reverse_scratch(attr, in, threads);
	return weights > input ? weights : input;
}

size_t avl_conv_bf16_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				  int threads)
{
	if (attr->winograd)
		return avl_winograd_grad_scratch(attr, in, threads);
	const size_t weights = weights_scratch(attr, in, 1);
	const size_t input = attr->planar ? 0 : avl_conv_bf16_reverse_scratch(attr, in, threads);
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
	if (!grad->din[0])
		return;
	if (run->out.layout == AVL_BLOCKED_BF16)
		avl_conv_bf16_reverse(run, grad);
	else
		avl_conv_reverse(run, grad);
}
