/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/ops.h"

/* Rows of the wide map, bordered with zeros, are made a block of channels at a time in the thread's
 * memory (without an expansion the input is that map), and rows of the deep map, what the depthwise
 * convolution gives, from them while they are in a cache. Then there are two ways:
 *
 * by bands, where a picture has many more pixels than channels: an item is a band of output rows,
 * all channels; it goes down the band some rows at a time, and they are finished at once;
 *
 * by blocks: an item is one or two blocks of channels of the deep map, all of it; the deep map goes
 * to memory and the op conv finishes it.
 *
 * The cut depends on the shape alone. */

/* Pixels of the deep map for each channel of it, from which on bands are better. */
#define BAND_RATIO 4
/* Floats that the rows in work should stay below: the second level cache holds more. */
#define WORK_FLOATS (160 * 1024)
/* Rows in work at a time, at most. */
#define STEP_ROWS 8
/* Bands of a picture, at least, where it has so many rows. */
#define BANDS 4
/* Rows of a band for each row of the wide map that the next band makes again. */
#define ROWS_A_ROW_LOST 14

struct plan {
	const struct avl_attr *expand, *deep, *point; /* expand NULL: none */
	struct avl_shape in, wide, mid, out;
	int top, left;            /* padding of the depthwise convolution */
	int width;                /* of a row of the wide map, borders included */
	int cblocks, blocks;      /* of the input, of the wide map */
	int inner, taps;          /* of the expansion: see conv job */
	int banded;               /* 1: by bands, 0: by blocks */
	int band_rows, step_rows; /* of the output */
	int held_rows;            /* of the wide map, for a step */
	int group;                /* blocks made one after the other before anything else */
	size_t expand_floats, deep_floats;
};

/* 1x1 convolutions with few inputs: the half block that is empty is left out. */
static int inner_of(int c)
{
	return c % AVL_BLOCK > 0 && c % AVL_BLOCK <= AVL_BLOCK / 2 ? AVL_BLOCK / 2 : AVL_BLOCK;
}

static size_t step_floats(const struct plan *p, int rows)
{
	const int held = p->expand ? (rows - 1) * p->deep->stride_h + p->deep->kernel_h : 0;
	return (size_t)p->blocks * AVL_BLOCK *
	       ((size_t)held * (size_t)p->width + (size_t)rows * (size_t)p->mid.w);
}

static void plan_bands(struct plan *p)
{
	const int lost = p->deep->kernel_h - p->deep->stride_h;
	const int apart = (p->mid.h + BANDS - 1) / BANDS;
	const int worth = p->expand && lost > 0
			      ? (ROWS_A_ROW_LOST * lost + p->deep->stride_h - 1) / p->deep->stride_h
			      : STEP_ROWS;
	p->band_rows = apart > worth ? worth : apart;
	p->group = 1;
	p->step_rows = STEP_ROWS;
	while (p->step_rows > 1 && step_floats(p, p->step_rows) > WORK_FLOATS)
		p->step_rows--;
}

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct plan p = {.in = *in, .wide = *in};
	p.expand = attr->then->then ? attr : NULL;
	p.deep = p.expand ? attr->then : attr;
	p.point = p.deep->then;
	p.wide.c = p.deep->out;
	avl_window_shape(p.deep, &p.wide, p.wide.c, &p.mid, NULL);
	p.out = p.mid;
	p.out.c = p.point->out;
	p.top = avl_window_top(p.deep, &p.wide);
	p.left = avl_window_left(p.deep, &p.wide);
	const int need = (p.mid.w - 1) * p.deep->stride_w + p.deep->kernel_w;
	p.width = need > p.left + in->w ? need : p.left + in->w;
	p.cblocks = avl_blocks(in->c);
	p.blocks = avl_blocks(p.wide.c);
	p.inner = inner_of(in->c);
	p.taps = (in->c + p.inner - 1) / p.inner;
	if (p.expand)
		p.expand_floats = (size_t)p.blocks * AVL_BLOCK * (size_t)(p.taps * p.inner + 1);
	p.deep_floats = avl_op_depthwise.packed(p.deep, &p.wide);
	p.banded = p.mid.h * p.mid.w >= BAND_RATIO * p.wide.c;
	if (p.banded) {
		plan_bands(&p);
	} else {
		p.group = p.blocks > 1 ? 2 : 1;
		p.band_rows = p.step_rows = p.mid.h;
	}
	if (p.expand)
		p.held_rows = (p.step_rows - 1) * p.deep->stride_h + p.deep->kernel_h;
	return p;
}

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	struct avl_shape wide = *in, mid;
	const struct avl_attr *deep = attr;
	if (attr->then->then) {
		const int code = avl_op_conv.shape(attr, in, &wide, err);
		if (code)
			return code;
		deep = attr->then;
	}
	const int code = avl_op_depthwise.shape(deep, &wide, &mid, err);
	return code ? code : avl_op_conv.shape(deep->then, &mid, out, err);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	return p.expand_floats + p.deep_floats + avl_op_conv.packed(p.point, &p.mid);
}

