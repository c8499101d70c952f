/* SPDX-License-Identifier: MIT */
#include "ops/winograd.h"

#include <string.h>

#include "ops/conv.h"

/* Tiles are worked off in groups: their inputs are transformed, then for each pair of output blocks
 * come the products at all positions and the outputs. Where the transformed inputs of a useful
 * number of tiles fit a second level cache, a group is one thread's own work from end to end, and
 * the weights are read again for each group. Else all threads share a group: the inputs are
 * transformed in one loop, and each pair of output blocks, whose weights are then read once, is an
 * item of a second. */

/* Of one thread's own group: floats of its transformed inputs, and the fewest tiles for which the
 * weights are worth reading. */
#define OWN_FLOATS ((size_t)128 << 10)
#define OWN_TILES  12
/* An own group's weights stay in the caches that threads share. */
#define OWN_WEIGHTS ((size_t)2 << 20)
/* Of a shared group. */
#define SHARED_FLOATS ((size_t)7 << 18)
/* Own groups are a multiple of this in number, so that threads get alike shares. */
#define GROUPS_STEP 4

struct plan {
	struct avl_shape in, out; /* before pooling */
	int m, positions;         /* outputs along a tile's side; its transformed inputs */
	int top, left;            /* rows and columns of padding */
	int across, down, tiles;  /* of all pictures */
	int cblocks, pairs, oblocks;
	int shared;
	int room;          /* tiles that memory is laid out for */
	int group, groups; /* tiles of a group, at most room, and how many groups */
};

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

static void plan_groups(struct plan *p, int late)
{
	const size_t tile = (size_t)p->positions * (size_t)p->cblocks * AVL_BLOCK;
	const size_t weights = tile * (size_t)p->oblocks * AVL_BLOCK;
	const int own = (int)(OWN_FLOATS / tile);
	p->shared = late || own < OWN_TILES || weights > OWN_WEIGHTS;
	p->room = p->shared ? (int)(SHARED_FLOATS / tile) + OWN_TILES : own;
	p->room = p->room < p->tiles ? p->room : p->tiles;
	p->groups = whole(p->tiles, p->room);
	if (!p->shared && p->groups > 1)
		p->groups = whole(p->groups, GROUPS_STEP) * GROUPS_STEP;
	p->group = whole(p->tiles, p->groups);
	p->groups = whole(p->tiles, p->group);
}

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in, int m)
{
	struct plan p = {.in = *in, .m = m, .positions = (m + 2) * (m + 2)};
	avl_window_shape(attr, in, attr->out, &p.out, NULL);
	p.top = avl_window_top(attr, in);
	p.left = avl_window_left(attr, in);
	p.across = whole(p.out.w, m);
	p.down = whole(p.out.h, m);
	p.tiles = in->n * p.across * p.down;
	p.cblocks = avl_blocks(in->c);
	p.oblocks = avl_blocks(attr->out);
	p.pairs = whole(p.oblocks, 2);
	plan_groups(&p, attr->late);
	return p;
}

ptrdiff_t avl_winograd_weights_step(int cblocks)
{
	return (2 * (ptrdiff_t)cblocks * AVL_BLOCK + 1) * AVL_BLOCK;
}

/* Floats of the weights of two blocks of outputs. */
static size_t pair_floats(const struct plan *p)
{
	return (size_t)p->positions * (size_t)avl_winograd_weights_step(p->cblocks);
}

/* Transformed weights of F(6x6), 7.1 times the plain ones, may take this many floats. */
#define LARGEST_WEIGHTS ((size_t)4 << 20)

static size_t weights_of(const struct plan *p)
{
	return (size_t)p->positions * (size_t)p->cblocks * 2 * (size_t)p->pairs * AVL_BLOCK *
	       AVL_BLOCK;
}

/* About how many cycles a thread takes for a picture: a multiplication of two vectors each, a few
 * for each vector that is transformed, and the time that weights take to come from memory. */
static double cycles(const struct plan *p)
{
	const double weights = (double)p->cblocks * p->oblocks * AVL_BLOCK * AVL_BLOCK;
	const double each = weights / AVL_BLOCK + 12.0 * p->cblocks + 6.0 * p->oblocks;
	return p->positions * (p->tiles * each + 0.6 * weights);
}

