/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "ops/bf16.h"

/* Input, residual and output are all in fp32 or all in bf16, and so are their gradients;
 * statistics, parameters and sums are in fp32. */

/* Pixels that are summed in single precision before their sum goes into a double. */
#define CHUNK 1024

static size_t width_of(const struct avl_shape *in)
{
	return (size_t)avl_blocks(in->c) * AVL_BLOCK;
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	(void)attr;
	return 4 * width_of(in);
}

static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	(void)attr;
	const size_t width = width_of(in);
	memset(to, 0, 4 * width * sizeof *to);
	for (int c = 0; c < in->c; c++) {
		to[c] = params->weight ? params->weight[c] : 1;
		to[width + (size_t)c] = params->bias ? params->bias[c] : 0;
		to[2 * width + (size_t)c] = params->mean[c];
		to[3 * width + (size_t)c] = params->var[c];
	}
}

static void unpack(const struct avl_attr *attr, const struct avl_shape *in, const float *packed,
		   const struct avl_params_out *params)
{
	(void)attr;
	float *const rows[] = {params->weight, params->bias, params->mean, params->var};
	for (size_t i = 0; i < 4; i++)
		if (rows[i])
			memcpy(rows[i], packed + i * width_of(in), (size_t)in->c * sizeof(float));
}

static size_t trained(const struct avl_attr *attr, const struct avl_shape *in, size_t *first)
{
	*first = attr->no_scale ? width_of(in) : 0;
	return 2 * width_of(in) - *first;
}

/* Mean and 1 / sqrt(var + eps) of the batch, a row of channels each. */
static size_t saved(const struct avl_attr *attr, const struct avl_shape *in)
{
	(void)attr;
	return 2 * width_of(in);
}

/* A block's pixels: the pictures of a batch follow each other. */
static size_t pixels_of(const struct avl_shape *in)
{
	return (size_t)in->n * (size_t)in->h * (size_t)in->w;
}

static int is_bf16(const struct avl_op_run *run)
{
	return run->in[0].layout == AVL_BLOCKED_BF16;
}

/* Mean and sum of squared differences of N pixels from element AT of X on. */
static void moments(const struct avl_map *x, size_t at, size_t n, float mean[AVL_BLOCK],
		    float squares[AVL_BLOCK])
{
	if (x->layout == AVL_BLOCKED_BF16) {
		const uint16_t *const from = avl_map_bf16(x) + at;
		avl_kern()->bf16.sum(mean, from, n, 1 / (float)n);
		avl_kern()->bf16.covary(squares, from, mean, from, mean, n);
		return;
	}
	const float *const from = x->data + at;
	avl_kern()->sum(mean, from, n, 1 / (float)n);
	avl_kern()->covary(squares, from, mean, from, mean, n);
}

/* Adds the mean and the sum of squared differences of N more pixels to those of BEFORE (Chan et al.
 * 1979), so that the map is read once. */
static void merge(const struct avl_map *x, size_t at, size_t n, size_t before,
		  double mean[AVL_BLOCK], double squares[AVL_BLOCK])
{
	_Alignas(AVL_ALIGN) float part[AVL_BLOCK], square[AVL_BLOCK];
	moments(x, at, n, part, square);
	const double all = (double)(before + n), share = (double)n / all;
	for (int i = 0; i < AVL_BLOCK; i++) {
		const double apart = (double)part[i] - mean[i];
		mean[i] += apart * share;
		squares[i] += (double)square[i] + apart * apart * (double)before * share;
	}
}

static void measure(const struct avl_op_run *run, int block)
{
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = pixels_of(in), at = (size_t)block * AVL_BLOCK;
	double mean[AVL_BLOCK] = {0}, squares[AVL_BLOCK] = {0};
	for (size_t p = 0; p < pixels; p += CHUNK)
		merge(&run->in[0], at * pixels + p * AVL_BLOCK,
		      pixels - p < CHUNK ? pixels - p : CHUNK, p, mean, squares);
	for (size_t i = 0; i < AVL_BLOCK; i++) {
		run->saved[at + i] = (float)mean[i];
		run->saved[width_of(in) + at + i] =
		    (float)(1 / sqrt(squares[i] / (double)pixels + run->attr->eps));
	}
}