/* Bias [blocks][16], then weights [blocks][taps][inner][16]: those of the op conv without the half
 * block that is empty. */
static void pack_expansion(const struct plan *p, const struct avl_params *params, float *to)
{
	const size_t inputs = (size_t)(p->taps * p->inner);
	float *const weights = to + (size_t)p->blocks * AVL_BLOCK;
	memset(to, 0, p->expand_floats * sizeof *to);
	for (size_t o = 0; o < (size_t)p->wide.c; o++) {
		float *const at = weights + o / AVL_BLOCK * inputs * AVL_BLOCK + o % AVL_BLOCK;
		const float scale = avl_scale_of(params, o);
		to[o] = params->bias ? params->bias[o] : 0;
		for (size_t c = 0; c < (size_t)p->in.c; c++)
			at[c * AVL_BLOCK] = params->weight[o * (size_t)p->in.c + c] * scale;
	}
}

static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	const struct plan p = plan_of(attr, in);
	if (p.expand)
		pack_expansion(&p, params++, to);
	avl_op_depthwise.pack(p.deep, &p.wide, params, to + p.expand_floats);
	avl_op_conv.pack(p.point, &p.mid, params + 1, to + p.expand_floats + p.deep_floats);
}

/* Rows of the wide map, of all blocks by bands and of a group by blocks; and by bands behind them
 * those of the deep map. */
static size_t scratch_each(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	if (p.banded)
		return step_floats(&p, p.step_rows);
	return (size_t)p.group * AVL_BLOCK * (size_t)p.held_rows * (size_t)p.width;
}

/* The table of taps of the expansion and of the last convolution; by blocks the deep map and what
 * the op conv needs, too. */
static size_t tap_floats(const struct plan *p)
{
	const size_t bytes = (size_t)(p->taps + p->blocks) * sizeof(ptrdiff_t);
	return (bytes / sizeof(float) + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

static size_t scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	if (p.banded)
		return tap_floats(&p);
	const size_t floats =
	    tap_floats(&p) + avl_shape_floats(&p.mid) + avl_op_conv.scratch(p.point, &p.mid);
	return (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	ptrdiff_t *expand_tap, *point_tap;
	float *mid;  /* by blocks */
	float *each; /* the threads' memory */
	size_t each_floats;
};

/* Where rows of a group's blocks are made. */
struct rows {
	float *wide; /* [block][held_rows][width][16] */
	ptrdiff_t wide_block;
	int top;    /* row of the wide map that the first held row is */
	float *mid; /* of the first block, the next row */
	ptrdiff_t mid_block;
};

/* Row Y of the wide map of BLOCKS blocks from BLOCK on. */
static void make_wide(const struct job *job, int n, int y, int block, int blocks,
		      const struct rows *rows)
{
	const struct plan *const p = &job->p;
	float *const to =
	    rows->wide + ((ptrdiff_t)(y - rows->top) * p->width + p->left) * AVL_BLOCK;
	const ptrdiff_t row = ((ptrdiff_t)n * p->in.h + y) * p->in.w * AVL_BLOCK;
	const float *const x = job->run->in[0].data + row;
	const float *const packed = job->run->packed;
	const size_t inputs = (size_t)(p->taps * p->inner);
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = x,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->expand_tap,
	    .taps = p->taps,
	    .inner = p->inner,
	    .w = packed + ((size_t)p->blocks + (size_t)block * inputs) * AVL_BLOCK,
	    .bias = packed + (size_t)block * AVL_BLOCK,
	    .y = to,
	    .y_block = rows->wide_block,
	    .pixels = p->in.w,
	    .blocks = blocks,
	    .lo = p->expand->lo,
	    .hi = p->expand->hi,
	});
}