static double cycles_direct(const struct plan *p)
{
	const double weights = (double)p->cblocks * p->oblocks * AVL_BLOCK * AVL_BLOCK;
	return 9 * weights * (1.0 / AVL_BLOCK * p->out.h * p->out.w + 0.6);
}

int avl_winograd_fits(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->kernel_h != 3 || attr->kernel_w != 3 || attr->stride_h != 1 ||
	    attr->stride_w != 1 || attr->planar || in->c < AVL_BLOCK || attr->out < AVL_BLOCK)
		return 0;
	const struct avl_shape one = {1, in->c, in->h, in->w};
	double best = INFINITY;
	int found = 0;
	for (int m = 2; m <= 6; m += 2) {
		const struct plan p = plan_of(attr, &one, m);
		if (m == 2)
			best = cycles_direct(&p);
		if (m == 6 && weights_of(&p) > LARGEST_WEIGHTS)
			continue;
		if (cycles(&p) < best) {
			best = cycles(&p);
			found = m;
		}
	}
	return found;
}

size_t avl_winograd_packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in, attr->winograd);
	const size_t biases = (size_t)p.oblocks * AVL_BLOCK;
	return attr->late ? biases : biases + (size_t)p.pairs * pair_floats(&p);
}

/* Each weight is wanted once a group: of shared ones there are few. */
int avl_winograd_can_be_late(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct avl_attr late = *attr;
	late.late = 1;
	return plan_of(attr, in, attr->winograd).shared ||
	       plan_of(&late, in, attr->winograd).groups == 1;
}

/* The weights of one block of output channels: [positions][..][input blocks][16][16], STEP floats
 * from a position to the next. */
static void pack_block(const struct avl_params *params, const struct plan *p, int outputs,
		       int block, float *to, ptrdiff_t step)
{
	const size_t each = (size_t)p->in.c * 9;
	_Alignas(64) float g[AVL_CONV_LANES_MAX * AVL_BLOCK];
	avl_conv_reads(params, outputs, block, each);
	for (size_t first = 0, n; first < each; first += n) {
		n = each - first < AVL_CONV_LANES_MAX ? each - first : AVL_CONV_LANES_MAX;
		avl_conv_lanes(params, outputs, block, each, first, n, g);
		for (size_t i = 0; i < n; i += 9, to += AVL_BLOCK)
			avl_kern()->winograd_weights(p->m, g + i * AVL_BLOCK, to, step);
	}
}

/* The weights of two blocks: [positions][2][input blocks][16][16]. */
static void pack_pair(const struct avl_params *params, const struct plan *p, int outputs, int pair,
		      float *to)
{
	const ptrdiff_t each = (ptrdiff_t)p->cblocks * AVL_BLOCK * AVL_BLOCK;
	const ptrdiff_t step = avl_winograd_weights_step(p->cblocks);
	if (p->in.c % AVL_BLOCK || 2 * pair + 2 > p->oblocks)
		memset(to, 0, pair_floats(p) * sizeof *to);
	for (int b = 2 * pair; b < 2 * pair + 2 && b < p->oblocks; b++)
		pack_block(params, p, outputs, b, to + b % 2 * each, step);
}

/* Bias [outputs], then the pairs. */
void avl_winograd_pack(const struct avl_attr *attr, const struct avl_shape *in,
		       const struct avl_params *params, float *packed)
{
	const struct plan p = plan_of(attr, in, attr->winograd);
	const size_t biases = (size_t)p.oblocks * AVL_BLOCK;
	for (size_t o = 0; o < biases; o++)
		packed[o] = params->bias && o < (size_t)attr->out ? params->bias[o] : 0;
	for (int pair = 0; pair < p.pairs && !attr->late; pair++)
		pack_pair(params, &p, attr->out, pair,
			  packed + biases + (size_t)pair * pair_floats(&p));
}

/* From one position to the next of PER x ROOM vectors; an odd number of vectors, so that the
 * positions of a tile do not all lie in the same set of a cache. */
static ptrdiff_t step_of(const struct plan *p, int per)
{
	return (ptrdiff_t)(per * p->room | 1) * AVL_BLOCK;
}

