/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/winograd.h"

/* Winograd's convolutions in training. Forward is that of inference on weights transformed anew.
 * Backward to the input is a forward one of the gradients, with the kernels turned round and their
 * channels exchanged. Backward to the weights comes from the same formula, y = A' (G g G' . B' d B)
 * A: dg = G' (sum over tiles of A dy A' . B' d B) G. */

enum { M = 4, POSITIONS = 36, TILE = AVL_BLOCK * AVL_BLOCK };

/* Fewer tiles in a batch, and the transformed weights are used for too little. */
#define TILES_MIN 16

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

int avl_winograd_trains(const struct avl_attr *attr, const struct avl_shape *in)
{
	if (attr->kernel_h != 3 || attr->kernel_w != 3 || attr->stride_h != 1 ||
	    attr->stride_w != 1 || attr->planar || in->c < AVL_BLOCK || attr->out < AVL_BLOCK)
		return 0;
	if (avl_window_top(attr, in) > 2 || avl_window_left(attr, in) > 2)
		return 0;
	struct avl_shape out;
	avl_window_shape(attr, in, attr->out, &out, NULL);
	return out.n * whole(out.h, M) * whole(out.w, M) >= TILES_MIN ? M : 0;
}

/* --- weights --- */

struct turning {
	int cblocks, oblocks; /* of the convolution that is to be run */
	int turned;
	const float *plain; /* behind its bias */
	float *to;
};

/* The kernels from input channel C of a block to 16 outputs: of the block AT [9][16][16], or turned
 * round, where its outputs are inputs. */
static void take_kernels(const float *at, int c, int turned, float g[9 * AVL_BLOCK])
{
	for (int k = 0; k < 9; k++) {
		const float *const from = at + (turned ? 8 - k : k) * TILE;
		for (int o = 0; o < AVL_BLOCK; o++)
			g[k * AVL_BLOCK + o] = from[turned ? o * AVL_BLOCK + c : c * AVL_BLOCK + o];
	}
}

/* Item: the weights between two blocks, to [output pairs] of avl_winograd_weights_step. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct turning *const t = argument;
	const int o = item / t->cblocks, c = item % t->cblocks;
	const ptrdiff_t each = (ptrdiff_t)t->cblocks * TILE;
	const ptrdiff_t step = avl_winograd_weights_step(t->cblocks);
	const ptrdiff_t plain = t->turned ? (ptrdiff_t)c * t->oblocks + o : item;
	float *const to = t->to + o / 2 * POSITIONS * step + o % 2 * each + (ptrdiff_t)c * TILE;
	_Alignas(AVL_ALIGN) float g[9 * AVL_BLOCK];
	for (int i = 0; i < AVL_BLOCK; i++) {
		take_kernels(t->plain + plain * 9 * TILE, i, t->turned, g);
		avl_kern()->winograd_weights(M, g, to + (ptrdiff_t)i * AVL_BLOCK, step);
	}
}

/* Packs for the convolution of ATTR and IN the weights PLAIN, those of its own or of the one that
 * it goes back through. */
static void transform_weights(const struct avl_attr *attr, const struct avl_shape *in, int turned,
			      const float *plain, struct avl_par *par, float *packed)
{
	const int cblocks = avl_blocks(in->c), oblocks = avl_blocks(attr->out);
	const size_t biases = (size_t)oblocks * AVL_BLOCK;
	const size_t plain_biases = (size_t)(turned ? cblocks : oblocks) * AVL_BLOCK;
	if (turned)
		memset(packed, 0, biases * sizeof *packed);
	else
		memcpy(packed, plain, biases * sizeof *packed);
	avl_par_for(
	    par, cblocks * oblocks, turn_item,
	    &(struct turning){cblocks, oblocks, turned, plain + plain_biases, packed + biases});
}

/* --- forward --- */

static struct avl_attr packed_attr(const struct avl_attr *attr)
{
	struct avl_attr a = *attr;
	a.plain = 0;
	return a;
}

