/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "ops/ops.h"

/* A convolution runs in two steps: the picture is copied with its border of zeros into scratch
 * (not for 1x1, which needs none), then rows of output pixels are computed, each item of the loop a
 * band of pixels by a range of output channels. The cut depends on the shape alone. */

/* Pixels of an item: enough to reuse a weight from the first-level cache, few enough that their
 * inputs stay in the second. */
#define BAND_PIXELS 112
/* Fewer items than this and the output channels are cut as well. */
#define ITEMS_MIN 8

struct plan {
	struct avl_shape in, out;
	int planar;
	int flat;               /* 1x1, stride 1: the map is one long row */
	int copied;             /* a bordered copy is made */
	int before_h, before_w; /* border */
	int h, w;               /* of the picture the taps see, border included */
	int taps, inner;
};

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct plan p = {.in = *in, .planar = attr->planar};
	avl_window_shape(attr, in, attr->out, &p.out, NULL);
	p.before_h =
	    avl_window_before(attr->pad, in->h, attr->kernel_h, attr->stride_h, attr->pad_h);
	p.before_w =
	    avl_window_before(attr->pad, in->w, attr->kernel_w, attr->stride_w, attr->pad_w);
	const int need_h = (p.out.h - 1) * attr->stride_h + attr->kernel_h;
	const int need_w = (p.out.w - 1) * attr->stride_w + attr->kernel_w;
	p.copied = p.before_h || p.before_w || need_h > in->h || need_w > in->w;
	p.h = p.copied ? (need_h > in->h + p.before_h ? need_h : in->h + p.before_h) : in->h;
	p.w = p.copied ? (need_w > in->w + p.before_w ? need_w : in->w + p.before_w) : in->w;
	p.flat = attr->kernel_h == 1 && attr->kernel_w == 1 && attr->stride_h == 1 &&
		 attr->stride_w == 1 && !p.copied && !p.planar;
	p.inner = p.planar ? 1 : AVL_BLOCK;
	p.taps = (p.planar ? in->c : avl_blocks(in->c)) * attr->kernel_h * attr->kernel_w;
	return p;
}

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, attr->out, out, err);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	const size_t inputs = (size_t)p.taps * (size_t)p.inner;
	return (size_t)avl_blocks(attr->out) * AVL_BLOCK * (inputs + 1);
}

/* Bias [blocks][16], then weights [blocks][taps][inner][16]; the taps run over input blocks (or
 * planes), window rows and window columns. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	const struct plan p = plan_of(attr, in);
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t width = (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	memset(to, 0, packed(attr, in) * sizeof *to);
	for (int o = 0; params->bias && o < attr->out; o++)
		to[o] = params->bias[o];
	float *const weights = to + width;
	for (int o = 0; o < attr->out; o++) {
		float *const block = weights + (size_t)(o / AVL_BLOCK) * (size_t)p.taps *
						   (size_t)p.inner * AVL_BLOCK;
		for (int c = 0; c < in->c; c++)
			for (size_t k = 0; k < window; k++) {
				const size_t tap = (size_t)(c / p.inner) * window + k;
				const size_t at = tap * (size_t)p.inner + (size_t)(c % p.inner);
				block[at * AVL_BLOCK + (size_t)(o % AVL_BLOCK)] =
				    params
					->weight[((size_t)o * (size_t)in->c + (size_t)c) * window +
						 k];
			}
	}
}

/* The bordered copy and, behind it, the table of taps. */
static size_t copy_floats(const struct plan *p)
{
	const size_t lanes = p->planar ? (size_t)p->in.c : (size_t)avl_blocks(p->in.c) * AVL_BLOCK;
	const size_t floats = lanes * (size_t)p->in.n * (size_t)p->h * (size_t)p->w;
	return p->copied ? (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK : 0;
}

static size_t scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	return copy_floats(&p) + (size_t)p.taps * sizeof(ptrdiff_t) / sizeof(float);
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	const float *x; /* what the taps see: the input or its copy */
	const ptrdiff_t *tap;
	int bands, band_rows, band_pixels; /* cut of a picture's rows, or of the flat row */
	int ranges, range_blocks;          /* cut of the output channels */
};

/* Item: one plane (planar: a channel, blocked: a block of channels) of one picture. */
static void copy_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const size_t lanes = (size_t)p->inner;
	const size_t row = (size_t)p->in.w * lanes, bordered = (size_t)p->w * lanes;
	const float *const from = job->run->in[0].data + (size_t)item * (size_t)p->in.h * row;
	float *to = job->run->scratch + (size_t)item * (size_t)p->h * bordered;
	const size_t left = (size_t)p->before_w * lanes;
	for (int y = 0; y < p->h; y++, to += bordered) {
		const int source = y - p->before_h;
		if (source < 0 || source >= p->in.h) {
			memset(to, 0, bordered * sizeof *to);
			continue;
		}
		memset(to, 0, left * sizeof *to);
		memcpy(to + left, from + (size_t)source * row, row * sizeof *to);
		memset(to + left + row, 0, (bordered - left - row) * sizeof *to);
	}
}

