/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/gemm.h"
#include "train/dense.h"
#include "train/heads.h"

/* Linear heads on the picture's side: u = W v + b at every position. */

/* Rows of a weight's gradient that make one item of work. */
enum { WEIGHT_ROWS = 64 };

static struct avl_dense projection(const struct avl_heads_run *run, int k)
{
	return avl_heads_layer(run->heads, AVL_PROJ + 4 * k);
}

static size_t map_floats(const struct avl_heads_run *run)
{
	return (size_t)run->heads->channels * (size_t)run->area;
}

/* Item: one head's map of one picture. */
static void project_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const struct avl_dense d = projection(run, item / run->batch);
	const size_t area = (size_t)run->area;
	float *const u = run->projected + (size_t)item * map_floats(run);
	(void)thread;
	for (int o = 0; d.bias && o < d.out; o++)
		for (size_t i = 0; i < area; i++)
			u[(size_t)o * area + i] = d.bias[o];
	avl_gemm(0, 0, d.out, run->area, d.in, d.weight, run->v[item % run->batch], d.bias ? 1 : 0,
		 u);
}

void avl_heads_look(struct avl_heads_run *run, int n)
{
	const int linear = run->heads->kind == AVL_HEAD_LINEAR;
	for (int i = 0; i < run->heads->count * n; i++)
		run->u[i] = linear ? run->projected + (size_t)i * map_floats(run) : run->v[i % n];
	for (int i = 0; run->grad_u && i < run->heads->count * n; i++)
		run->grad_u[i] =
		    linear ? run->grad_projected + (size_t)i * map_floats(run) : run->grad_v[i % n];
	if (run->grad_u && linear)
		memset(run->grad_projected, 0,
		       (size_t)(run->heads->count * n) * map_floats(run) * sizeof(float));
	for (int i = 0; run->grad_v && i < n; i++)
		memset(run->grad_v[i], 0,
		       (size_t)run->heads->seen * (size_t)run->area * sizeof(float));
	if (linear)
		avl_par_for(run->par, run->heads->count * n, project_item, run);
}

static int blocks_of(const struct avl_heads_run *run)
{
	return (run->heads->channels + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
}

/* Item: some rows of one head's weight, summed over the pictures in their order. */
static void weight_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const int k = item / blocks_of(run), first = item % blocks_of(run) * WEIGHT_ROWS;
	const struct avl_dense d = projection(run, k);
	const int rows = d.out - first < WEIGHT_ROWS ? d.out - first : WEIGHT_ROWS;
	const size_t area = (size_t)run->area;
	float *const *const grad_u = run->grad_u + (ptrdiff_t)k * run->batch;
	(void)thread;
	for (int i = 0; d.grad_weight && i < run->batch; i++)
		avl_gemm(0, 1, rows, d.in, run->area, grad_u[i] + (size_t)first * area, run->v[i],
			 i ? 1 : 0, d.grad_weight + (size_t)first * (size_t)d.in);
	for (int o = first; d.grad_bias && o < first + rows; o++) {
		double sum = 0;
		for (int i = 0; i < run->batch; i++)
			for (size_t x = 0; x < area; x++)
				sum += (double)grad_u[i][(size_t)o * area + x];
		d.grad_bias[o] = (float)sum;
	}
}

static void input_item(void *arg, int i, int thread)
{
	const struct avl_heads_run *const run = arg;
	(void)thread;
	for (int k = 0; k < run->heads->count; k++) {
		const struct avl_dense d = projection(run, k);
		avl_gemm(1, 0, d.in, run->area, d.out, d.weight,
			 run->grad_u[(ptrdiff_t)k * run->batch + i], 1, run->grad_v[i]);
	}
}

void avl_heads_look_backward(struct avl_heads_run *run)
{
	if (run->heads->kind != AVL_HEAD_LINEAR || !run->grad_u)
		return;
	avl_par_for(run->par, run->heads->count * blocks_of(run), weight_item, run);
	if (run->grad_v)
		avl_par_for(run->par, run->batch, input_item, run);
}
