/* SPDX-License-Identifier: MIT */
#include "ops/winograd.h"

#include <string.h>

/* Elements of a tile. */
#define POSITIONS 36
/* Floats that the transformed inputs and the products of the tiles in work may take: what the
 * second level caches of two cores hold. */
#define WORK_FLOATS ((size_t)1 << 20)
/* Fewer tiles, and the transformed weights are read for too little. */
#define TILES_MIN 12
/* Of the products' loop: a multiple of the pixels that the kernels hold in registers. */
#define TILES_STEP 14

struct plan {
	struct avl_shape in, out;
	int top, left;           /* rows and columns of padding */
	int across, down, tiles; /* of all pictures */
	int chunk;               /* tiles in work at a time */
	int cblocks, oblocks;
};

static struct plan plan_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct plan p = {.in = *in};
	avl_window_shape(attr, in, attr->out, &p.out, NULL);
	p.top = avl_window_top(attr, in);
	p.left = avl_window_left(attr, in);
	p.across = (p.out.w + 3) / 4;
	p.down = (p.out.h + 3) / 4;
	p.tiles = in->n * p.across * p.down;
	p.cblocks = avl_blocks(in->c);
	p.oblocks = avl_blocks(attr->out);
	const size_t each = (size_t)(p.cblocks + p.oblocks) * AVL_BLOCK * POSITIONS;
	p.chunk = (int)(WORK_FLOATS / each) / TILES_STEP * TILES_STEP;
	if (p.chunk < 2 * TILES_STEP)
		p.chunk = 2 * TILES_STEP;
	if (p.chunk > p.tiles)
		p.chunk = p.tiles;
	return p;
}

int avl_winograd_fits(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->kernel_h != 3 || attr->kernel_w != 3 || attr->stride_h != 1 ||
	    attr->stride_w != 1 || attr->planar || in->c < AVL_BLOCK || attr->out < AVL_BLOCK)
		return 0;
	const struct avl_shape one = {1, in->c, in->h, in->w};
	return plan_of(attr, &one).tiles >= TILES_MIN;
}

size_t avl_winograd_packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	const size_t outputs = (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	return outputs * (1 + POSITIONS * (size_t)avl_blocks(in->c) * AVL_BLOCK);
}

/* G g G' of a kernel g. */
static void transform(const float g[9], float out[POSITIONS])
{
	static const double G[6][3] = {
	    {1.0 / 4, 0, 0},
	    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
	    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
	    {1.0 / 24, 1.0 / 12, 1.0 / 6},
	    {1.0 / 24, -1.0 / 12, 1.0 / 6},
	    {0, 0, 1},
	};
	double half[6][3];
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 3; j++)
			half[i][j] = G[i][0] * (double)g[j] + G[i][1] * (double)g[3 + j] +
				     G[i][2] * (double)g[6 + j];
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			out[i * 6 + j] = (float)(half[i][0] * G[j][0] + half[i][1] * G[j][1] +
						 half[i][2] * G[j][2]);
}

/* Bias [outputs], then [36][output blocks][input blocks][16][16]. */
void avl_winograd_pack(const struct avl_attr *attr, const struct avl_shape *in,
		       const struct avl_params *params, float *packed)
{
	const size_t cblocks = (size_t)avl_blocks(in->c), oblocks = (size_t)avl_blocks(attr->out);
	const size_t position = cblocks * oblocks * AVL_BLOCK * AVL_BLOCK;
	memset(packed, 0, avl_winograd_packed(attr, in) * sizeof *packed);
	float *const weights = packed + oblocks * AVL_BLOCK;
	for (size_t o = 0; o < (size_t)attr->out; o++) {
		packed[o] = params->bias ? params->bias[o] : 0;
		for (size_t c = 0; c < (size_t)in->c; c++) {
			float tile[POSITIONS];
			transform(params->weight + (o * (size_t)in->c + c) * 9, tile);
			const size_t block = (o / AVL_BLOCK) * cblocks + c / AVL_BLOCK;
			const size_t at =
			    (block * AVL_BLOCK + c % AVL_BLOCK) * AVL_BLOCK + o % AVL_BLOCK;
			for (size_t k = 0; k < POSITIONS; k++)
				weights[k * position + at] = tile[k];
		}
	}
}

/* Transformed inputs [36][input blocks][chunk][16], products [36][output blocks][chunk][16], and
 * the table of taps. */
size_t avl_winograd_scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct plan p = plan_of(attr, in);
	return (size_t)(p.cblocks + p.oblocks) * AVL_BLOCK * POSITIONS * (size_t)p.chunk +
	       (size_t)p.cblocks * sizeof(ptrdiff_t) / sizeof(float);
}

