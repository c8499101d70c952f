/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/bf16.h"
#include "ops/conv.h"
#include "ops/winograd.h"

/* As ops/conv.c, but for the border: rows of the window that lie outside the picture are left out
 * of the sums, and so are its columns where one pixel at most is concerned at each end of a row,
 * as with a 3x3 window. Only other windows, planar pictures and inputs in fp32 are copied. */

/* Pixels of an item: a multiple of the kernel's tile. */
#define BAND_PIXELS 112
/* Fewer items than this and the output channels are cut as well: one item may be left over at the
 * end, which must be little of the whole. */
#define ITEMS_MIN 16
/* Bytes of weights that stay in a second level cache together with a band of inputs. */
#define CACHE_BYTES ((size_t)512 * 1024)

struct plan {
	struct avl_shape in, out;
	int planar;
	int flat;      /* 1x1, stride 1: the map is one long row */
	int bordered;  /* a copy with columns of zeros is made */
	int top, left; /* padding */
	int w, border; /* of the rows that the taps see: width, columns of zeros before the first */
	int planes;    /* blocks of channels, or channels where planar */
	int columns;   /* taps of a row of the window: pairs of columns where planar */
	int pairs;     /* in the window's row, over all planes */
};

/* Output pixels 0..out.w-1 for which column Q of the window lies inside the picture: FIRST to
 * LAST-1. */
static void inside(const struct avl_attr *attr, const struct plan *p, int q, int *first, int *last)
{
	const int before = p->left - q, stride = attr->stride_w;
	*first = before > 0 ? (before + stride - 1) / stride : 0;
	const int after = p->in.w - 1 + before;
	*last = after < 0 ? 0 : after / stride + 1;
	if (*last > p->out.w)
		*last = p->out.w;
}

/* Whether a tap leaves out the first pixel of a row at most, or the last. */
static int needs_border(const struct avl_attr *attr, const struct plan *p)
{
	for (int q = 0; q < attr->kernel_w; q++) {
		int first, last;
		inside(attr, p, q, &first, &last);
		if (first > 1 || last < p->out.w - 1 || (first == 1 && last == p->out.w - 1))
			return 1;
	}
	return 0;
}

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct plan p = {.in = *in, .planar = attr->planar, .w = in->w};
	avl_window_shape(attr, in, attr->out, &p.out, NULL);
	p.top = avl_window_top(attr, in);
	p.left = avl_window_left(attr, in);
	p.planes = p.planar ? in->c : avl_blocks(in->c);
	p.columns = p.planar ? (attr->kernel_w + 1) / 2 : attr->kernel_w;
	p.pairs = p.planar ? in->c * p.columns : (in->c + 1) / 2 * attr->kernel_w;
	p.bordered = p.planar || needs_border(attr, &p);
	if (p.bordered) {
		const int seen = (p.out.w - 1) * attr->stride_w + p.columns * (p.planar ? 2 : 1);
		p.border = p.left;
		p.w = seen > in->w + p.border ? seen : in->w + p.border;
	}
	p.flat = attr->kernel_h == 1 && attr->kernel_w == 1 && attr->stride_h == 1 &&
		 attr->stride_w == 1 && !p.top && !p.bordered && p.out.h == in->h;
	return p;
}

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, attr->out, out, err);
}

/* Elements of the weights of a block of output channels. */
static size_t block_weights(const struct avl_attr *attr, const struct plan *p)
{
	return (size_t)attr->kernel_h * (size_t)p->pairs * 2 * AVL_BLOCK;
}

/* Floats of biases and weights in bf16. */
static size_t rounded_floats(const struct avl_attr *attr, const struct plan *p)
{
	return (size_t)avl_blocks(attr->out) * (AVL_BLOCK + block_weights(attr, p) / 2);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	return attr->plain ? avl_op_conv.packed(attr, in) : rounded_floats(attr, &p);
}

/* Of pairs of plane C: 8, or what the last block of channels has. */
static int plane_pairs(const struct plan *p, int plane)
{
	const int left = p->in.c - plane * AVL_BLOCK;
	return p->planar ? 1 : left < AVL_BLOCK ? (left + 1) / 2 : AVL_BLOCK / 2;
}

