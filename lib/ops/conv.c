/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/conv.h"
#include "ops/winograd.h"

/* A convolution runs in two steps: the picture is copied with its border of zeros into scratch
 * (not for 1x1, which needs none), then rows of output pixels are computed, each item of the loop a
 * band of pixels by a range of output channels. The cut depends on the shape alone. */

/* Pixels of an item: enough to reuse a weight from the first-level cache, few enough that their
 * inputs stay in the second. */
#define BAND_PIXELS 112
/* Fewer items than this and the output channels are cut as well. */
#define ITEMS_MIN 8

struct avl_conv_plan avl_conv_plan(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct avl_conv_plan p = {.in = *in, .planar = attr->planar};
	avl_window_shape(attr, in, attr->out, &p.out, NULL);
	p.before_h = avl_window_top(attr, in);
	p.before_w = avl_window_left(attr, in);
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

/* Behind a convolution that pools. */
static const struct avl_attr pool_attr = {
    .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	const int code = avl_window_shape(attr, in, attr->out, out, err);
	const struct avl_shape whole = *out;
	return code || !attr->pool ? code : avl_window_shape(&pool_attr, &whole, whole.c, out, err);
}

/* Of the packed weights of a block of outputs. */
static size_t block_floats(const struct avl_conv_plan *p)
{
	return (size_t)p->taps * (size_t)p->inner * AVL_BLOCK;
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->winograd && !attr->plain)
		return avl_winograd_packed(attr, in);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	return (size_t)avl_blocks(attr->out) * (AVL_BLOCK + (attr->late ? 0 : block_floats(&p)));
}

/* Fewer weights are not worth it, and where they are small beside the input, this is better read
 * once than for each two blocks of outputs. */
#define LATE_WEIGHTS ((size_t)1 << 13)
#define LATE_INPUTS  4

int avl_conv_can_be_late(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->plain || attr->planar)
		return 0;
	if (attr->winograd)
		return avl_winograd_can_be_late(attr, in);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	const size_t weights = (size_t)avl_blocks(attr->out) * block_floats(&p);
	return weights >= LATE_WEIGHTS && LATE_INPUTS * weights >= avl_shape_floats(in);
}

void avl_conv_reads(const struct avl_params *params, int outputs, int block, size_t each)
{
	const size_t first = (size_t)block * AVL_BLOCK, left = (size_t)outputs - first;
	if (params->reads)
		params->reads(params->reader, block, params->weight + first * each,
			      (left < AVL_BLOCK ? left : AVL_BLOCK) * each);
}

void avl_conv_lanes(const struct avl_params *params, int outputs, int block, size_t each,
		    size_t first, size_t n, float *to)
{
	static const float zeros[AVL_CONV_LANES_MAX];
	_Alignas(AVL_ALIGN) float raw[AVL_CONV_LANES_MAX * AVL_BLOCK];
	_Alignas(AVL_ALIGN) float scale[AVL_BLOCK], shift[AVL_BLOCK] = {0};
	const float *rows[AVL_BLOCK];
	assert(n <= AVL_CONV_LANES_MAX);
	for (int lane = 0; lane < AVL_BLOCK; lane++) {
		const size_t o = (size_t)block * AVL_BLOCK + (size_t)lane;
		const int is_there = o < (size_t)outputs;
		rows[lane] = is_there ? params->weight + o * each + first : zeros;
		scale[lane] = is_there ? avl_scale_of(params, o) : 0;
	}
	avl_kern()->interleave(raw, rows, (int)n);
	avl_kern()->affine(to, raw, scale, shift, NULL, n, -INFINITY, INFINITY);
}

/* The weights of one block of output channels, lane by lane side by side. */
static void pack_block(const struct avl_attr *attr, const struct avl_conv_plan *p,
		       const struct avl_params *params, int block, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t each = (size_t)p->in.c * window, inner = (size_t)p->inner;
	_Alignas(AVL_ALIGN) float lanes[AVL_CONV_LANES_MAX * AVL_BLOCK];
	avl_conv_reads(params, attr->out, block, each);
	if (p->in.c % p->inner)
		memset(to, 0, block_floats(p) * sizeof *to);
	for (size_t first = 0, n; first < each; first += n) {
		n = each - first < AVL_CONV_LANES_MAX ? each - first : AVL_CONV_LANES_MAX;
		avl_conv_lanes(params, attr->out, block, each, first, n, lanes);
		for (size_t i = 0; i < n; i++) {
			const size_t c = (first + i) / window, k = (first + i) % window;
			memcpy(to + ((c / inner * window + k) * inner + c % inner) * AVL_BLOCK,
			       lanes + i * AVL_BLOCK, AVL_BLOCK * sizeof *to);
		}
	}
}

