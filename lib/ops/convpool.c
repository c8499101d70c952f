/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "ops/conv.h"

/* Each item convolves a stretch of a row for one or two blocks of channels into its thread's memory
 * and takes the maxima from there. The cut depends on the shape alone. */

/* Convolved pixels of an item: with two blocks, what the first level cache holds half of. */
#define STRETCH_PIXELS 128

struct plan {
	struct avl_conv_plan conv;
	struct avl_shape out;
	int pool;      /* columns of a window, and its stride */
	int pixels;    /* pooled, of an item */
	int stretches; /* of a row */
	int pairs;     /* of blocks of channels */
};

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct plan p = {.conv = avl_conv_plan(attr, in), .pool = attr->then->kernel_w};
	avl_window_shape(attr->then, &p.conv.out, attr->out, &p.out, NULL);
	p.pixels = p.pool < STRETCH_PIXELS ? STRETCH_PIXELS / p.pool : 1;
	p.stretches = (p.out.w + p.pixels - 1) / p.pixels;
	p.pairs = (avl_blocks(attr->out) + 1) / 2;
	return p;
}

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	struct avl_shape between;
	const struct avl_attr *const pool = attr->then;
	assert(pool->kernel_h == 1 && pool->stride_h == 1 && pool->stride_w == pool->kernel_w);
	assert(pool->pad == AVL_PAD_FIXED && !pool->pad_h && !pool->pad_w);
	const int code = avl_op_conv.shape(attr, in, &between, err);
	return code ? code : avl_op_maxpool.shape(pool, &between, out, err);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	return avl_op_conv.packed(attr, in);
}

static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	avl_op_conv.pack(attr, in, params, to);
}

static size_t scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	return (avl_op_conv.scratch(attr, in) + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

static size_t scratch_each(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	return (size_t)(2 * p.pixels * p.pool) * AVL_BLOCK;
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	const float *x; /* what the taps see: the input or its copy */
	const ptrdiff_t *tap;
	float *each; /* the threads' memory */
	size_t each_floats;
};

/* PIXELS pixels of pooled row ROW of picture N, from FIRST on, of the blocks of a pair. */
static void stretch(const struct job *job, int n, int row, int first, int pixels, int pair,
		    float *between)
{
	const struct avl_attr *const attr = job->run->attr;
	const struct plan *const p = &job->p;
	const int inner = p->conv.inner, block = 2 * pair, columns = pixels * p->pool;
	const int blocks = avl_blocks(attr->out) - block < 2 ? 1 : 2;
	const size_t inputs = (size_t)p->conv.taps * (size_t)inner;
	const size_t biases = (size_t)avl_blocks(attr->out);
	const ptrdiff_t width = (ptrdiff_t)p->conv.w * inner;
	const ptrdiff_t picture = p->conv.h * width * (p->conv.planar ? p->conv.in.c : 1);
	const ptrdiff_t x_pixel = (ptrdiff_t)attr->stride_w * inner;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->x + n * picture + row * attr->stride_h * width + first * p->pool * x_pixel,
	    .x_pixel = x_pixel,
	    .tap = job->tap,
	    .taps = p->conv.taps,
	    .inner = inner,
	    .w = job->run->packed + (biases + (size_t)block * inputs) * AVL_BLOCK,
	    .bias = job->run->packed + (size_t)block * AVL_BLOCK,
	    .y = between,
	    .y_block = (ptrdiff_t)columns * AVL_BLOCK,
	    .pixels = columns,
	    .blocks = blocks,
	    .lo = attr->lo,
	    .hi = attr->hi,
	});
	for (int b = 0; b < blocks; b++)
		avl_kern()->maxpool(&(struct avl_maxpool_job){
		    .x = between + (ptrdiff_t)b * columns * AVL_BLOCK,
		    .rows = 1,
		    .width = columns,
		    .columns = p->pool,
		    .stride = p->pool,
		    .y = job->run->out.data + (block + b) * avl_block_stride(&p->out) +
			 (((ptrdiff_t)n * p->out.h + row) * p->out.w + first) * AVL_BLOCK,
		    .pixels = pixels,
		});
}

static void item(void *argument, int number, int thread)
{
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const int pair = number % p->pairs, first = number / p->pairs % p->stretches * p->pixels;
	const int row = number / p->pairs / p->stretches;
	const int left = p->out.w - first;
	stretch(job, row / p->out.h, row % p->out.h, first, left < p->pixels ? left : p->pixels,
		pair, job->each + (size_t)thread * job->each_floats);
}

static void forward(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = plan_of(run->attr, &run->in[0].shape)};
	const struct plan *const p = &job.p;
	ptrdiff_t *const tap =
	    (ptrdiff_t *)(void *)(run->scratch + avl_conv_border_floats(&p->conv, 0));
	avl_conv_taps(run->attr, &p->conv, tap);
	job.tap = tap;
	job.each = run->scratch + scratch(run->attr, &run->in[0].shape);
	job.each_floats = scratch_each(run->attr, &run->in[0].shape);
	job.x = avl_conv_border(&p->conv, run->par, &run->in[0], 0, run->scratch).data;
	avl_par_for(run->par, p->out.n * p->out.h * p->stretches * p->pairs, item, &job);
}

const struct avl_op avl_op_convpool = {
    .name = "convpool",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .scratch = scratch,
    .scratch_each = scratch_each,
    .forward = forward,
};