/* The outputs that are packed side by side. */
struct lanes {
	const float *weight; /* of the first */
	size_t each;         /* floats from one to the next */
	int count;
	float scale[AVL_BLOCK];
};

/* A pair of inputs, from AT on, for each of 16 outputs; SECOND: floats from the first input of a
 * pair to the second, 0 where there is none. */
static void pack_pair(const struct lanes *lanes, size_t at, size_t second, uint16_t *to)
{
	const float *from = lanes->weight + at;
	float pair[2 * AVL_BLOCK] = {0};
	for (int lane = 0; lane < lanes->count; lane++, from += lanes->each) {
		pair[2 * lane] = from[0] * lanes->scale[lane];
		pair[2 * lane + 1] = second ? from[second] * lanes->scale[lane] : 0;
	}
	avl_kern()->bf16.narrow(to, pair, (size_t)(2 * AVL_BLOCK));
}

/* The weights of the outputs LANES: [window rows][planes][columns][pairs][16][2]. */
static void pack_block(const struct avl_attr *attr, const struct plan *p, const struct lanes *lanes,
		       uint16_t *to)
{
	const size_t columns = (size_t)attr->kernel_w, window = columns * (size_t)attr->kernel_h;
	for (int r = 0; r < attr->kernel_h; r++)
		for (int plane = 0; plane < p->planes; plane++)
			for (int column = 0; column < p->columns; column++)
				for (int i = 0; i < plane_pairs(p, plane); i++) {
					const int c = p->planar ? plane : plane * AVL_BLOCK + 2 * i;
					const int q = p->planar ? 2 * column : column;
					const size_t second = p->planar
								  ? q + 1 < attr->kernel_w
								  : (c + 1 < p->in.c ? window : 0);
					pack_pair(lanes,
						  (size_t)c * window + (size_t)r * columns +
						      (size_t)q,
						  second, to);
					to += 2 * AVL_BLOCK;
				}
}

/* Bias [blocks][16] in fp32, then weights [blocks][taps][pairs][16][2]; the taps run over window
 * rows, input blocks (or planes) and window columns. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	if (attr->plain) {
		avl_op_conv.pack(attr, in, params, to);
		return;
	}
	const struct plan p = plan_of(attr, in);
	const int blocks = avl_blocks(attr->out);
	const size_t inputs = (size_t)in->c * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	uint16_t *const weights = (uint16_t *)(void *)(to + blocks * AVL_BLOCK);
	memset(to, 0, rounded_floats(attr, &p) * sizeof *to);
	for (int o = 0; params->bias && o < attr->out; o++)
		to[o] = params->bias[o];
	for (int b = 0; b < blocks; b++) {
		const int first = b * AVL_BLOCK, left = attr->out - first;
		struct lanes lanes = {
		    .weight = params->weight + (size_t)first * inputs,
		    .each = inputs,
		    .count = left < AVL_BLOCK ? left : AVL_BLOCK,
		};
		for (int lane = 0; lane < lanes.count; lane++)
			lanes.scale[lane] = avl_scale_of(params, (size_t)(first + lane));
		pack_block(attr, &p, &lanes, weights + (size_t)b * block_weights(attr, &p));
	}
}

/* Training: the weights of block BLOCK of outputs as pack_block writes them, from those that
 * avl_op_conv packs: pairs of rows of 16. */
static void round_block(const struct avl_attr *attr, const struct plan *p, const float *plain,
			uint16_t *to)
{
	const int kh = attr->kernel_h, kw = attr->kernel_w, inner = p->planar ? 1 : AVL_BLOCK;
	float pair[2 * AVL_BLOCK] = {0};
	for (int k = 0; k < kh * p->planes * p->columns; k++) {
		const int r = k / (p->planes * p->columns), plane = k / p->columns % p->planes;
		const int q = k % p->columns * (p->planar ? 2 : 1);
		const int single = p->planar && q + 1 == kw;
		const float *first =
		    plain + ((ptrdiff_t)(plane * kh + r) * kw + q) * inner * AVL_BLOCK;
		for (int i = 0; i < plane_pairs(p, plane); i++, first += 2 * AVL_BLOCK) {
			for (int lane = 0; lane < AVL_BLOCK; lane++) {
				pair[2 * lane] = first[lane];
				pair[2 * lane + 1] = single ? 0 : first[AVL_BLOCK + lane];
			}
			avl_kern()->bf16.narrow(to, pair, (size_t)(2 * AVL_BLOCK));
			to += 2 * AVL_BLOCK;
		}
	}
}

