/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/ops.h"
#include "ops/winograd.h"

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

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, attr->out, out, err);
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->winograd)
		return avl_winograd_packed(attr, in);
	const struct plan p = plan_of(attr, in);
	const size_t inputs = (size_t)p.taps * (size_t)p.inner;
	return (size_t)avl_blocks(attr->out) * AVL_BLOCK * (inputs + 1);
}

/* The weights of one block of output channels, lane by lane side by side. */
static void pack_block(const struct avl_attr *attr, const struct plan *p, const float *weight,
		       int block, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t each = (size_t)p->in.c * window, inner = (size_t)p->inner;
	const int first = block * AVL_BLOCK;
	const int lanes = attr->out - first < AVL_BLOCK ? attr->out - first : AVL_BLOCK;
	for (size_t c = 0; c < (size_t)p->in.c; c++) {
		const float *const from = weight + (size_t)first * each + c * window;
		float *const at = to + (c / inner * window * inner + c % inner) * AVL_BLOCK;
		for (size_t k = 0; k < window; k++)
			for (int lane = 0; lane < lanes; lane++)
				at[k * inner * AVL_BLOCK + (size_t)lane] =
				    from[(size_t)lane * each + k];
	}
}

/* Bias [blocks][16], then weights [blocks][taps][inner][16]; the taps run over input blocks (or
 * planes), window rows and window columns. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	if (attr->winograd) {
		avl_winograd_pack(attr, in, params, to);
		return;
	}
	const struct plan p = plan_of(attr, in);
	const size_t width = (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	memset(to, 0, packed(attr, in) * sizeof *to);
	for (int o = 0; params->bias && o < attr->out; o++)
		to[o] = params->bias[o];
	for (int b = 0; b < avl_blocks(attr->out); b++)
		pack_block(attr, &p, params->weight, b,
			   to + width + (size_t)b * (size_t)p.taps * (size_t)p.inner * AVL_BLOCK);
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
	if (attr->winograd)
		return avl_winograd_scratch(attr, in);
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

/* BLOCKS blocks of output channels from BLOCK on, at pixels still to be named. */
static struct avl_conv_job conv_of(const struct job *job, int block, int blocks)
{
	const struct avl_attr *const attr = job->run->attr;
	const struct plan *const p = &job->p;
	const size_t inputs = (size_t)p->taps * (size_t)p->inner;
	const size_t biases = (size_t)avl_blocks(attr->out);
	return (struct avl_conv_job){
	    .x_pixel = (ptrdiff_t)attr->stride_w * p->inner,
	    .tap = job->tap,
	    .taps = p->taps,
	    .inner = p->inner,
	    .w = job->run->packed + (biases + (size_t)block * inputs) * AVL_BLOCK,
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

static void conv_flat(const struct job *job, int band, int block, int blocks)
{
	const struct avl_shape *const in = &job->p.in;
	const int total = in->n * in->h * in->w, first = band * job->band_pixels;
	struct avl_conv_job c = conv_of(job, block, blocks);
	c.pixels = total - first < job->band_pixels ? total - first : job->band_pixels;
	conv_pixels(job->run, &c, job->x + (ptrdiff_t)first * AVL_BLOCK,
		    block * c.y_block + (ptrdiff_t)first * AVL_BLOCK);
}

/* A kernel takes two blocks at most at once: their weights stay in a cache from row to row. */
static void conv_rows(const struct job *job, int n, int band, int block, int blocks)
{
	const struct plan *const p = &job->p;
	const ptrdiff_t row = (ptrdiff_t)p->w * p->inner;
	const ptrdiff_t picture = p->h * row * (p->planar ? p->in.c : 1);
	const ptrdiff_t step = job->run->attr->stride_h * row;
	const int end = (band + 1) * job->band_rows, last = block + blocks;
	for (int b = block; b < last; b += 2) {
		struct avl_conv_job c = conv_of(job, b, last - b < 2 ? 1 : 2);
		c.pixels = p->out.w;
		for (int y = band * job->band_rows; y < end && y < p->out.h; y++)
			conv_pixels(job->run, &c, job->x + n * picture + y * step,
				    b * c.y_block +
					((ptrdiff_t)n * p->out.h + y) * p->out.w * AVL_BLOCK);
	}
}

/* Item: a band of pixels by a range of output channels. */
static void conv_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const int range = item % job->ranges, band = item / job->ranges % job->bands;
	const int block = range * job->range_blocks;
	const int left = avl_blocks(job->run->attr->out) - block;
	const int blocks = left < job->range_blocks ? left : job->range_blocks;
	if (job->p.flat)
		conv_flat(job, band, block, blocks);
	else
		conv_rows(job, item / job->ranges / job->bands, band, block, blocks);
}

static void forward(const struct avl_op_run *run)
{
	if (run->attr->winograd) {
		avl_winograd_forward(run);
		return;
	}
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

/* Backward to the input: the gradient of the output, its pixels set apart by the stride and
 * bordered, is convolved with the kernel turned round and its channels exchanged. */
struct reverse {
	struct plan p;
	int h, w;      /* of the picture of gradients with its border */
	int top, left; /* where the first gradient stands in it */
	int blocks;    /* of output channels: what the reverse convolution reads */
	size_t spread; /* floats of that picture */
	size_t turned; /* floats of the turned weights */
};

static struct reverse reverse_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct reverse r = {.p = plan_of(attr, in)};
	r.h = in->h + attr->kernel_h - 1;
	r.w = in->w + attr->kernel_w - 1;
	r.top = attr->kernel_h - 1 - r.p.before_h;
	r.left = attr->kernel_w - 1 - r.p.before_w;
	r.blocks = avl_blocks(attr->out);
	r.spread = (size_t)r.blocks * AVL_BLOCK * (size_t)in->n * (size_t)r.h * (size_t)r.w;
	r.turned = (size_t)r.blocks * (size_t)avl_blocks(in->c) * AVL_BLOCK * AVL_BLOCK *
		   (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	return r;
}

static size_t grad_scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct reverse r = reverse_of(attr, in);
	const size_t taps = (size_t)r.blocks * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t reverse = r.spread + r.turned + taps * sizeof(ptrdiff_t) / sizeof(float);
	const size_t copy = copy_floats(&r.p);
	return attr->planar || copy > reverse ? copy : reverse;
}

struct grad_job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct reverse r;
	const float *x; /* bordered input */
	ptrdiff_t *tap;
};