static size_t rounded(size_t floats)
{
	return (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

size_t avl_winograd_plain_scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	return rounded(avl_winograd_packed(attr, in)) + avl_winograd_scratch(attr, in);
}

void avl_winograd_plain_forward(const struct avl_op_run *run)
{
	const struct avl_attr attr = packed_attr(run->attr);
	const struct avl_shape *const in = &run->in[0].shape;
	struct avl_op_run inner = *run;
	inner.attr = &attr;
	inner.packed = run->scratch;
	inner.scratch = run->scratch + rounded(avl_winograd_packed(&attr, in));
	transform_weights(&attr, in, 0, run->packed, run->par, run->scratch);
	avl_winograd_forward(&inner);
}

/* --- backward to the input --- */

/* The convolution that leads from the gradients of the output to those of the input. */
static struct avl_attr reverse_of(const struct avl_attr *attr, const struct avl_shape *in,
				  struct avl_shape *out)
{
	avl_window_shape(attr, in, attr->out, out, NULL);
	return (struct avl_attr){
	    .out = in->c,
	    .kernel_h = 3,
	    .kernel_w = 3,
	    .stride_h = 1,
	    .stride_w = 1,
	    .pad = AVL_PAD_FIXED,
	    .pad_h = 2 - avl_window_top(attr, in),
	    .pad_w = 2 - avl_window_left(attr, in),
	    .winograd = M,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	};
}

static void backward_input(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct avl_shape out;
	const struct avl_shape *const in = &run->in[0].shape;
	const struct avl_attr reverse = reverse_of(run->attr, in, &out);
	const struct avl_map din = avl_map_grad(&run->in[0], grad->din[0]), none = {0};
	const struct avl_map dout = avl_map_grad(&run->out, grad->dout);
	transform_weights(&reverse, &out, 1, run->packed, run->par, grad->scratch);
	avl_winograd_forward(&(struct avl_op_run){
	    .attr = &reverse,
	    .in = {dout, grad->fresh[0] ? none : din},
	    .out = din,
	    .packed = grad->scratch,
	    .scratch = grad->scratch + rounded(avl_winograd_packed(&reverse, &out)),
	    .par = run->par,
	});
}

/* --- backward to the weights --- */

/* Tiles in work are as many as these floats hold, but not so few that adding up their products is
 * little beside adding them to the gradients. */
#define WORK_FLOATS ((size_t)1 << 20)
#define CHUNK_MIN   128
/* Input blocks of an item, whose products lie in the second level cache. */
#define GROUP 4
/* Items are at least so many. */
#define ITEMS_MIN 8

struct weights_job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct avl_shape in, out;
	int across, down, tiles;
	int chunk, first, count; /* tiles: room, those in work */
	int cblocks, oblocks, group;
	float *inputs, *gradients; /* [positions][blocks][chunk][16] */
	float *products;           /* a thread's: [group][positions][16][16] */
};

static struct weights_job weights_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct weights_job j = {
	    .in = *in, .cblocks = avl_blocks(in->c), .oblocks = avl_blocks(attr->out)};
	avl_window_shape(attr, in, attr->out, &j.out, NULL);
	j.across = whole(j.out.w, M);
	j.down = whole(j.out.h, M);
	j.tiles = in->n * j.across * j.down;
	const size_t each = (size_t)(j.cblocks + j.oblocks) * AVL_BLOCK * POSITIONS;
	j.chunk = (int)(WORK_FLOATS / each);
	j.chunk = j.chunk < CHUNK_MIN ? CHUNK_MIN : j.chunk;
	const int chunks = whole(j.tiles, j.chunk);
	j.chunk = whole(j.tiles, chunks);
	j.group = GROUP;
	while (j.group > 1 && j.oblocks * whole(j.cblocks, j.group) < ITEMS_MIN)
		j.group--;
	return j;
}

/* An odd number of vectors, so that the positions of a tile lie in different sets of a cache. */
static ptrdiff_t position_step(const struct weights_job *j, int blocks)
{
	return (ptrdiff_t)(blocks * j->chunk | 1) * AVL_BLOCK;
}

static size_t weights_scratch(const struct weights_job *j, int threads)
{
	return POSITIONS * (size_t)(position_step(j, j->cblocks) + position_step(j, j->oblocks)) +
	       (size_t)threads * (size_t)j->group * POSITIONS * TILE;
}

/* Transforms block BLOCK of MAP, for the tiles in work. PAD_*: of the first tile. */
static void transform_block(const struct weights_job *j, const struct avl_map *map, int block,
			    int pad_h, int pad_w,
			    void (*transform)(const struct avl_winograd_input_job *), float *to,
			    ptrdiff_t step)
{
	const struct avl_shape *const shape = &map->shape;
	const ptrdiff_t picture = (ptrdiff_t)shape->h * shape->w * AVL_BLOCK;
	const ptrdiff_t first = block * avl_block_stride(shape);
	for (int t = 0, tiles; t < j->count; t += tiles) {
		const int tile = j->first + t, inside = tile % (j->across * j->down);
		const int column = inside % j->across, rest = j->across - column;
		tiles = j->count - t < rest ? j->count - t : rest;
		transform(&(struct avl_winograd_input_job){
		    .m = M,
		    .x = avl_map_at(map, first + tile / (j->across * j->down) * picture),
		    .is_bf16 = map->layout == AVL_BLOCKED_BF16,
		    .h = shape->h,
		    .w = shape->w,
		    .top = inside / j->across * M - pad_h,
		    .left = column * M - pad_w,
		    .tiles = tiles,
		    .out = to + (ptrdiff_t)t * AVL_BLOCK,
		    .step = step,
		});
	}
}