/* Row Y of the deep map of block BLOCK, the B-th of the group. Without an expansion the input is
 * the wide map, and its border is left to the kernel. */
static void make_deep(const struct job *job, int n, int y, int block, int b,
		      const struct rows *rows)
{
	const struct plan *const p = &job->p;
	const struct avl_attr *const attr = p->deep;
	const struct avl_window_rows seen = avl_window_rows(attr, p->top, p->in.h, y);
	const int width = p->expand ? p->width : p->in.w;
	const float *const bias = job->run->packed + p->expand_floats;
	const float *const weights = bias + p->blocks * AVL_BLOCK;
	const float *x = rows->wide + b * rows->wide_block;
	int row = seen.at - rows->top;
	if (!p->expand) {
		x = job->run->in[0].data + block * avl_block_stride(&p->in);
		row = n * p->in.h + seen.at;
	}
	avl_kern()->depthwise(&(struct avl_depthwise_job){
	    .x = x + (ptrdiff_t)row * width * AVL_BLOCK,
	    .rows = seen.count,
	    .width = width,
	    .w = weights + (block * attr->kernel_h + seen.first) * attr->kernel_w * AVL_BLOCK,
	    .columns = attr->kernel_w,
	    .stride = attr->stride_w,
	    .pad = p->expand ? 0 : p->left,
	    .bias = bias + block * AVL_BLOCK,
	    .y = rows->mid + b * rows->mid_block,
	    .pixels = p->mid.w,
	    .lo = attr->lo,
	    .hi = attr->hi,
	});
}

/* Rows FIRST..LAST-1 of the deep map of BLOCKS blocks; MADE: the first row of the wide map that is
 * not there yet. Each is made just before it is needed. */
static void make_rows(const struct job *job, int n, int first, int last, int made, int block,
		      int blocks, struct rows *rows)
{
	const struct plan *const p = &job->p;
	for (int y = first; y < last; y++, rows->mid += (ptrdiff_t)p->mid.w * AVL_BLOCK) {
		const int below = y * p->deep->stride_h - p->top + p->deep->kernel_h;
		for (; p->expand && made < below && made < p->in.h; made++)
			make_wide(job, n, made, block, blocks, rows);
		for (int b = 0; b < blocks; b++)
			make_deep(job, n, y, block + b, b, rows);
	}
}

/* Zeros to the left and right of COUNT rows. */
static void border(const struct plan *p, float *rows, int count)
{
	const int right = p->width - p->left - p->in.w;
	for (; count > 0; count--, rows += (ptrdiff_t)p->width * AVL_BLOCK) {
		memset(rows, 0, (size_t)p->left * AVL_BLOCK * sizeof *rows);
		memset(rows + (ptrdiff_t)(p->left + p->in.w) * AVL_BLOCK, 0,
		       (size_t)right * AVL_BLOCK * sizeof *rows);
	}
}

/* The last convolution of ROWS rows from FIRST on, which lie in MID, [block][rows][w][16]. */
static void finish(const struct job *job, int n, int first, int rows, const float *mid)
{
	const struct plan *const p = &job->p;
	const struct avl_op_run *const run = job->run;
	const float *const packed = run->packed + p->expand_floats + p->deep_floats;
	const ptrdiff_t at = ((ptrdiff_t)n * p->out.h + first) * p->out.w * AVL_BLOCK;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = mid,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->point_tap,
	    .taps = p->blocks,
	    .inner = AVL_BLOCK,
	    .w = packed + (ptrdiff_t)avl_blocks(p->out.c) * AVL_BLOCK,
	    .bias = packed,
	    .residual = run->in[1].data ? run->in[1].data + at : NULL,
	    .y = run->out.data + at,
	    .y_block = avl_block_stride(&p->out),
	    .pixels = rows * p->out.w,
	    .blocks = avl_blocks(p->out.c),
	    .lo = p->point->lo,
	    .hi = p->point->hi,
	});
}

