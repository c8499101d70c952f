/* SPDX-License-Identifier: MIT */
#include "train/dense.h"

#include <string.h>

#include "kern/gemm.h"

/* Rows of a batch, and rows of a weight's gradient, that make one item of work. */
enum { BATCH_ROWS = 16, WEIGHT_ROWS = 64 };

struct work {
	const struct avl_dense *dense;
	const float *x, *grad_y, *turned;
	float *y, *grad_x;
	int rows;
};

static int items(int rows, int each)
{
	return (rows + each - 1) / each;
}

static int length_of(int item, int rows, int each)
{
	const int left = rows - item * each;
	return left < each ? left : each;
}

static void forward_item(void *arg, int item, int thread)
{
	const struct work *const w = arg;
	const struct avl_dense *const d = w->dense;
	const int first = item * BATCH_ROWS, n = length_of(item, w->rows, BATCH_ROWS);
	float *const y = w->y + (size_t)first * (size_t)d->out;
	(void)thread;
	for (int r = 0; d->bias && r < n; r++)
		memcpy(y + (size_t)r * (size_t)d->out, d->bias, (size_t)d->out * sizeof *y);
	avl_gemm(0, 1, n, d->out, d->in, w->x + (size_t)first * (size_t)d->in, d->weight,
		 d->bias ? 1 : 0, y);
}

void avl_dense_forward(const struct avl_dense *dense, const float *x, int rows, float *y,
		       struct avl_par *par)
{
	struct work work = {.dense = dense, .x = x, .y = y, .rows = rows};
	avl_par_for(par, items(rows, BATCH_ROWS), forward_item, &work);
}

static void input_item(void *arg, int item, int thread)
{
	const struct work *const w = arg;
	const struct avl_dense *const d = w->dense;
	const int first = item * BATCH_ROWS, n = length_of(item, w->rows, BATCH_ROWS);
	(void)thread;
	avl_gemm(0, 0, n, d->in, d->out, w->grad_y + (size_t)first * (size_t)d->out, d->weight, 0,
		 w->grad_x + (size_t)first * (size_t)d->in);
}

static void weight_item(void *arg, int item, int thread)
{
	const struct work *const w = arg;
	const struct avl_dense *const d = w->dense;
	const int first = item * WEIGHT_ROWS, n = length_of(item, d->out, WEIGHT_ROWS);
	const float *const turned = w->turned + (size_t)first * (size_t)w->rows;
	(void)thread;
	if (d->grad_weight)
		avl_gemm(0, 0, n, d->in, w->rows, turned, w->x, 0,
			 d->grad_weight + (size_t)first * (size_t)d->in);
	for (int o = 0; d->grad_bias && o < n; o++) {
		double sum = 0;
		for (int r = 0; r < w->rows; r++)
			sum += (double)turned[(size_t)o * (size_t)w->rows + (size_t)r];
		d->grad_bias[first + o] = (float)sum;
	}
}

void avl_dense_backward(const struct avl_dense *dense, const float *x, const float *grad_y,
			int rows, float *grad_x, float *turned, struct avl_par *par)
{
	struct work work = {
	    .dense = dense,
	    .x = x,
	    .grad_y = grad_y,
	    .turned = turned,
	    .grad_x = grad_x,
	    .rows = rows,
	};
	if (grad_x)
		avl_par_for(par, items(rows, BATCH_ROWS), input_item, &work);
	if (!dense->grad_weight && !dense->grad_bias)
		return;
	for (int r = 0; r < rows; r++)
		for (int o = 0; o < dense->out; o++)
			turned[(size_t)o * (size_t)rows + (size_t)r] =
			    grad_y[(size_t)r * (size_t)dense->out + (size_t)o];
	avl_par_for(par, items(dense->out, WEIGHT_ROWS), weight_item, &work);
}
