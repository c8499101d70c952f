/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/arena.h"
#include "ops/conv.h"

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

/* Rows or columns of the kernel in a phase. */
static int part_of(int kernel, int stride, int phase)
{
	return phase < kernel ? whole(kernel - phase, stride) : 0;
}

struct avl_conv_reversed avl_conv_reversed(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct avl_conv_reversed r = {.p = avl_conv_plan(attr, in), .attr = attr};
	struct avl_conv_plan *const b = &r.border;
	r.cblocks = avl_blocks(in->c);
	r.oblocks = avl_blocks(attr->out);
	b->in = r.p.out;
	b->inner = AVL_BLOCK;
	b->before_h = whole(attr->kernel_h, attr->stride_h) - 1;
	b->before_w = whole(attr->kernel_w, attr->stride_w) - 1;
	const int last_h = (in->h - 1 + r.p.before_h) / attr->stride_h + 1;
	const int last_w = (in->w - 1 + r.p.before_w) / attr->stride_w + 1;
	b->h = b->before_h + (last_h > b->in.h ? last_h : b->in.h);
	b->w = b->before_w + (last_w > b->in.w ? last_w : b->in.w);
	b->copied = b->h > b->in.h || b->w > b->in.w;
	return r;
}

struct avl_conv_phase avl_conv_phase(const struct avl_conv_reversed *r, int number)
{
	const struct avl_attr *const a = r->attr;
	struct avl_conv_phase p = {0};
	for (int i = 0; i <= number; i++) {
		p.before += r->oblocks * p.h * p.w;
		p.h = part_of(a->kernel_h, a->stride_h, i / a->stride_w);
		p.w = part_of(a->kernel_w, a->stride_w, i % a->stride_w);
	}
	return p;
}

ptrdiff_t avl_conv_phase_weights(const struct avl_conv_reversed *r, int number, int k, int c)
{
	const struct avl_attr *const a = r->attr;
	const struct avl_conv_phase p = avl_conv_phase(r, number);
	const int row = number / a->stride_w + k / p.w % p.h * a->stride_h;
	const int col = number % a->stride_w + k % p.w * a->stride_w;
	return (ptrdiff_t)(k / p.w / p.h) * r->p.taps +
	       (ptrdiff_t)(c * a->kernel_h + row) * a->kernel_w + col;
}

ptrdiff_t avl_conv_phase_tap(const struct avl_conv_reversed *r, int number, int k)
{
	const struct avl_conv_phase p = avl_conv_phase(r, number);
	const ptrdiff_t plane = (ptrdiff_t)r->border.in.n * r->border.h * r->border.w * AVL_BLOCK;
	return k / p.w / p.h * plane -
	       ((ptrdiff_t)(k / p.w % p.h) * r->border.w + k % p.w) * AVL_BLOCK;
}

struct avl_conv_phase_row avl_conv_phase_row(const struct avl_conv_reversed *r, int y, int column)
{
	const struct avl_attr *const a = r->attr;
	const int at = y + r->p.before_h, rest = (column - r->p.before_w) % a->stride_w;
	const int first = rest < 0 ? rest + a->stride_w : rest;
	return (struct avl_conv_phase_row){
	    .number = at % a->stride_h * a->stride_w + column,
	    .first = first,
	    .pixels = first < r->p.in.w ? whole(r->p.in.w - first, a->stride_w) : 0,
	    .down = at / a->stride_h + r->border.before_h,
	    .right = (first + r->p.before_w) / a->stride_w + r->border.before_w,
	};
}

/* Floats of the turned weights; of a row of one phase, for two blocks. */
static size_t turned_floats(const struct avl_conv_reversed *r)
{
	return (size_t)r->oblocks * (size_t)r->cblocks * AVL_BLOCK * AVL_BLOCK *
	       (size_t)r->attr->kernel_h * (size_t)r->attr->kernel_w;
}

static size_t row_floats(const struct avl_conv_reversed *r)
{
	const int stride = r->attr->stride_w;
	return stride > 1 ? (size_t)whole(r->p.in.w, stride) * 2 * AVL_BLOCK : 0;
}

static size_t taps_floats(const struct avl_conv_reversed *r)
{
	const size_t bytes = (size_t)r->oblocks * (size_t)r->attr->kernel_h *
			     (size_t)r->attr->kernel_w * sizeof(ptrdiff_t);
	return (bytes + AVL_ALIGN - 1) / AVL_ALIGN * AVL_BLOCK;
}

size_t avl_conv_reverse_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				int threads)
{
	const struct avl_conv_reversed r = avl_conv_reversed(attr, in);
	return avl_conv_border_floats(&r.border, 0) + turned_floats(&r) + taps_floats(&r) +
	       (size_t)threads * row_floats(&r);
}

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct avl_conv_reversed r;
	const float *dy;
	float *turned, *rows;
	ptrdiff_t *tap;
};