/* Item: the gradients of one block of output channels in one picture, set apart. */
static void spread_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const out = &r->p.out;
	const size_t area = (size_t)r->h * (size_t)r->w * AVL_BLOCK;
	float *const to = job->grad->scratch + (size_t)item * area;
	const float *from =
	    job->grad->dout + (size_t)item * (size_t)out->h * (size_t)out->w * AVL_BLOCK;
	memset(to, 0, area * sizeof *to);
	for (int y = 0; y < out->h; y++) {
		const int row = r->top + y * attr->stride_h;
		for (int x = 0; x < out->w; x++, from += AVL_BLOCK) {
			const int col = r->left + x * attr->stride_w;
			if (row < r->h && col < r->w)
				memcpy(to + ((ptrdiff_t)row * r->w + col) * AVL_BLOCK, from,
				       AVL_BLOCK * sizeof *to);
		}
	}
}

/* Item: the turned weights that lead to one block of input channels. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const int window = job->run->attr->kernel_h * job->run->attr->kernel_w;
	const float *const weights = job->run->packed + (size_t)r->blocks * AVL_BLOCK;
	const size_t tile = (size_t)AVL_BLOCK * AVL_BLOCK;
	float *to = job->grad->scratch + r->spread +
		    (size_t)item * (size_t)r->blocks * (size_t)window * tile;
	for (int o = 0; o < r->blocks; o++)
		for (int k = window - 1; k >= 0; k--, to += tile) {
			const float *const from =
			    weights +
			    ((size_t)o * (size_t)r->p.taps + (size_t)(item * window + k)) * tile;
			for (int i = 0; i < AVL_BLOCK; i++)
				for (int j = 0; j < AVL_BLOCK; j++)
					to[j * AVL_BLOCK + i] = from[i * AVL_BLOCK + j];
		}
}

/* Item: one row of one picture. */
static void din_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const in = &r->p.in;
	const int n = item / in->h, y = item % in->h;
	float *const din = job->grad->din[0] + ((ptrdiff_t)n * in->h + y) * in->w * AVL_BLOCK;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->grad->scratch + ((ptrdiff_t)n * r->h + y) * r->w * AVL_BLOCK,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap,
	    .taps = r->blocks * attr->kernel_h * attr->kernel_w,
	    .inner = AVL_BLOCK,
	    .w = job->grad->scratch + r->spread,
	    .residual = din,
	    .y = din,
	    .y_block = avl_block_stride(in),
	    .pixels = in->w,
	    .blocks = avl_blocks(in->c),
	    .lo = -INFINITY,
	    .hi = INFINITY,
	});
}

