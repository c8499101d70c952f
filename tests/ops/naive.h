/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_OPS_NAIVE_H
#define AVL_TESTS_OPS_NAIVE_H

#include <math.h>
#include <stdlib.h>

#include "ops/ops.h"

/* What the ops of ops.h say, written as plainly as can be: planar maps, double precision. */

struct naive {
	struct avl_shape shape;
	double *at;   /* [n][c][h][w] */
	double *size; /* of each, the sum of the magnitudes that were added up, for tolerances */
	int terms;    /* how many those were */
};

static inline size_t naive_count(const struct avl_shape *s)
{
	return (size_t)s->n * (size_t)s->c * (size_t)s->h * (size_t)s->w;
}

static inline struct naive naive_new(struct avl_shape shape)
{
	struct naive map = {.shape = shape};
	map.at = calloc(naive_count(&shape) + 1, sizeof *map.at);
	map.size = calloc(naive_count(&shape) + 1, sizeof *map.size);
	return map;
}

static inline struct naive naive_from(struct avl_shape shape, const float *x)
{
	struct naive map = naive_new(shape);
	for (size_t i = 0; i < naive_count(&shape); i++)
		map.at[i] = (double)x[i];
	return map;
}

static inline void naive_free(struct naive *map)
{
	free(map->at);
	free(map->size);
	*map = (struct naive){0};
}

static inline size_t naive_index(const struct avl_shape *s, int n, int c, int y, int x)
{
	return (((size_t)n * (size_t)s->c + (size_t)c) * (size_t)s->h + (size_t)y) * (size_t)s->w +
	       (size_t)x;
}

/* Places of a window along one side, and where the first begins (0 or left of it). TensorFlow's
 * "SAME" as its documentation of tf.nn.convolution has it. */
static inline int naive_places(enum avl_pad pad, int in, int kernel, int stride, int fixed,
			       int *begin)
{
	int before = fixed, places = 0;
	if (pad == AVL_PAD_SAME) {
		places = (int)ceil((double)in / stride);
		before = (int)floor(fmax((places - 1) * stride + kernel - in, 0) / 2);
	} else {
		while (places * stride + kernel <= in + 2 * fixed)
			places++;
	}
	*begin = -before;
	return places;
}

static inline struct avl_shape naive_window(const struct avl_attr *a, const struct avl_shape *in,
					    int c, int *top, int *left)
{
	return (struct avl_shape){
	    .n = in->n,
	    .c = c,
	    .h = naive_places(a->pad, in->h, a->kernel_h, a->stride_h, a->pad_h, top),
	    .w = naive_places(a->pad, in->w, a->kernel_w, a->stride_w, a->pad_w, left),
	};
}

static inline void naive_clamp(const struct avl_attr *a, struct naive *map)
{
	for (size_t i = 0; i < naive_count(&map->shape); i++)
		map->at[i] = fmin(a->hi, fmax(a->lo, map->at[i]));
}

/* The sum over one window (of channel C alone where DEPTHWISE, else of all for output C). */
static inline void naive_dot(const struct avl_attr *a, const struct naive *x, const float *weight,
			     int depthwise, int n, int c, int top, int left, double *sum,
			     double *size)
{
	const int channels = depthwise ? 1 : x->shape.c;
	for (int i = 0; i < channels; i++)
		for (int r = 0; r < a->kernel_h; r++)
			for (int q = 0; q < a->kernel_w; q++) {
				const int row = top + r, col = left + q;
				if (row < 0 || row >= x->shape.h || col < 0 || col >= x->shape.w)
					continue;
				const size_t w = (((size_t)c * (size_t)channels + (size_t)i) *
						      (size_t)a->kernel_h +
						  (size_t)r) *
						     (size_t)a->kernel_w +
						 (size_t)q;
				const double term =
				    (double)weight[w] *
				    x->at[naive_index(&x->shape, n, depthwise ? c : i, row, col)];
				*sum += term;
				*size += fabs(term);
			}
}

static inline struct naive naive_conv(const struct avl_attr *a, const struct naive *x,
				      const struct naive *residual, const struct avl_params *params,
				      int depthwise)
{
	int top, left;
	struct naive y = naive_new(naive_window(a, &x->shape, a->out, &top, &left));
	y.terms = (depthwise ? 1 : x->shape.c) * a->kernel_h * a->kernel_w + 2;
	for (int n = 0; n < y.shape.n; n++)
		for (int c = 0; c < y.shape.c; c++)
			for (int i = 0; i < y.shape.h * y.shape.w; i++) {
				const int row = i / y.shape.w, col = i % y.shape.w;
				const size_t at = naive_index(&y.shape, n, c, row, col);
				const double bias = params->bias ? (double)params->bias[c] : 0;
				const double add = residual ? residual->at[at] : 0;
				y.at[at] = bias + add;
				y.size[at] = fabs(bias) + fabs(add);
				naive_dot(a, x, params->weight, depthwise, n, c,
					  top + row * a->stride_h, left + col * a->stride_w,
					  &y.at[at], &y.size[at]);
			}
	naive_clamp(a, &y);
	return y;
}