struct rounding {
	const struct avl_attr *attr;
	struct plan p;
	const float *plain; /* both behind their biases */
	uint16_t *to;
};

static void round_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct rounding *const job = argument;
	const struct plan *const p = &job->p;
	const size_t taps =
	    (size_t)p->planes * (size_t)job->attr->kernel_h * (size_t)job->attr->kernel_w;
	const size_t each = taps * (p->planar ? 1 : AVL_BLOCK) * AVL_BLOCK;
	round_block(job->attr, p, job->plain + (size_t)block * each,
		    job->to + (size_t)block * block_weights(job->attr, p));
}

/* Floats of the copy in bf16; behind it stands the table of taps. */
static size_t copy_floats(const struct plan *p)
{
	const size_t lanes = (size_t)p->planes * (p->planar ? 1 : AVL_BLOCK);
	const size_t elements = lanes * (size_t)p->in.n * (size_t)p->in.h * (size_t)p->w;
	return (elements / 2 + AVL_BLOCK) / AVL_BLOCK * AVL_BLOCK;
}

/* In training the rounded weights stand before both. */
static size_t weights_floats(const struct avl_attr *attr, const struct plan *p)
{
	return attr->plain ? (rounded_floats(attr, p) + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK : 0;
}

static size_t scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->winograd)
		return avl_winograd_plain_scratch(attr, in);
	const struct plan p = plan_of(attr, in);
	const size_t taps = (size_t)attr->kernel_h * (size_t)p.planes * (size_t)p.columns;
	return weights_floats(attr, &p) + copy_floats(&p) +
	       taps * sizeof(struct avl_tap_bf16) / sizeof(float);
}

static size_t scratch_each(const struct avl_attr *attr, const struct avl_shape *in)
{
	return attr->winograd ? avl_winograd_scratch_each(attr, in) : 0;
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	const uint16_t *x; /* what the taps see: the input or its copy */
	const struct avl_tap_bf16 *tap;
	struct avl_conv_cut cut;
	int band_rows; /* not of the flat row */
};

/* Item: one plane (planar: a channel, blocked: a block of channels) of one picture. */
static void copy_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const struct avl_map *const in = &job->run->in[0];
	const size_t lanes = p->planar ? 1 : AVL_BLOCK;
	const size_t row = (size_t)p->in.w * lanes, wide = (size_t)p->w * lanes;
	const size_t left = (size_t)p->border * lanes;
	const size_t from = (size_t)item * (size_t)p->in.h * row;
	uint16_t *to =
	    (uint16_t *)(void *)job->run->scratch + (size_t)item * (size_t)p->in.h * wide;
	for (size_t y = 0; y < (size_t)p->in.h; y++, to += wide) {
		memset(to, 0, left * sizeof *to);
		if (in->layout == AVL_BLOCKED_BF16)
			memcpy(to + left, avl_map_bf16(in) + from + y * row, row * sizeof *to);
		else
			avl_kern()->bf16.narrow(to + left, in->data + from + y * row, row);
		memset(to + left + row, 0, (wide - left - row) * sizeof *to);
	}
}

/* Rows of the window, planes, columns, each tap relative to the window's first row and to the
 * picture's first column. */