/* Bias [blocks][16], then weights [blocks][taps][inner][16]; the taps run over input blocks (or
 * planes), window rows and window columns. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	if (attr->winograd && !attr->plain) {
		avl_winograd_pack(attr, in, params, to);
		return;
	}
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	const size_t width = (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	memset(to, 0, width * sizeof *to);
	for (int o = 0; params->bias && o < attr->out; o++)
		to[o] = params->bias[o];
	for (int b = 0; b < avl_blocks(attr->out) && !attr->late; b++)
		pack_block(attr, &p, params, b, to + width + (size_t)b * block_floats(&p));
}

static size_t tap_floats(const struct avl_conv_plan *p)
{
	const size_t line = AVL_BLOCK * sizeof(float), bytes = (size_t)p->taps * sizeof(ptrdiff_t);
	return (bytes + line - 1) / line * AVL_BLOCK;
}

/* The bordered copy and, behind it, the table of taps. */
static size_t scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->winograd)
		return attr->plain ? avl_winograd_plain_scratch(attr, in)
				   : avl_winograd_scratch(attr, in);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	return (attr->pool ? avl_shape_floats(&p.out) : 0) + avl_conv_border_floats(&p, 0) +
	       tap_floats(&p);
}

static size_t scratch_each(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->winograd)
		return avl_winograd_scratch_each(attr, in);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	return attr->late ? 2 * block_floats(&p) : 0;
}

/* The flat row is one, whatever it is made of. */
static int pictures_of(const struct avl_conv_plan *p)
{
	return p->flat ? 1 : p->out.n;
}

struct job {
	const struct avl_op_run *run;
	struct avl_conv_plan p;
	const float *x; /* what the taps see: the input or its copy */
	const ptrdiff_t *tap;
	struct avl_conv_cut cut;
	int band_rows; /* not of the flat row */
	float *late;   /* the first thread's memory for the weights of two blocks */
};

void avl_conv_taps(const struct avl_attr *attr, const struct avl_conv_plan *p, ptrdiff_t *tap)
{
	const ptrdiff_t plane = (ptrdiff_t)p->h * p->w * p->inner;
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	for (int c = 0; c < planes; c++)
		for (int r = 0; r < attr->kernel_h; r++)
			for (int q = 0; q < attr->kernel_w; q++)
				*tap++ = c * (p->planar ? plane : plane * p->in.n) +
					 ((ptrdiff_t)r * p->w + q) * p->inner;
}

/* BLOCKS blocks of output channels from BLOCK on, at pixels still to be named. W: the weights of
 * the first of them. */
static struct avl_conv_job conv_of(const struct job *job, int block, int blocks, const float *w)
{
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_conv_plan *const p = &job->p;
	return (struct avl_conv_job){
	    .x_pixel = (ptrdiff_t)attr->stride_w * p->inner,
	    .tap = job->tap,
	    .taps = p->taps,
	    .inner = p->inner,
	    .w = w,
	    .bias = job->run->packed + (size_t)block * AVL_BLOCK,
	    .y_block = avl_block_stride(&p->out),
	    .blocks = blocks,
	    .lo = attr->lo,
	    .hi = attr->hi,
	};
}

/* AT: floats before the first output. */
static void conv_pixels(const struct avl_op_run *run, struct avl_conv_job *c, const float *x,
			ptrdiff_t at)
{
	c->x = x;
	c->y = run->out.data + at;
	c->residual = run->in[1].data ? run->in[1].data + at : NULL;
	avl_kern()->conv(c);
}

static void conv_flat(const struct job *job, const struct avl_conv_part *part, const float *w)
{
	const struct avl_shape *const in = &job->p.in;
	const int total = in->n * in->h * in->w, first = part->band * BAND_PIXELS;
	struct avl_conv_job c = conv_of(job, part->first, part->last - part->first, w);
	c.pixels = total - first < BAND_PIXELS ? total - first : BAND_PIXELS;
	conv_pixels(job->run, &c, job->x + (ptrdiff_t)first * AVL_BLOCK,
		    part->first * c.y_block + (ptrdiff_t)first * AVL_BLOCK);
}

/* A kernel takes two blocks at most at once: their weights stay in a cache from row to row. */
static void conv_rows(const struct job *job, const struct avl_conv_part *part, const float *w)
{
	const struct avl_conv_plan *const p = &job->p;
	const ptrdiff_t row = (ptrdiff_t)p->w * p->inner;
	const ptrdiff_t picture = p->h * row * (p->planar ? p->in.c : 1);
	const ptrdiff_t step = job->run->attr->stride_h * row;
	const int begin = part->band * job->band_rows, end = begin + job->band_rows;
	for (int b = part->first; b < part->last; b += 2, w += 2 * block_floats(p)) {
		struct avl_conv_job c = conv_of(job, b, part->last - b < 2 ? 1 : 2, w);
		c.pixels = p->out.w;
		for (int y = begin; y < end && y < p->out.h; y++)
			conv_pixels(job->run, &c, job->x + part->n * picture + y * step,
				    b * c.y_block +
					((ptrdiff_t)part->n * p->out.h + y) * p->out.w * AVL_BLOCK);
	}
}