/* Item: the turned weights of one phase that lead to one block of input channels. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_reversed *const r = &job->r;
	const int number = item / r->cblocks, c = item % r->cblocks;
	const struct avl_conv_phase p = avl_conv_phase(r, number);
	const ptrdiff_t tile = AVL_BLOCK * AVL_BLOCK;
	const float *const weights = job->run->packed + (size_t)r->oblocks * AVL_BLOCK;
	float *to =
	    job->turned +
	    ((ptrdiff_t)p.before * r->cblocks + (ptrdiff_t)c * r->oblocks * p.h * p.w) * tile;
	for (int k = 0; k < r->oblocks * p.h * p.w; k++, to += tile) {
		const float *const from = weights + avl_conv_phase_weights(r, number, k, c) * tile;
		for (int i = 0; i < AVL_BLOCK; i++)
			for (int j = 0; j < AVL_BLOCK; j++)
				to[j * AVL_BLOCK + i] = from[i * AVL_BLOCK + j];
	}
}

static void list_taps(struct job *job)
{
	const struct avl_conv_reversed *const r = &job->r;
	for (int number = 0; number < r->attr->stride_h * r->attr->stride_w; number++) {
		const struct avl_conv_phase p = avl_conv_phase(r, number);
		for (int k = 0; k < r->oblocks * p.h * p.w; k++)
			job->tap[p.before + k] = avl_conv_phase_tap(r, number, k);
	}
}

/* Between the pixels of a phase, side by side, and those of the row, STRIDE apart. */
static void set_apart(const float *from, int pixels, int stride, int fresh, float *to)
{
	for (int p = 0; p < pixels; p++, from += AVL_BLOCK, to += (ptrdiff_t)stride * AVL_BLOCK)
		for (int i = 0; i < AVL_BLOCK; i++)
			to[i] = fresh ? from[i] : to[i] + from[i];
}

/* The pixels of row Y in picture N that are of column phase PHASE, for one or two blocks. */
static void run_phase(const struct job *job, int n, int y, int column_phase, int block, int blocks,
		      float *row)
{
	const struct avl_conv_reversed *const r = &job->r;
	const struct avl_shape *const in = &r->p.in;
	const struct avl_conv_phase_row at = avl_conv_phase_row(r, y, column_phase);
	const struct avl_conv_phase p = avl_conv_phase(r, at.number);
	const int fresh = job->grad->fresh[0], stride = r->attr->stride_w;
	const int direct = stride == 1, pixels = at.pixels;
	const ptrdiff_t tile = AVL_BLOCK * AVL_BLOCK;
	if (!pixels || (!p.h && !fresh) || (!p.w && !fresh))
		return;
	float *const din = job->grad->din[0] + block * avl_block_stride(in) +
			   (((ptrdiff_t)n * in->h + y) * in->w + at.first) * AVL_BLOCK;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->dy +
		 (((ptrdiff_t)n * r->border.h + at.down) * r->border.w + at.right) * AVL_BLOCK,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap + p.before,
	    .taps = r->oblocks * p.h * p.w,
	    .inner = AVL_BLOCK,
	    .w = job->turned +
		 ((ptrdiff_t)p.before * r->cblocks + (ptrdiff_t)block * r->oblocks * p.h * p.w) *
		     tile,
	    .residual = direct && !fresh ? din : NULL,
	    .y = direct ? din : row,
	    .y_block = direct ? avl_block_stride(in) : (ptrdiff_t)pixels * AVL_BLOCK,
	    .pixels = pixels,
	    .blocks = blocks,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	});
	for (int b = 0; !direct && b < blocks; b++)
		set_apart(row + (ptrdiff_t)b * pixels * AVL_BLOCK, pixels, stride, fresh,
			  din + b * avl_block_stride(in));
}

/* Item: one or two blocks of input channels of one picture. */
static void din_item(void *argument, int item, int thread)
{
	const struct job *const job = argument;
	const struct avl_conv_reversed *const r = &job->r;
	const int pairs = whole(r->cblocks, 2), block = item % pairs * 2;
	const int blocks = r->cblocks - block < 2 ? 1 : 2;
	float *const row = job->rows + (size_t)thread * row_floats(r);
	for (int y = 0; y < r->p.in.h; y++)
		for (int phase = 0; phase < r->attr->stride_w; phase++)
			run_phase(job, item / pairs, y, phase, block, blocks, row);
}

void avl_conv_reverse(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct job job = {
	    .run = run, .grad = grad, .r = avl_conv_reversed(run->attr, &run->in[0].shape)};
	const struct avl_conv_reversed *const r = &job.r;
	const struct avl_map dout = avl_map_grad(&run->out, grad->dout);
	job.dy = avl_conv_border(&r->border, run->par, &dout, 0, grad->scratch).data;
	job.turned = grad->scratch + avl_conv_border_floats(&r->border, 0);
	job.tap = (ptrdiff_t *)(void *)(job.turned + turned_floats(r));
	job.rows = job.turned + turned_floats(r) + taps_floats(r);
	list_taps(&job);
	avl_par_for(run->par, run->attr->stride_h * run->attr->stride_w * r->cblocks, turn_item,
		    &job);
	avl_par_for(run->par, r->p.in.n * whole(r->cblocks, 2), din_item, &job);
}