static void backward_input(struct grad_job *job)
{
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const ptrdiff_t plane = (ptrdiff_t)r->p.in.n * r->h * r->w * AVL_BLOCK;
	ptrdiff_t *tap = (ptrdiff_t *)(void *)(job->grad->scratch + r->spread + r->turned);
	job->tap = tap;
	for (int o = 0; o < r->blocks; o++)
		for (int y = 0; y < attr->kernel_h; y++)
			for (int x = 0; x < attr->kernel_w; x++)
				*tap++ = o * plane + ((ptrdiff_t)y * r->w + x) * AVL_BLOCK;
	avl_par_for(job->run->par, r->blocks * r->p.in.n, spread_item, job);
	avl_par_for(job->run->par, avl_blocks(r->p.in.c), turn_item, job);
	avl_par_for(job->run->par, r->p.in.n * r->p.in.h, din_item, job);
}

/* Item: the weights between one block of output channels and one plane of input, and with the first
 * plane the bias. */
static void dweight_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct plan *const p = &job->r.p;
	const struct avl_attr *const attr = job->run->attr;
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	const int block = item / planes, plane = item % planes;
	const int window = attr->kernel_h * attr->kernel_w;
	const ptrdiff_t area = (ptrdiff_t)p->h * p->w * p->inner, tile = p->inner * AVL_BLOCK;
	const ptrdiff_t picture = p->planar ? area * p->in.c : area;
	const float *const x = job->x + plane * (p->planar ? area : area * p->in.n);
	const float *const dy = job->grad->dout + block * avl_block_stride(&p->out);
	float *const dbias = job->grad->dpacked + (ptrdiff_t)block * AVL_BLOCK;
	float *const dw = job->grad->dpacked + (ptrdiff_t)job->r.blocks * AVL_BLOCK +
			  ((ptrdiff_t)block * p->taps + (ptrdiff_t)plane * window) * tile;
	for (int n = 0; n < p->out.n; n++)
		for (int y = 0; y < p->out.h; y++) {
			const float *const row =
			    dy + ((ptrdiff_t)n * p->out.h + y) * p->out.w * AVL_BLOCK;
			for (int k = 0; k < window; k++)
				avl_kern()->conv_dw(&(struct avl_conv_dw_job){
				    .x = x + n * picture +
					 ((ptrdiff_t)(y * attr->stride_h + k / attr->kernel_w) *
					      p->w +
					  k % attr->kernel_w) *
					     p->inner,
				    .x_pixel = (ptrdiff_t)attr->stride_w * p->inner,
				    .inner = p->inner,
				    .dy = row,
				    .pixels = p->out.w,
				    .dw = dw + k * tile,
				});
			if (plane > 0 || !attr->bias)
				continue;
			_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
			avl_kern()->sum(sum, row, (size_t)p->out.w, 1);
			for (int i = 0; i < AVL_BLOCK; i++)
				dbias[i] += sum[i];
		}
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct grad_job job = {
	    .run = run,
	    .grad = grad,
	    .r = reverse_of(run->attr, &run->in[0].shape),
	    .x = run->in[0].data,
	};
	const struct plan *const p = &job.r.p;
	assert(!run->in[1].data && run->attr->lo == -INFINITY && run->attr->hi == INFINITY);
	assert((!p->planar || !grad->din[0]) && !run->attr->winograd);
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	if (grad->dpacked) {
		if (p->copied) {
			struct avl_op_run copy = *run;
			copy.scratch = grad->scratch;
			avl_par_for(run->par, planes * p->in.n, copy_item,
				    &(struct job){.run = &copy, .p = *p});
			job.x = grad->scratch;
		}
		avl_par_for(run->par, job.r.blocks * planes, dweight_item, &job);
	}
	if (grad->din[0])
		backward_input(&job);
}

const struct avl_op avl_op_conv = {
    .name = "conv",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .scratch = scratch,
    .forward = forward,
    .grad_scratch = grad_scratch,
    .backward = backward,
};