static void list_taps(const struct avl_attr *attr, const struct plan *p, ptrdiff_t *tap)
{
	const ptrdiff_t plane = (ptrdiff_t)p->h * p->w * p->inner;
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	for (int c = 0; c < planes; c++)
		for (int r = 0; r < attr->kernel_h; r++)
			for (int q = 0; q < attr->kernel_w; q++)
				*tap++ = c * (p->planar ? plane : plane * p->in.n) +
					 ((ptrdiff_t)r * p->w + q) * p->inner;
}

static void conv_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct avl_attr *const attr = run->attr;
	const struct plan *const p = &job->p;
	const int range = item % job->ranges, band = item / job->ranges % job->bands;
	const int n = item / job->ranges / job->bands;
	const int block = range * job->range_blocks, blocks = avl_blocks(attr->out);
	const size_t inputs = (size_t)p->taps * (size_t)p->inner;
	const ptrdiff_t y_block = avl_block_stride(&p->out);
	struct avl_conv_job c = {
	    .x_pixel = (ptrdiff_t)attr->stride_w * p->inner,
	    .tap = job->tap,
	    .taps = p->taps,
	    .inner = p->inner,
	    .w = run->packed + ((size_t)blocks + (size_t)block * inputs) * AVL_BLOCK,
	    .bias = run->packed + (size_t)block * AVL_BLOCK,
	    .y_block = y_block,
	    .blocks = blocks - block < job->range_blocks ? blocks - block : job->range_blocks,
	    .lo = attr->lo,
	    .hi = attr->hi,
	};
	const float *const residual = run->in[1].data;
	if (p->flat) {
		const int total = p->in.n * p->in.h * p->in.w, first = band * job->band_pixels;
		const ptrdiff_t at = block * y_block + (ptrdiff_t)first * AVL_BLOCK;
		c.x = job->x + (ptrdiff_t)first * AVL_BLOCK;
		c.pixels = total - first < job->band_pixels ? total - first : job->band_pixels;
		c.y = run->out.data + at;
		c.residual = residual ? residual + at : NULL;
		avl_kern()->conv(&c);
		return;
	}
	c.pixels = p->out.w;
	const ptrdiff_t picture = (ptrdiff_t)p->h * p->w * p->inner * (p->planar ? p->in.c : 1);
	const int end = (band + 1) * job->band_rows;
	for (int y = band * job->band_rows; y < end && y < p->out.h; y++) {
		const ptrdiff_t at =
		    block * y_block + ((ptrdiff_t)n * p->out.h + y) * p->out.w * AVL_BLOCK;
		c.x = job->x + n * picture + (ptrdiff_t)y * attr->stride_h * p->w * p->inner;
		c.y = run->out.data + at;
		c.residual = residual ? residual + at : NULL;
		avl_kern()->conv(&c);
	}
}

static void forward(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = plan_of(run->attr, &run->in[0].shape)};
	const struct plan *const p = &job.p;
	assert(run->in[0].layout == (p->planar ? AVL_PLANAR : AVL_BLOCKED));
	ptrdiff_t *const tap = (ptrdiff_t *)(void *)(run->scratch + copy_floats(p));
	list_taps(run->attr, p, tap);
	job.tap = tap;
	job.x = run->in[0].data;
	if (p->copied) {
		const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
		avl_par_for(run->par, planes * p->in.n, copy_item, &job);
		job.x = run->scratch;
	}
	const int pictures = p->flat ? 1 : p->out.n;
	if (p->flat) {
		const int total = p->in.n * p->in.h * p->in.w;
		job.band_pixels = BAND_PIXELS;
		job.bands = (total + BAND_PIXELS - 1) / BAND_PIXELS;
	} else {
		job.band_rows = p->out.w < BAND_PIXELS ? BAND_PIXELS / p->out.w : 1;
		job.bands = (p->out.h + job.band_rows - 1) / job.band_rows;
	}
	const int blocks = avl_blocks(run->attr->out), items = job.bands * pictures;
	const int wanted = items < ITEMS_MIN ? (ITEMS_MIN + items - 1) / items : 1;
	job.range_blocks = ((blocks + wanted - 1) / wanted + 1) / 2 * 2;
	job.ranges = (blocks + job.range_blocks - 1) / job.range_blocks;
	avl_par_for(run->par, items * job.ranges, conv_item, &job);
}

const struct avl_op avl_op_conv = {
    .name = "conv",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .scratch = scratch,
    .forward = forward,
};