/* Item: a band of output rows of a picture. */
static void band_item(void *argument, int number, int thread)
{
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const int bands = (p->mid.h + p->band_rows - 1) / p->band_rows, n = number / bands;
	const int begin = number % bands * p->band_rows;
	const int end = begin + p->band_rows < p->mid.h ? begin + p->band_rows : p->mid.h;
	const ptrdiff_t width = (ptrdiff_t)p->width * AVL_BLOCK, step = p->step_rows;
	float *const wide = job->each + (size_t)thread * job->each_floats;
	float *const mid = wide + p->blocks * p->held_rows * width;
	const ptrdiff_t mid_block = step * p->mid.w * AVL_BLOCK;
	border(p, wide, p->blocks * p->held_rows);
	int top = begin * p->deep->stride_h - p->top, made = top < 0 ? 0 : top;
	for (int first = begin; first < end; first += p->step_rows) {
		const int last = first + p->step_rows < end ? first + p->step_rows : end;
		const int below = (last - 1) * p->deep->stride_h - p->top + p->deep->kernel_h;
		const int next = last * p->deep->stride_h - p->top; /* top of the next step */
		for (int block = 0; block < p->blocks; block++) {
			struct rows rows = {.wide = wide + block * p->held_rows * width,
					    .top = top,
					    .mid = mid + block * mid_block};
			make_rows(job, n, first, last, made, block, 1, &rows);
			if (p->expand && next < below)
				memmove(rows.wide, rows.wide + (next - top) * width,
					(size_t)(below - next) * (size_t)width * sizeof *wide);
		}
		finish(job, n, first, last - first, mid);
		top = next;
		made = below > next ? below : next;
	}
}

/* Item: a group of blocks of the deep map of a picture. */
static void block_item(void *argument, int number, int thread)
{
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const int n = number % p->in.n, block = number / p->in.n * p->group;
	const int left = p->blocks - block, blocks = left < p->group ? left : p->group;
	struct rows rows = {
	    .wide = job->each + (size_t)thread * job->each_floats,
	    .wide_block = (ptrdiff_t)p->held_rows * p->width * AVL_BLOCK,
	    .top = -p->top,
	    .mid = job->mid + block * avl_block_stride(&p->mid) +
		   (ptrdiff_t)n * p->mid.h * p->mid.w * AVL_BLOCK,
	    .mid_block = avl_block_stride(&p->mid),
	};
	border(p, rows.wide, blocks * p->held_rows);
	make_rows(job, n, 0, p->mid.h, 0, block, blocks, &rows);
}

static void forward(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = plan_of(run->attr, &run->in[0].shape)};
	const struct plan *const p = &job.p;
	job.expand_tap = (ptrdiff_t *)(void *)run->scratch;
	job.point_tap = job.expand_tap + p->taps;
	job.mid = run->scratch + tap_floats(p);
	job.each = run->scratch + scratch(run->attr, &run->in[0].shape);
	job.each_floats = scratch_each(run->attr, &run->in[0].shape);
	for (int t = 0; t < p->taps; t++)
		job.expand_tap[t] =
		    t * p->inner / AVL_BLOCK * avl_block_stride(&p->in) + t * p->inner % AVL_BLOCK;
	if (p->banded) {
		const ptrdiff_t mid_block = (ptrdiff_t)p->step_rows * p->mid.w * AVL_BLOCK;
		for (int b = 0; b < p->blocks; b++)
			job.point_tap[b] = b * mid_block;
		avl_par_for(run->par, p->in.n * ((p->mid.h + p->band_rows - 1) / p->band_rows),
			    band_item, &job);
		return;
	}
	avl_par_for(run->par, p->in.n * ((p->blocks + p->group - 1) / p->group), block_item, &job);
	avl_op_conv.forward(&(struct avl_op_run){
	    .attr = p->point,
	    .in = {{p->mid, AVL_BLOCKED, job.mid}, run->in[1]},
	    .out = run->out,
	    .packed = run->packed + p->expand_floats + p->deep_floats,
	    .scratch = job.mid + avl_shape_floats(&p->mid),
	    .par = run->par,
	});
}

const struct avl_op avl_op_separable = {
    .name = "separable",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .scratch = scratch,
    .scratch_each = scratch_each,
    .forward = forward,
};