/* The bias: the element of A dy A' at row and column 1 is the sum of a tile's gradients. */
static void add_bias(const struct weights_job *j, int block, const float *gradients)
{
	float *const dbias = j->grad->dpacked + (ptrdiff_t)block * AVL_BLOCK;
	_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
	avl_kern()->sum(sum, gradients + 7 * position_step(j, j->oblocks), (size_t)j->count, 1);
	for (int i = 0; i < AVL_BLOCK; i++)
		dbias[i] += sum[i];
}

/* Item: one block of the inputs, then of the gradients. */
static void transform_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct weights_job *const j = argument;
	const struct avl_attr *const attr = j->run->attr;
	if (item < j->cblocks) {
		transform_block(j, &j->run->in[0], item, avl_window_top(attr, &j->in),
				avl_window_left(attr, &j->in), avl_kern()->winograd_input,
				j->inputs + (ptrdiff_t)item * j->chunk * AVL_BLOCK,
				position_step(j, j->cblocks));
		return;
	}
	const int block = item - j->cblocks;
	float *const to = j->gradients + (ptrdiff_t)block * j->chunk * AVL_BLOCK;
	const struct avl_map dout = avl_map_grad(&j->run->out, j->grad->dout);
	transform_block(j, &dout, block, 0, 0, avl_kern()->winograd_spread, to,
			position_step(j, j->oblocks));
	if (attr->bias)
		add_bias(j, block, to);
}

/* Item: one block of outputs by some of inputs. */
static void product_item(void *argument, int item, int thread)
{
	const struct weights_job *const j = argument;
	const int groups = whole(j->cblocks, j->group);
	const int o = item / groups, first = item % groups * j->group;
	const int left = j->cblocks - first, blocks = left < j->group ? left : j->group;
	const size_t floats = (size_t)j->group * POSITIONS * TILE;
	float *const m = j->products + (size_t)thread * floats;
	memset(m, 0, (size_t)blocks * POSITIONS * TILE * sizeof *m);
	for (int k = 0; k < POSITIONS; k++)
		for (int b = 0; b < blocks; b++)
			avl_kern()->conv_dw(&(struct avl_conv_dw_job){
			    .x = j->inputs + k * position_step(j, j->cblocks) +
				 (ptrdiff_t)(first + b) * j->chunk * AVL_BLOCK,
			    .x_pixel = AVL_BLOCK,
			    .inputs = AVL_BLOCK,
			    .dy = j->gradients + k * position_step(j, j->oblocks) +
				  (ptrdiff_t)o * j->chunk * AVL_BLOCK,
			    .rows = 1,
			    .pixels = j->count,
			    .dw = m + (ptrdiff_t)(b * POSITIONS + k) * TILE,
			});
	float *const dw = j->grad->dpacked + (ptrdiff_t)j->oblocks * AVL_BLOCK;
	for (int b = 0; b < blocks; b++)
		avl_kern()->winograd_gather(m + (ptrdiff_t)b * POSITIONS * TILE,
					    dw +
						((ptrdiff_t)o * j->cblocks + first + b) * 9 * TILE);
}

static void backward_weights(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct weights_job j = weights_of(run->attr, &run->in[0].shape);
	j.run = run;
	j.grad = grad;
	j.inputs = grad->scratch;
	j.gradients = j.inputs + POSITIONS * position_step(&j, j.cblocks);
	j.products = j.gradients + POSITIONS * position_step(&j, j.oblocks);
	for (j.first = 0; j.first < j.tiles; j.first += j.count) {
		const int left = j.tiles - j.first;
		j.count = left < j.chunk ? left : j.chunk;
		avl_par_for(run->par, j.cblocks + j.oblocks, transform_item, &j);
		avl_par_for(run->par, j.oblocks * whole(j.cblocks, j.group), product_item, &j);
	}
}

/* --- both --- */

size_t avl_winograd_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				 int threads)
{
	struct avl_shape out;
	const struct avl_attr reverse = reverse_of(attr, in, &out);
	const struct weights_job j = weights_of(attr, in);
	const size_t weights = weights_scratch(&j, threads);
	const size_t input = rounded(avl_winograd_packed(&reverse, &out)) +
			     avl_winograd_scratch(&reverse, &out) +
			     (size_t)threads * avl_winograd_scratch_each(&reverse, &out);
	return weights > input ? weights : input;
}

void avl_winograd_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (grad->dpacked)
		backward_weights(run, grad);
	if (grad->din[0])
		backward_input(run, grad);
}