static inline struct naive naive_batchnorm(const struct avl_attr *a, const struct naive *x,
					   const struct avl_params *params)
{
	struct naive y = naive_new(x->shape);
	y.terms = 6;
	for (size_t i = 0; i < naive_count(&y.shape); i++) {
		const size_t area = (size_t)y.shape.h * (size_t)y.shape.w;
		const size_t c = i / area % (size_t)y.shape.c;
		const double gain = params->weight ? (double)params->weight[c] : 1;
		const double scale = gain / sqrt((double)params->var[c] + (double)a->eps);
		const double mean = (double)params->mean[c], bias = (double)params->bias[c];
		y.at[i] = (x->at[i] - mean) * scale + bias;
		y.size[i] = (fabs(x->at[i]) + fabs(mean)) * fabs(scale) + fabs(bias);
	}
	naive_clamp(a, &y);
	return y;
}

static inline struct naive naive_maxpool(const struct avl_attr *a, const struct naive *x)
{
	int top, left;
	struct naive y = naive_new(naive_window(a, &x->shape, x->shape.c, &top, &left));
	for (int n = 0; n < y.shape.n; n++)
		for (int c = 0; c < y.shape.c; c++)
			for (int i = 0; i < y.shape.h * y.shape.w; i++) {
				const int row = top + i / y.shape.w * a->stride_h;
				const int col = left + i % y.shape.w * a->stride_w;
				double best = -INFINITY;
				for (int r = row; r < row + a->kernel_h; r++)
					for (int q = col; q < col + a->kernel_w; q++)
						if (r >= 0 && r < x->shape.h && q >= 0 &&
						    q < x->shape.w)
							best =
							    fmax(best, x->at[naive_index(
									   &x->shape, n, c, r, q)]);
				y.at[naive_index(&y.shape, n, c, i / y.shape.w, i % y.shape.w)] =
				    best;
			}
	return y;
}

static inline struct naive naive_globalmax(const struct naive *x)
{
	const struct avl_shape *const in = &x->shape;
	const size_t area = (size_t)in->h * (size_t)in->w;
	struct naive y = naive_new((struct avl_shape){.n = in->n, .c = in->c, .h = 1, .w = 1});
	for (size_t i = 0; i < naive_count(in); i++)
		y.at[i / area] = i % area ? fmax(y.at[i / area], x->at[i]) : x->at[i];
	return y;
}

static inline struct naive naive_mean(const struct naive *x)
{
	const struct avl_shape *const in = &x->shape;
	const size_t area = (size_t)in->h * (size_t)in->w;
	struct naive y = naive_new((struct avl_shape){.n = in->n, .c = in->c, .h = 1, .w = 1});
	y.terms = (int)area + 2;
	for (size_t i = 0; i < naive_count(in); i++) {
		y.at[i / area] += x->at[i] / (double)area;
		y.size[i / area] += fabs(x->at[i]) / (double)area;
	}
	return y;
}

static inline struct naive naive_add(const struct avl_attr *a, const struct naive *x,
				     const struct naive *other)
{
	struct naive y = naive_new(x->shape);
	y.terms = 2;
	for (size_t i = 0; i < naive_count(&y.shape); i++) {
		y.at[i] = x->at[i] + (other ? other->at[i] : 0);
		y.size[i] = fabs(x->at[i]) + fabs(other ? other->at[i] : 0);
	}
	naive_clamp(a, &y);
	return y;
}

/* Any of the ops; OTHER is the second operand of an addition or a convolution's residual. */
static inline struct naive naive_apply(const struct avl_op *op, const struct avl_attr *a,
				       const struct naive *x, const struct naive *other,
				       const struct avl_params *params)
{
	if (op == &avl_op_conv || op == &avl_op_depthwise)
		return naive_conv(a, x, other, params, op == &avl_op_depthwise);
	if (op == &avl_op_batchnorm)
		return naive_batchnorm(a, x, params);
	if (op == &avl_op_maxpool)
		return naive_maxpool(a, x);
	if (op == &avl_op_globalmax)
		return naive_globalmax(x);
	if (op == &avl_op_mean)
		return naive_mean(x);
	return naive_add(a, x, other);
}

#endif