static void conv_part(const struct job *job, const struct avl_conv_part *part, const float *w)
{
	if (job->p.flat)
		conv_flat(job, part, w);
	else
		conv_rows(job, part, w);
}

static void conv_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const int blocks = avl_blocks(job->run->attr->out);
	const struct avl_conv_part part = avl_conv_part(&job->cut, blocks, item);
	const size_t before = (size_t)part.first * block_floats(&job->p);
	conv_part(job, &part, job->run->packed + (size_t)blocks * AVL_BLOCK + before);
}

/* Two blocks of output channels everywhere, from the weights of the checkpoint. */
static void late_item(void *argument, int pair, int thread)
{
	const struct job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const size_t each = block_floats(&job->p);
	const int blocks = avl_blocks(run->attr->out), last = 2 * pair + 2;
	float *const w = job->late + (size_t)thread * 2 * each;
	struct avl_conv_part part = {.first = 2 * pair, .last = last < blocks ? last : blocks};
	for (int b = part.first; b < part.last; b++)
		pack_block(run->attr, &job->p, run->raw, b, w + (size_t)(b - part.first) * each);
	for (part.n = 0; part.n < pictures_of(&job->p); part.n++)
		for (part.band = 0; part.band < job->cut.bands; part.band++)
			conv_part(job, &part, w);
}

static void direct(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = avl_conv_plan(run->attr, &run->in[0].shape)};
	const struct avl_conv_plan *const p = &job.p;
	assert(run->in[0].layout == (p->planar ? AVL_PLANAR : AVL_BLOCKED));
	ptrdiff_t *const tap = (ptrdiff_t *)(void *)(run->scratch + avl_conv_border_floats(p, 0));
	avl_conv_taps(run->attr, p, tap);
	job.tap = tap;
	job.x = avl_conv_border(p, run->par, &run->in[0], 0, run->scratch).data;
	if (p->flat) {
		const int total = p->in.n * p->in.h * p->in.w;
		job.cut.bands = (total + BAND_PIXELS - 1) / BAND_PIXELS;
	} else {
		job.band_rows = p->out.w < BAND_PIXELS ? BAND_PIXELS / p->out.w : 1;
		job.cut.bands = (p->out.h + job.band_rows - 1) / job.band_rows;
	}
	const int blocks = avl_blocks(run->attr->out), items = job.cut.bands * pictures_of(p);
	if (run->attr->late) {
		job.late = run->scratch + avl_conv_border_floats(p, 0) + tap_floats(p);
		avl_par_for(run->par, (blocks + 1) / 2, late_item, &job);
		return;
	}
	const int wanted = items < ITEMS_MIN ? (ITEMS_MIN + items - 1) / items : 1;
	job.cut.range_blocks = ((blocks + wanted - 1) / wanted + 1) / 2 * 2;
	job.cut.ranges = (blocks + job.cut.range_blocks - 1) / job.cut.range_blocks;
	avl_par_for(run->par, items * job.cut.ranges, conv_item, &job);
}

/* What Winograd's way does in passing is a step of its own behind a direct convolution. */
static void direct_then_pool(const struct avl_op_run *run)
{
	const struct avl_conv_plan p = avl_conv_plan(run->attr, &run->in[0].shape);
	struct avl_op_run first = *run, second = *run;
	first.out = (struct avl_map){p.out, AVL_BLOCKED, run->scratch};
	first.scratch = run->scratch + avl_shape_floats(&p.out);
	second.attr = &pool_attr;
	second.in[0] = first.out;
	direct(&first);
	avl_op_maxpool.forward(&second);
}

static void forward(const struct avl_op_run *run)
{
	if (run->attr->winograd && run->attr->plain)
		avl_winograd_plain_forward(run);
	else if (run->attr->winograd)
		avl_winograd_forward(run);
	else if (run->attr->pool)
		direct_then_pool(run);
	else
		direct(run);
}

const struct avl_op avl_op_conv = {
    .name = "conv",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .unpack = avl_conv_unpack,
    .scratch = scratch,
    .scratch_each = scratch_each,
    .forward = forward,
    .grad_scratch = avl_conv_grad_scratch,
    .backward = avl_conv_backward,
};
