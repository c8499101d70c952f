/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/arena.h"
#include "ops/bf16.h"
#include "ops/conv.h"

/* As conv_reverse.c, in bf16: a pair of output channels in each step. */

enum { PAIRS = AVL_BLOCK / 2, TILE = AVL_BLOCK * AVL_BLOCK };

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct avl_conv_reversed r;
	const uint16_t *dy;
	uint16_t *turned; /* [phases][input blocks][taps][pairs][16][2] */
	struct avl_tap_bf16 *tap;
	float *rows; /* a thread's: pixels of one phase, for two blocks */
};

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

static size_t rounded(size_t bytes)
{
	return (bytes + AVL_ALIGN - 1) / AVL_ALIGN * AVL_ALIGN / sizeof(float);
}

static int taps_of(const struct avl_conv_reversed *r)
{
	return r->oblocks * r->attr->kernel_h * r->attr->kernel_w;
}

static size_t turned_floats(const struct avl_conv_reversed *r)
{
	return (size_t)taps_of(r) * (size_t)r->cblocks * TILE / 2;
}

static size_t row_floats(const struct avl_conv_reversed *r)
{
	return (size_t)whole(r->p.in.w, r->attr->stride_w) * 2 * AVL_BLOCK;
}

size_t avl_conv_bf16_reverse_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				     int threads)
{
	const struct avl_conv_reversed r = avl_conv_reversed(attr, in);
	return avl_conv_border_floats(&r.border, 1) + turned_floats(&r) +
	       rounded((size_t)taps_of(&r) * sizeof(struct avl_tap_bf16)) +
	       (attr->stride_w > 1 ? (size_t)threads * row_floats(&r) : 0);
}

/* The weights of a tap, FROM [inputs][outputs], rounded and turned: pairs of outputs, for each
 * input. */
static void turn_tap(const float *from, uint16_t *to)
{
	uint16_t tile[TILE];
	avl_kern()->bf16.narrow(tile, from, TILE);
	for (int c = 0; c < AVL_BLOCK; c++)
		for (int i = 0; i < PAIRS; i++)
			memcpy(to + (i * AVL_BLOCK + c) * 2, tile + c * AVL_BLOCK + 2 * i,
			       2 * sizeof *to);
}

/* Item: the turned weights of one phase that lead to one block of input channels. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_reversed *const r = &job->r;
	const int number = item / r->cblocks, c = item % r->cblocks;
	const struct avl_conv_phase p = avl_conv_phase(r, number);
	const float *const weights = job->run->packed + (size_t)r->oblocks * AVL_BLOCK;
	uint16_t *to =
	    job->turned +
	    ((ptrdiff_t)p.before * r->cblocks + (ptrdiff_t)c * r->oblocks * p.h * p.w) * TILE;
	for (int k = 0; k < r->oblocks * p.h * p.w; k++, to += TILE)
		turn_tap(weights + avl_conv_phase_weights(r, number, k, c) * TILE, to);
}

static void list_taps(struct job *job)
{
	const struct avl_conv_reversed *const r = &job->r;
	for (int number = 0; number < r->attr->stride_h * r->attr->stride_w; number++) {
		const struct avl_conv_phase p = avl_conv_phase(r, number);
		for (int k = 0; k < r->oblocks * p.h * p.w; k++)
			job->tap[p.before + k] = (struct avl_tap_bf16){
			    .at = avl_conv_phase_tap(r, number, k), .pairs = PAIRS};
	}
}

/* Pixels side by side to every STRIDE-th of a row. */
static void set_apart(const float *from, int pixels, int stride, int fresh, uint16_t *to)
{
	_Alignas(AVL_ALIGN) uint16_t pixel[AVL_BLOCK];
	for (int p = 0; p < pixels; p++, from += AVL_BLOCK, to += (ptrdiff_t)stride * AVL_BLOCK) {
		avl_kern()->bf16.narrow(fresh ? to : pixel, from, AVL_BLOCK);
		if (!fresh)
			avl_kern()->bf16.add(to, to, pixel, AVL_BLOCK, -INFINITY, INFINITY);
	}
}

/* The pixels of row Y in picture N that are of column phase COLUMN, for one or two blocks. */
static void run_phase(const struct job *job, int n, int y, int column, int block, int blocks,
		      float *row)
{
	const struct avl_conv_reversed *const r = &job->r;
	const struct avl_shape *const in = &r->p.in;
	const struct avl_conv_phase_row at = avl_conv_phase_row(r, y, column);
	const struct avl_conv_phase p = avl_conv_phase(r, at.number);
	const int fresh = job->grad->fresh[0], direct = r->attr->stride_w == 1;
	if (!at.pixels || (!fresh && (!p.h || !p.w)))
		return;
	const struct avl_map map = avl_map_grad(&job->run->in[0], job->grad->din[0]);
	uint16_t *const din = avl_map_bf16(&map) + block * avl_block_stride(in) +
			      (((ptrdiff_t)n * in->h + y) * in->w + at.first) * AVL_BLOCK;
	const ptrdiff_t taps = (ptrdiff_t)r->oblocks * p.h * p.w;
	avl_kern()->bf16.conv(&(struct avl_conv_bf16_job){
	    .x = job->dy +
		 (((ptrdiff_t)n * r->border.h + at.down) * r->border.w + at.right) * AVL_BLOCK,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap + p.before,
	    .taps = (int)taps,
	    .w = job->turned + ((ptrdiff_t)p.before * r->cblocks + block * taps) * TILE,
	    .w_block = taps * TILE,
	    .residual = direct && !fresh ? din : NULL,
	    .y = direct ? (void *)din : (void *)row,
	    .y_is_float = !direct,
	    .y_block = direct ? avl_block_stride(in) : (ptrdiff_t)at.pixels * AVL_BLOCK,
	    .pixels = at.pixels,
	    .blocks = blocks,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	});
	for (int b = 0; !direct && b < blocks; b++)
		set_apart(row + (ptrdiff_t)b * at.pixels * AVL_BLOCK, at.pixels, r->attr->stride_w,
			  fresh, din + b * avl_block_stride(in));
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
		for (int column = 0; column < r->attr->stride_w; column++)
			run_phase(job, item / pairs, y, column, block, blocks, row);
}

void avl_conv_bf16_reverse(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct job job = {
	    .run = run, .grad = grad, .r = avl_conv_reversed(run->attr, &run->in[0].shape)};
	const struct avl_conv_reversed *const r = &job.r;
	const struct avl_map dout = avl_map_grad(&run->out, grad->dout);
	const struct avl_map seen = avl_conv_border(&r->border, run->par, &dout, 1, grad->scratch);
	float *at = grad->scratch + avl_conv_border_floats(&r->border, 1);
	job.dy = avl_map_bf16(&seen);
	job.turned = (uint16_t *)(void *)at;
	at += turned_floats(r);
	job.tap = (struct avl_tap_bf16 *)(void *)at;
	job.rows = at + rounded((size_t)taps_of(r) * sizeof *job.tap);
	list_taps(&job);
	avl_par_for(run->par, run->attr->stride_h * run->attr->stride_w * r->cblocks, turn_item,
		    &job);
	avl_par_for(run->par, r->p.in.n * whole(r->cblocks, 2), din_item, &job);
}