/* Mean and inverse deviation that block BLOCK is normalised with. */
static void statistics(const struct avl_op_run *run, int block, float mean[AVL_BLOCK],
		       float inverse[AVL_BLOCK])
{
	const size_t width = width_of(&run->in[0].shape), at = (size_t)block * AVL_BLOCK;
	for (size_t i = 0; i < AVL_BLOCK; i++) {
		const float var = run->packed[3 * width + at + i];
		mean[i] = run->saved ? run->saved[at + i] : run->packed[2 * width + at + i];
		inverse[i] = run->saved ? run->saved[width + at + i]
					: (float)(1 / sqrt((double)var + run->attr->eps));
	}
}

static void forward_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = pixels_of(in), at = (size_t)block * AVL_BLOCK;
	_Alignas(AVL_ALIGN) float mean[AVL_BLOCK], inverse[AVL_BLOCK];
	_Alignas(AVL_ALIGN) float scale[AVL_BLOCK], shift[AVL_BLOCK];
	if (run->saved)
		measure(run, block);
	statistics(run, block, mean, inverse);
	for (size_t i = 0; i < AVL_BLOCK; i++) {
		const double by = (double)run->packed[at + i] * inverse[i];
		scale[i] = (float)by;
		shift[i] = (float)(run->packed[width_of(in) + at + i] - mean[i] * by);
	}
	const ptrdiff_t first = (ptrdiff_t)(at * pixels);
	const struct avl_map *const x = &run->in[0], *const y = &run->out;
	const void *const other = run->in[1].data ? avl_map_at(&run->in[1], first) : NULL;
	if (is_bf16(run))
		avl_kern()->bf16.affine(avl_map_at(y, first), avl_map_at(x, first), scale, shift,
					other, pixels, run->attr->lo, run->attr->hi);
	else
		avl_kern()->affine(avl_map_at(y, first), avl_map_at(x, first), scale, shift, other,
				   pixels, run->attr->lo, run->attr->hi);
}

static void forward(const struct avl_op_run *run)
{
	avl_par_for(run->par, avl_blocks(run->in[0].shape.c), forward_item,
		    &(struct avl_op_job){run, NULL});
}

/* Leaves of a block's dout what passes the clamp; its sum, and that with (x - mean). */
static void gate_and_sum(const struct avl_op_job *job, int block, const float *mean,
			 double product[AVL_BLOCK], double sum[AVL_BLOCK])
{
	const struct avl_op_run *const run = job->run;
	const size_t pixels = pixels_of(&run->in[0].shape), at = (size_t)block * AVL_BLOCK * pixels;
	const int clamped = run->attr->lo > -INFINITY || run->attr->hi < INFINITY;
	const struct avl_map dout = avl_map_grad(&run->out, job->grad->dout);
	_Alignas(AVL_ALIGN) float sums[AVL_BLOCK], products[AVL_BLOCK];
	memset(sum, 0, AVL_BLOCK * sizeof *sum);
	memset(product, 0, AVL_BLOCK * sizeof *product);
	for (size_t p = 0; p < pixels; p += CHUNK) {
		const ptrdiff_t from = (ptrdiff_t)(at + p * AVL_BLOCK);
		const struct avl_norm_grad_job sum_up = {
		    .dy = avl_map_at(&dout, from),
		    .x = avl_map_at(&run->in[0], from),
		    .mean = mean,
		    .y = clamped ? avl_map_at(&run->out, from) : NULL,
		    .lo = run->attr->lo,
		    .hi = run->attr->hi,
		    .pixels = pixels - p < CHUNK ? pixels - p : CHUNK,
		    .sum = sums,
		    .product = products,
		};
		if (is_bf16(run))
			avl_kern()->bf16.norm_grad(&sum_up);
		else
			avl_kern()->norm_grad(&sum_up);
		for (int i = 0; i < AVL_BLOCK; i++) {
			sum[i] += (double)sums[i];
			product[i] += (double)products[i];
		}
	}
}

/* Adds the gradient of a block to the residual's, or writes it. */
static void pass_on(const struct avl_op_job *job, ptrdiff_t first, size_t elements)
{
	const struct avl_op_grad *const grad = job->grad;
	const struct avl_map dy = avl_map_grad(&job->run->out, grad->dout);
	const struct avl_map din = avl_map_grad(&job->run->in[1], grad->din[1]);
	if (!din.data || din.data == dy.data)
		return;
	const void *const so_far = grad->fresh[1] ? NULL : avl_map_at(&din, first);
	if (is_bf16(job->run))
		avl_kern()->bf16.add(avl_map_at(&din, first), avl_map_at(&dy, first), so_far,
				     elements, -INFINITY, INFINITY);
	else
		avl_kern()->add(avl_map_at(&din, first), avl_map_at(&dy, first), so_far, elements,
				-INFINITY, INFINITY);
}