static void list_taps(const struct avl_attr *attr, const struct plan *p, struct avl_tap_bf16 *tap)
{
	const int lanes = p->planar ? 1 : AVL_BLOCK, step = p->planar ? 2 : 1;
	const ptrdiff_t row = (ptrdiff_t)p->w * lanes, picture = row * p->in.h;
	const ptrdiff_t plane = p->planar ? picture : picture * p->in.n;
	for (int r = 0; r < attr->kernel_h; r++)
		for (int c = 0; c < p->planes; c++)
			for (int q = 0; q < p->columns; q++) {
				int first = 0, last = p->out.w;
				if (!p->bordered)
					inside(attr, p, q, &first, &last);
				*tap++ = (struct avl_tap_bf16){
				    .at = c * plane + r * row +
					  (ptrdiff_t)(q * step + p->border - p->left) * lanes,
				    .pairs = plane_pairs(p, c),
				    .left = first > 0,
				    .right = last < p->out.w,
				};
			}
}

/* BLOCKS blocks of output channels from BLOCK on, at pixels and taps still to be named. */
static struct avl_conv_bf16_job conv_of(const struct job *job, int block, int blocks)
{
	const struct avl_op_run *const run = job->run;
	const struct plan *const p = &job->p;
	const size_t width = (size_t)avl_blocks(run->attr->out) * AVL_BLOCK;
	const size_t each = block_weights(run->attr, p);
	return (struct avl_conv_bf16_job){
	    .x_pixel = (ptrdiff_t)run->attr->stride_w * (p->planar ? 1 : AVL_BLOCK),
	    .w = (const uint16_t *)(const void *)(run->packed + width) + (size_t)block * each,
	    .w_block = (ptrdiff_t)each,
	    .bias = run->packed + (size_t)block * AVL_BLOCK,
	    .residual_is_float = run->in[1].layout == AVL_BLOCKED,
	    .y_is_float = run->out.layout == AVL_BLOCKED,
	    .y_block = avl_block_stride(&p->out),
	    .blocks = blocks,
	    .lo = run->attr->lo,
	    .hi = run->attr->hi,
	};
}

/* AT: elements before the first output. */
static void conv_pixels(const struct avl_op_run *run, struct avl_conv_bf16_job *c, ptrdiff_t at)
{
	const struct avl_map *const residual = &run->in[1];
	c->y = avl_map_at(&run->out, at);
	c->residual = residual->data ? avl_map_at(residual, at) : NULL;
	avl_kern()->bf16.conv(c);
}

static void conv_flat(const struct job *job, const struct avl_conv_part *part)
{
	const struct avl_shape *const in = &job->p.in;
	const int total = in->n * in->h * in->w, first = part->band * BAND_PIXELS;
	struct avl_conv_bf16_job c = conv_of(job, part->first, part->last - part->first);
	c.tap = job->tap;
	c.taps = job->p.planes;
	c.pixels = total - first < BAND_PIXELS ? total - first : BAND_PIXELS;
	c.x = job->x + (ptrdiff_t)first * AVL_BLOCK;
	conv_pixels(job->run, &c, part->first * c.y_block + (ptrdiff_t)first * AVL_BLOCK);
}

/* Row Y of picture N: without the rows of the window that lie outside. */
static void conv_row(const struct job *job, struct avl_conv_bf16_job c, int block, int n, int y)
{
	const struct plan *const p = &job->p;
	const struct avl_window_rows rows = avl_window_rows(job->run->attr, p->top, p->in.h, y);
	const ptrdiff_t row = (ptrdiff_t)p->w * (p->planar ? 1 : AVL_BLOCK);
	const ptrdiff_t picture = p->in.h * row * (p->planar ? p->in.c : 1);
	c.tap = job->tap + rows.first * p->planes * p->columns;
	c.taps = rows.count > 0 ? rows.count * p->planes * p->columns : 0;
	c.w += (ptrdiff_t)rows.first * p->pairs * 2 * AVL_BLOCK;
	c.x = job->x + n * picture + (rows.at - rows.first) * row;
	c.pixels = p->out.w;
	conv_pixels(job->run, &c,
		    block * c.y_block + ((ptrdiff_t)n * p->out.h + y) * p->out.w * AVL_BLOCK);
}

/* A kernel takes two blocks at once, or four of short rows: their weights stay in a cache from row
 * to row. */
