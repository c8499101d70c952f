/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/arena.h"
#include "ops/conv.h"

/* A direct convolution backward to its input. With the stride s, an input at position x sees the
 * outputs (x + before - q) / s for the columns q of the kernel that leave no rest; so positions are
 * parted into s phases by (x + before) % s, and rows likewise. Each phase is a convolution of
 * stride 1 of the gradients, bordered by zeros, with its part of the kernel turned round and its
 * channels exchanged. */

struct reverse {
	struct avl_conv_plan p;      /* forward */
	struct avl_conv_plan border; /* of the gradients */
	int cblocks, oblocks;
	size_t turned; /* floats of the turned weights */
	size_t row;    /* floats of a row of one phase, for two blocks */
	const struct avl_attr *attr;
};

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

/* Rows or columns of the kernel in a phase. */
static int part_of(int kernel, int stride, int phase)
{
	return phase < kernel ? whole(kernel - phase, stride) : 0;
}

static struct reverse reverse_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct reverse r = {.p = avl_conv_plan(attr, in), .attr = attr};
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
	r.turned = (size_t)r.oblocks * (size_t)r.cblocks * AVL_BLOCK * AVL_BLOCK *
		   (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	r.row = attr->stride_w > 1 ? (size_t)whole(in->w, attr->stride_w) * 2 * AVL_BLOCK : 0;
	return r;
}

static size_t taps_floats(const struct reverse *r)
{
	const size_t bytes = (size_t)r->oblocks * (size_t)r->attr->kernel_h *
			     (size_t)r->attr->kernel_w * sizeof(ptrdiff_t);
	return (bytes + AVL_ALIGN - 1) / AVL_ALIGN * AVL_BLOCK;
}

size_t avl_conv_reverse_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				int threads)
{
	const struct reverse r = reverse_of(attr, in);
	return avl_conv_border_floats(&r.border) + r.turned + taps_floats(&r) +
	       (size_t)threads * r.row;
}

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct reverse r;
	const float *dy;
	float *turned, *rows;
	ptrdiff_t *tap;
};

struct phase {
	int h, w;   /* rows and columns of the kernel */
	int before; /* of its taps among all */
};

static struct phase phase_of(const struct reverse *r, int number)
{
	const struct avl_attr *const a = r->attr;
	struct phase p = {0};
	for (int i = 0; i <= number; i++) {
		p.before += r->oblocks * p.h * p.w;
		p.h = part_of(a->kernel_h, a->stride_h, i / a->stride_w);
		p.w = part_of(a->kernel_w, a->stride_w, i % a->stride_w);
	}
	return p;
}

/* Item: the turned weights of one phase that lead to one block of input channels. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct reverse *const r = &job->r;
	const struct avl_attr *const a = r->attr;
	const int number = item / r->cblocks, c = item % r->cblocks;
	const struct phase p = phase_of(r, number);
	const ptrdiff_t tile = AVL_BLOCK * AVL_BLOCK;
	const float *const weights = job->run->packed + (size_t)r->oblocks * AVL_BLOCK;
	float *to =
	    job->turned +
	    ((ptrdiff_t)p.before * r->cblocks + (ptrdiff_t)c * r->oblocks * p.h * p.w) * tile;
	for (int k = 0; k < r->oblocks * p.h * p.w; k++, to += tile) {
		const int row = number / a->stride_w + k / p.w % p.h * a->stride_h;
		const int col = number % a->stride_w + k % p.w * a->stride_w;
		const ptrdiff_t tap = (ptrdiff_t)(k / p.w / p.h) * r->p.taps +
				      (ptrdiff_t)(c * a->kernel_h + row) * a->kernel_w + col;
		const float *const from = weights + tap * tile;
		for (int i = 0; i < AVL_BLOCK; i++)
			for (int j = 0; j < AVL_BLOCK; j++)
				to[j * AVL_BLOCK + i] = from[i * AVL_BLOCK + j];
	}
}

static void list_taps(struct job *job)
{
	const struct reverse *const r = &job->r;
	const ptrdiff_t plane = (ptrdiff_t)r->border.in.n * r->border.h * r->border.w * AVL_BLOCK;
	for (int number = 0; number < r->attr->stride_h * r->attr->stride_w; number++) {
		const struct phase p = phase_of(r, number);
		for (int k = 0; k < r->oblocks * p.h * p.w; k++)
			job->tap[p.before + k] =
			    k / p.w / p.h * plane -
			    ((ptrdiff_t)(k / p.w % p.h) * r->border.w + k % p.w) * AVL_BLOCK;
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
	const struct reverse *const r = &job->r;
	const struct avl_attr *const a = r->attr;
	const struct avl_shape *const in = &r->p.in;
	const int at = y + r->p.before_h;
	const struct phase p = phase_of(r, at % a->stride_h * a->stride_w + column_phase);
	const int rest = (column_phase - r->p.before_w) % a->stride_w;
	const int first = rest < 0 ? rest + a->stride_w : rest;
	const int fresh = job->grad->fresh[0];
	const ptrdiff_t tile = AVL_BLOCK * AVL_BLOCK;
	if (first >= in->w || (!p.h && !fresh) || (!p.w && !fresh))
		return;
	float *const din = job->grad->din[0] + block * avl_block_stride(in) +
			   (((ptrdiff_t)n * in->h + y) * in->w + first) * AVL_BLOCK;
	const int down = at / a->stride_h + r->border.before_h;
	const int right = (first + r->p.before_w) / a->stride_w + r->border.before_w;
	const int direct = a->stride_w == 1, pixels = whole(in->w - first, a->stride_w);
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->dy + (((ptrdiff_t)n * r->border.h + down) * r->border.w + right) * AVL_BLOCK,
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
		set_apart(row + (ptrdiff_t)b * pixels * AVL_BLOCK, pixels, a->stride_w, fresh,
			  din + b * avl_block_stride(in));
}

/* Item: one or two blocks of input channels of one picture. */
static void din_item(void *argument, int item, int thread)
{
	const struct job *const job = argument;
	const struct reverse *const r = &job->r;
	const int pairs = whole(r->cblocks, 2), block = item % pairs * 2;
	const int blocks = r->cblocks - block < 2 ? 1 : 2;
	float *const row = job->rows + (size_t)thread * r->row;
	for (int y = 0; y < r->p.in.h; y++)
		for (int phase = 0; phase < r->attr->stride_w; phase++)
			run_phase(job, item / pairs, y, phase, block, blocks, row);
}

void avl_conv_reverse(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct job job = {.run = run, .grad = grad, .r = reverse_of(run->attr, &run->in[0].shape)};
	const struct reverse *const r = &job.r;
	job.dy = grad->dout;
	job.turned = grad->scratch + avl_conv_border_floats(&r->border);
	job.tap = (ptrdiff_t *)(void *)(job.turned + r->turned);
	job.rows = job.turned + r->turned + taps_floats(r);
	if (r->border.copied) {
		avl_conv_border(&r->border, run->par, grad->dout, grad->scratch);
		job.dy = grad->scratch;
	}
	list_taps(&job);
	avl_par_for(run->par, run->attr->stride_h * run->attr->stride_w * r->cblocks, turn_item,
		    &job);
	avl_par_for(run->par, r->p.in.n * whole(r->cblocks, 2), din_item, &job);
}