static size_t input_floats(const struct plan *p)
{
	return (size_t)p->positions * (size_t)step_of(p, p->cblocks);
}

/* The transformed inputs [positions][input blocks][room][16] where they are shared, and the table
 * of taps. */
static size_t tap_floats(const struct plan *p)
{
	const size_t bytes = (size_t)p->cblocks * sizeof(ptrdiff_t);
	return (bytes + AVL_BLOCK * sizeof(float) - 1) / (AVL_BLOCK * sizeof(float)) * AVL_BLOCK;
}

static size_t shared_floats(const struct plan *p)
{
	return tap_floats(p) + (p->shared ? input_floats(p) : 0);
}

static size_t product_floats(const struct plan *p)
{
	return (size_t)p->positions * (size_t)step_of(p, 2);
}

/* Products [positions][2][room][16], behind a thread's own transformed inputs and before the
 * weights of two blocks, where these are made in the run. */
static size_t each_floats(const struct plan *p, int late)
{
	return product_floats(p) + (p->shared ? 0 : input_floats(p)) + (late ? pair_floats(p) : 0);
}

static struct plan plan_when_ready(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct avl_attr ready = *attr;
	ready.late = 0;
	return plan_of(&ready, in, attr->winograd);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* What is late may be made ready and stay where it is: there is room for both. */
size_t avl_winograd_scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in, attr->winograd);
	const struct plan ready = plan_when_ready(attr, in);
	return larger(shared_floats(&p), shared_floats(&ready));
}

size_t avl_winograd_scratch_each(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in, attr->winograd);
	const struct plan ready = plan_when_ready(attr, in);
	return larger(each_floats(&p, attr->late), each_floats(&ready, 0));
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	ptrdiff_t *tap;
	float *shared; /* inputs */
	float *each;   /* the first thread's memory */
	size_t each_floats;
	int first, last; /* tiles of the shared group */
};

/* Tiles of a group that stand side by side. */
struct strip {
	int n, top, left; /* of the first one's outputs */
	int tiles;
};

static struct strip strip_of(const struct plan *p, int tile, int last)
{
	const int inside = tile % (p->across * p->down);
	const int column = inside % p->across, rest = p->across - column;
	return (struct strip){tile / (p->across * p->down), inside / p->across * p->m,
			      column * p->m, last - tile < rest ? last - tile : rest};
}

static void transform(const struct job *job, int block, int first, int last, float *inputs)
{
	const struct plan *const p = &job->p;
	const ptrdiff_t picture = (ptrdiff_t)p->in.h * p->in.w * AVL_BLOCK;
	const struct avl_map *const x = &job->run->in[0];
	struct strip s;
	for (int t = first; t < last; t += s.tiles) {
		s = strip_of(p, t, last);
		avl_kern()->winograd_input(&(struct avl_winograd_input_job){
		    .m = p->m,
		    .x = avl_map_at(x, ((ptrdiff_t)block * p->in.n + s.n) * picture),
		    .is_bf16 = x->layout == AVL_BLOCKED_BF16,
		    .h = p->in.h,
		    .w = p->in.w,
		    .top = s.top - p->top,
		    .left = s.left - p->left,
		    .tiles = s.tiles,
		    .out = inputs + ((ptrdiff_t)block * p->room + t - first) * AVL_BLOCK,
		    .step = step_of(p, p->cblocks),
		});
	}
}

/* At each position a 1x1 convolution over the tiles. W: the weights of the pair. */
static void multiply(const struct job *job, int pair, int tiles, const float *inputs,
		     const float *w, float *products)
{
	const struct plan *const p = &job->p;
	struct avl_conv_job conv = {
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap,
	    .taps = p->cblocks,
	    .inner = AVL_BLOCK,
	    .y_block = (ptrdiff_t)p->room * AVL_BLOCK,
	    .pixels = tiles,
	    .blocks = p->oblocks - 2 * pair < 2 ? 1 : 2,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	};
	for (int k = 0; k < p->positions; k++, w += avl_winograd_weights_step(p->cblocks)) {
		conv.x = inputs + k * step_of(p, p->cblocks);
		conv.w = w;
		conv.y = products + k * step_of(p, 2);
		avl_kern()->conv(&conv);
	}
}