struct job {
	const struct avl_op_run *run;
	struct plan p;
	int first, tiles; /* in work */
	float *inputs, *products;
	ptrdiff_t *tap;
	int range; /* output blocks of an item of the products' loop */
};

struct place {
	int n, top, left; /* of a tile's first output */
};

static struct place place_of(const struct plan *p, int tile)
{
	const int in_picture = tile % (p->across * p->down);
	return (struct place){tile / (p->across * p->down), in_picture / p->across * 4,
			      in_picture % p->across * 4};
}

/* Item: one block of input channels. */
static void input_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const ptrdiff_t picture = (ptrdiff_t)p->in.h * p->in.w * AVL_BLOCK;
	const float *const x = job->run->in[0].data + block * picture * p->in.n;
	for (int t = 0; t < job->tiles; t++) {
		const struct place at = place_of(p, job->first + t);
		avl_kern()->winograd_input(
		    x + at.n * picture, p->in.h, p->in.w, at.top - p->top, at.left - p->left,
		    job->inputs + ((ptrdiff_t)block * job->tiles + t) * AVL_BLOCK,
		    (ptrdiff_t)p->cblocks * job->tiles * AVL_BLOCK);
	}
}

/* Item: the products at one position for some blocks of output channels: a 1x1 convolution over
 * the tiles. */
static void product_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct plan *const p = &job->p;
	const int ranges = (p->oblocks + job->range - 1) / job->range;
	const int position = item / ranges, block = item % ranges * job->range;
	const ptrdiff_t row = (ptrdiff_t)job->tiles * AVL_BLOCK;
	const ptrdiff_t weights = (ptrdiff_t)p->cblocks * AVL_BLOCK * AVL_BLOCK;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->inputs + (ptrdiff_t)position * p->cblocks * row,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap,
	    .taps = p->cblocks,
	    .inner = AVL_BLOCK,
	    .w = job->run->packed + (ptrdiff_t)p->oblocks * AVL_BLOCK +
		 ((ptrdiff_t)position * p->oblocks + block) * weights,
	    .y = job->products + ((ptrdiff_t)position * p->oblocks + block) * row,
	    .y_block = row,
	    .pixels = job->tiles,
	    .blocks = p->oblocks - block < job->range ? p->oblocks - block : job->range,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	});
}

/* Item: one block of output channels. */
static void output_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct plan *const p = &job->p;
	const ptrdiff_t picture = (ptrdiff_t)p->out.h * p->out.w * AVL_BLOCK;
	const float *const residual = run->in[1].data;
	for (int t = 0; t < job->tiles; t++) {
		const struct place at = place_of(p, job->first + t);
		const ptrdiff_t y = ((ptrdiff_t)block * p->out.n + at.n) * picture;
		avl_kern()->winograd_output(&(struct avl_winograd_output_job){
		    .m = job->products + ((ptrdiff_t)block * job->tiles + t) * AVL_BLOCK,
		    .step = (ptrdiff_t)p->oblocks * job->tiles * AVL_BLOCK,
		    .bias = run->packed + (ptrdiff_t)block * AVL_BLOCK,
		    .residual = residual ? residual + y : NULL,
		    .y = run->out.data + y,
		    .h = p->out.h,
		    .w = p->out.w,
		    .top = at.top,
		    .left = at.left,
		    .lo = run->attr->lo,
		    .hi = run->attr->hi,
		});
	}
}

void avl_winograd_forward(const struct avl_op_run *run)
{
	struct job job = {.run = run, .p = plan_of(run->attr, &run->in[0].shape)};
	const struct plan *const p = &job.p;
	const size_t column = (size_t)AVL_BLOCK * POSITIONS * (size_t)p->chunk;
	job.inputs = run->scratch;
	job.products = job.inputs + (size_t)p->cblocks * column;
	job.tap = (ptrdiff_t *)(void *)(job.products + (size_t)p->oblocks * column);
	/* Six or more items for each of two threads at a position, in even numbers of blocks. */
	job.range = (p->oblocks + 7) / 8 * 2;
	for (job.first = 0; job.first < p->tiles; job.first += job.tiles) {
		const int left = p->tiles - job.first;
		job.tiles = left < p->chunk ? left : p->chunk;
		for (int c = 0; c < p->cblocks; c++)
			job.tap[c] = (ptrdiff_t)c * job.tiles * AVL_BLOCK;
		avl_par_for(run->par, p->cblocks, input_item, &job);
		avl_par_for(run->par, POSITIONS * ((p->oblocks + job.range - 1) / job.range),
			    product_item, &job);
		avl_par_for(run->par, p->oblocks, output_item, &job);
	}
}