/* dx = a dy + b x + c, or dx += that. */
static void blend(const struct avl_op_job *job, ptrdiff_t first, size_t pixels, const float *a,
		  const float *b, const float *c)
{
	const struct avl_op_run *const run = job->run;
	const struct avl_map dy = avl_map_grad(&run->out, job->grad->dout);
	const struct avl_map din = avl_map_grad(&run->in[0], job->grad->din[0]);
	if (!din.data)
		return;
	if (is_bf16(run))
		avl_kern()->bf16.blend(avl_map_at(&din, first), avl_map_at(&dy, first),
				       avl_map_at(&run->in[0], first), a, b, c, pixels,
				       !job->grad->fresh[0]);
	else
		avl_kern()->blend(avl_map_at(&din, first), avl_map_at(&dy, first),
				  avl_map_at(&run->in[0], first), a, b, c, pixels,
				  !job->grad->fresh[0]);
}

/* With g = gamma / deviation, m pixels and t = (x - mean) / deviation:
 *   dgamma = sum dy t, dbeta = sum dy, dx = g (dy - dbeta / m - t dgamma / m)
 * where the statistics are the batch's, and dx = g dy where they are stored; dy is that before the
 * clamp, and the residual's. */
static void backward_item(void *argument, int block, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct avl_op_grad *const grad = job->grad;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = pixels_of(in), at = (size_t)block * AVL_BLOCK, width = width_of(in);
	const ptrdiff_t first = (ptrdiff_t)(at * pixels);
	_Alignas(AVL_ALIGN) float mean[AVL_BLOCK], inverse[AVL_BLOCK];
	_Alignas(AVL_ALIGN) float a[AVL_BLOCK], b[AVL_BLOCK] = {0}, c[AVL_BLOCK] = {0};
	double dgamma[AVL_BLOCK], dbeta[AVL_BLOCK];
	statistics(run, block, mean, inverse);
	gate_and_sum(job, block, mean, dgamma, dbeta);
	for (size_t i = 0; i < AVL_BLOCK; i++) {
		const double g = (double)run->packed[at + i] * inverse[i], m = (double)pixels;
		dgamma[i] *= inverse[i];
		a[i] = (float)g;
		if (run->saved) {
			const double slope = -g * dgamma[i] * inverse[i] / m;
			b[i] = (float)slope;
			c[i] = (float)(-g * dbeta[i] / m - slope * mean[i]);
		}
		if (grad->dpacked) {
			if (!run->attr->no_scale)
				grad->dpacked[at + i] += (float)dgamma[i];
			grad->dpacked[width + at + i] += (float)dbeta[i];
		}
	}
	pass_on(job, first, pixels * AVL_BLOCK);
	blend(job, first, pixels, a, b, c);
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	avl_par_for(run->par, avl_blocks(run->in[0].shape.c), backward_item,
		    &(struct avl_op_job){run, grad});
}

void avl_batchnorm_update(const struct avl_attr *attr, const struct avl_shape *in,
			  const float *batch, float momentum, float *parameters)
{
	const size_t width = width_of(in);
	const double n = (double)pixels_of(in), unbias = n > 1 ? n / (n - 1) : 1;
	float *const mean = parameters + 2 * width, *const var = parameters + 3 * width;
	for (int c = 0; c < in->c; c++) {
		const double inverse = batch[width + (size_t)c];
		const double biased = 1 / (inverse * inverse) - attr->eps;
		mean[c] += momentum * (batch[c] - mean[c]);
		var[c] += momentum * ((float)(biased * unbias) - var[c]);
	}
}

#define BATCHNORM(label)                                                                           \
	{                                                                                          \
		.name = (label), .inputs = 1, .shape = avl_shape_same, .packed = packed,           \
		.pack = pack, .unpack = unpack, .trained = trained, .forward = forward,            \
		.saved = saved, .backward = backward, .in_place = 1                                \
	}

const struct avl_op avl_op_batchnorm = BATCHNORM("batchnorm");
const struct avl_op avl_op_batchnorm_bf16 = BATCHNORM("batchnorm in bf16");