static void finish(const struct job *job, int block, int first, int last, const float *products)
{
	const struct avl_op_run *const run = job->run;
	const struct plan *const p = &job->p;
	const ptrdiff_t picture = (ptrdiff_t)run->out.shape.h * run->out.shape.w * AVL_BLOCK;
	const struct avl_map *const residual = &run->in[1];
	struct strip s;
	for (int t = first; t < last; t += s.tiles) {
		s = strip_of(p, t, last);
		const ptrdiff_t y = ((ptrdiff_t)block * p->out.n + s.n) * picture;
		avl_kern()->winograd_output(&(struct avl_winograd_output_job){
		    .m = p->m,
		    .p = products + ((ptrdiff_t)(block % 2) * p->room + t - first) * AVL_BLOCK,
		    .step = step_of(p, 2),
		    .bias = run->packed + (ptrdiff_t)block * AVL_BLOCK,
		    .residual = residual->data ? avl_map_at(residual, y) : NULL,
		    .y = avl_map_at(&run->out, y),
		    .is_bf16 = run->out.layout == AVL_BLOCKED_BF16,
		    .h = p->out.h,
		    .w = p->out.w,
		    .top = s.top,
		    .left = s.left,
		    .tiles = s.tiles,
		    .pool = run->attr->pool,
		    .lo = run->attr->lo,
		    .hi = run->attr->hi,
		});
	}
}

/* The outputs of two blocks for the tiles from FIRST to LAST - 1. */
static void outputs(const struct job *job, int pair, int first, int last, const float *inputs,
		    float *products)
{
	const struct avl_op_run *const run = job->run;
	const struct plan *const p = &job->p;
	const float *w =
	    run->packed + (size_t)p->oblocks * AVL_BLOCK + (size_t)pair * pair_floats(p);
	if (run->attr->late) {
		float *const made = products + product_floats(p);
		pack_pair(run->raw, p, run->attr->out, pair, made);
		w = made;
	}
	multiply(job, pair, last - first, inputs, w, products);
	for (int b = 2 * pair; b < 2 * pair + 2 && b < p->oblocks; b++)
		finish(job, b, first, last, products);
}

/* Item: one block of input channels of the shared group. */
static void input_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	transform(job, block, job->first, job->last, job->shared);
}

/* Item: two blocks of output channels of the shared group. */
static void output_item(void *argument, int pair, int thread)
{
	const struct job *const job = argument;
	outputs(job, pair, job->first, job->last, job->shared,
		job->each + (size_t)thread * job->each_floats);
}

/* Item: a group, from end to end. */
static void group_item(void *argument, int group, int thread)
{
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const int first = group * p->group;
	const int last = first + p->group < p->tiles ? first + p->group : p->tiles;
	float *const inputs = job->each + (size_t)thread * job->each_floats;
	for (int c = 0; c < p->cblocks; c++)
		transform(job, c, first, last, inputs);
	for (int pair = 0; pair < p->pairs; pair++)
		outputs(job, pair, first, last, inputs, inputs + input_floats(p));
}

void avl_winograd_forward(const struct avl_op_run *run)
{
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape;
	struct job job = {.run = run, .p = plan_of(attr, in, attr->winograd)};
	const struct plan *const p = &job.p;
	job.tap = (ptrdiff_t *)(void *)run->scratch;
	job.shared = run->scratch + tap_floats(p);
	job.each = run->scratch + shared_floats(p);
	job.each_floats = each_floats(p, attr->late);
	for (int c = 0; c < p->cblocks; c++)
		job.tap[c] = (ptrdiff_t)c * p->room * AVL_BLOCK;
	if (!p->shared) {
		avl_par_for(run->par, p->groups, group_item, &job);
		return;
	}
	for (job.first = 0; job.first < p->tiles; job.first = job.last) {
		job.last = job.first + p->group < p->tiles ? job.first + p->group : p->tiles;
		avl_par_for(run->par, p->cblocks, input_item, &job);
		avl_par_for(run->par, p->pairs, output_item, &job);
	}
}