static void conv_rows(const struct job *job, const struct avl_conv_part *part)
{
	const struct plan *const p = &job->p;
	const int begin = part->band * job->band_rows, end = begin + job->band_rows;
	const int step = p->out.w <= 7 ? 4 : 2;
	for (int b = part->first; b < part->last; b += step) {
		const int left = part->last - b;
		const struct avl_conv_bf16_job c = conv_of(job, b, left < step ? left : step);
		for (int y = begin; y < end && y < p->out.h; y++)
			conv_row(job, c, b, part->n, y);
	}
}

static void conv_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_part part =
	    avl_conv_part(&job->cut, avl_blocks(job->run->attr->out), item);
	if (job->p.flat)
		conv_flat(job, &part);
	else
		conv_rows(job, &part);
}

/* Bands of rows by ranges of channels; where the weights are many, as few bands as there may be,
 * since each reads them all. */
static void cut(struct job *job)
{
	const struct plan *const p = &job->p;
	const struct avl_attr *const attr = job->run->attr;
	const int blocks = avl_blocks(attr->out), pictures = p->flat ? 1 : p->out.n;
	const int many = (size_t)blocks * block_weights(attr, p) * sizeof(uint16_t) > CACHE_BYTES;
	const int step = !p->flat && p->out.w <= 7 ? 4 : 2;
	if (p->flat) {
		job->cut.bands = (p->in.n * p->in.h * p->in.w + BAND_PIXELS - 1) / BAND_PIXELS;
	} else {
		const int rows = p->out.w < BAND_PIXELS ? BAND_PIXELS / p->out.w : 1;
		const int steps = (blocks + step - 1) / step;
		const int bands = (ITEMS_MIN + steps - 1) / steps;
		job->band_rows = many ? (p->out.h + bands - 1) / bands : rows;
		job->cut.bands = (p->out.h + job->band_rows - 1) / job->band_rows;
	}
	const int items = job->cut.bands * pictures;
	const int wanted = many ? blocks : items < ITEMS_MIN ? (ITEMS_MIN + items - 1) / items : 1;
	job->cut.range_blocks = ((blocks + wanted - 1) / wanted + step - 1) / step * step;
	job->cut.ranges = (blocks + job->cut.range_blocks - 1) / job->cut.range_blocks;
}

static void direct(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = plan_of(run->attr, &run->in[0].shape)};
	const struct plan *const p = &job.p;
	assert(p->planar == (run->in[0].layout == AVL_PLANAR));
	struct avl_tap_bf16 *const tap = (void *)(run->scratch + copy_floats(p));
	list_taps(run->attr, p, tap);
	job.tap = tap;
	job.x = avl_map_bf16(&run->in[0]);
	if (p->bordered || run->in[0].layout == AVL_BLOCKED) {
		avl_par_for(run->par, p->planes * p->in.n, copy_item, &job);
		job.x = (const uint16_t *)(const void *)run->scratch;
	}
	cut(&job);
	avl_par_for(run->par, job.cut.bands * (p->flat ? 1 : p->out.n) * job.cut.ranges, conv_item,
		    &job);
}

/* On weights rounded anew. */
static void direct_plain(const struct avl_op_run *run)
{
	struct avl_op_run inner = *run;
	const size_t biases = (size_t)avl_blocks(run->attr->out) * AVL_BLOCK;
	const struct plan p = plan_of(run->attr, &run->in[0].shape);
	struct rounding job = {run->attr, p, run->packed + biases,
			       (uint16_t *)(void *)(run->scratch + biases)};
	memcpy(run->scratch, run->packed, biases * sizeof(float));
	avl_par_for(run->par, avl_blocks(run->attr->out), round_item, &job);
	inner.packed = run->scratch;
	inner.scratch = run->scratch + weights_floats(run->attr, &p);
	direct(&inner);
}

static void forward(const struct avl_op_run *run)
{
	if (run->attr->winograd)
		avl_winograd_plain_forward(run);
	else if (run->attr->plain)
		direct_plain(run);
	else
		direct(run);
}

const struct avl_op avl_op_conv_bf16 = {
    .name = "conv in bf16",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .unpack = avl_conv_unpack,
    .scratch = scratch,
    .scratch_each = scratch_each,
    .forward = forward,
    .grad_scratch = avl_conv_bf16_grad_scratch,
    .backward = avl_conv_backward,
};
