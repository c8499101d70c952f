/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/dense.h"
#include "train/heads.h"

/* Whether anybody wants the gradient of u: v, or a projection that learns. */
static int wants_u(const struct avl_heads *heads, int sees)
{
	for (int i = AVL_PROJ; i < AVL_HEAD_PARAMS; i += 4)
		sees |= !heads->param[i].frozen || !heads->param[i + 1].frozen;
	return sees;
}

int avl_heads_run_init(struct avl_heads_run *run, const struct avl_heads *heads, int batch,
		       int area, int hears, int sees, struct avl_par *par, struct avl_err *err)
{
	*run = (struct avl_heads_run){
	    .heads = heads, .par = par, .room = batch, .area = area, .hears = hears};
	avl_arena_init(&run->memory, 0);
	const size_t n = (size_t)batch, f = sizeof(float), units = (size_t)heads->units,
		     count = (size_t)heads->count, channels = (size_t)heads->channels,
		     features = (size_t)heads->features, seen = (size_t)heads->seen,
		     hidden = (size_t)heads->hidden, middle = (size_t)heads->middle,
		     map = channels * (size_t)area;
	const size_t linear = heads->kind == AVL_HEAD_LINEAR;
	const size_t grad_u = linear && wants_u(heads, sees), grad_v = sees != 0;
	const struct {
		void *at;
		size_t bytes;
	} block[] = {
	    {&run->first, (n + 1) * sizeof(int)},
	    {&run->winner, n * units * sizeof(int)},
	    {&run->q, n * units * f},
	    {&run->grad_q, n * units * f},
	    {&run->grad_more, n * units * f},
	    {&run->m, n * middle * f},
	    {&run->grad_m, n * middle * f},
	    {&run->h, count * n * channels * f},
	    {&run->grad_h, count * n * channels * f},
	    {&run->z, n * seen * f},
	    {&run->grad_z, n * seen * f},
	    {&run->mean_fs, n * features * f},
	    {&run->grad_mean_fs, n * features * f},
	    {&run->fv, n * features * f},
	    {&run->grad_fv, n * features * f},
	    {&run->hidden, n * hidden * f},
	    {&run->grad_hidden, n * hidden * f},
	    {&run->v, n * sizeof(float *)},
	    {&run->u, count * n * sizeof(float *)},
	    {&run->projected, linear * count * n * map * f},
	    {&run->grad_projected, grad_u * count * n * map * f},
	    {&run->grad_seen, grad_v * n * seen * (size_t)area * f},
	    {&run->grad_v, n * sizeof(float *)},
	    {&run->grad_u, count * n * sizeof(float *)},
	};
	for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
		void *const memory = avl_arena_alloc(&run->memory, block[i].bytes);
		if (!memory) {
			avl_heads_run_release(run);
			return avl_fail(err, AVL_ENOMEM, "no memory for batches of %d records",
					batch);
		}
		memcpy(block[i].at, &memory, sizeof memory);
	}
	if (!grad_v)
		run->grad_v = NULL;
	for (size_t i = 0; grad_v && i < n; i++)
		run->grad_v[i] = run->grad_seen + i * seen * (size_t)area;
	if (linear ? !grad_u : !grad_v)
		run->grad_u = NULL;
	return 0;
}

void avl_heads_run_release(struct avl_heads_run *run)
{
	avl_arena_release(&run->memory);
	free(run->x);
	free(run->a);
	free(run->turned);
	free(run->grad_x);
	*run = (struct avl_heads_run){0};
}

static size_t larger(size_t a, int b)
{
	return a > (size_t)b ? a : (size_t)b;
}

/* Room for what depends on the number of patches; TURNED serves the layers of all sizes. */
static int make_room(struct avl_heads_run *run, size_t rows, struct avl_err *err)
{
	const struct avl_heads *const heads = run->heads;
	if (rows <= run->rows_room)
		return 0;
	size_t widest = larger((size_t)heads->units, heads->channels);
	widest = larger(larger(larger(widest, heads->features), heads->hidden), heads->middle);
	free(run->x);
	free(run->a);
	free(run->turned);
	free(run->grad_x);
	run->rows_room = 0;
	run->x = avl_alloc(rows, (size_t)heads->features * sizeof(float));
	run->a = avl_alloc(rows, (size_t)heads->units * sizeof(float));
	run->turned = avl_alloc(rows, widest * sizeof(float));
	run->grad_x = avl_alloc(run->hears ? rows : 1, (size_t)heads->features * sizeof(float));
	if (!run->x || !run->a || !run->turned || !run->grad_x)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	run->rows_room = rows;
	return 0;
}

struct avl_dense avl_heads_layer(const struct avl_heads *heads, int weight)
{
	const struct avl_param *const w = &heads->param[weight], *const b = w + 1;
	return (struct avl_dense){
	    .in = w->dim[1],
	    .out = w->dim[0],
	    .weight = w->value,
	    .bias = b->count ? b->value : NULL,
	    .grad_weight = w->frozen ? NULL : w->grad,
	    .grad_bias = b->count && !b->frozen ? b->grad : NULL,
	};
}

static void average_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const size_t features = (size_t)run->heads->features;
	const int first = run->first[item], end = run->first[item + 1];
	float *const mean = run->mean_fs + (size_t)item * features;
	(void)thread;
	memset(mean, 0, features * sizeof *mean);
	for (int row = first; row < end; row++)
		for (size_t i = 0; i < features; i++)
			mean[i] += run->x[(size_t)row * features + i];
	for (size_t i = 0; i < features; i++)
		mean[i] /= (float)(end - first);
}

static float activated(const struct avl_heads *heads, float x)
{
	if (heads->kind != AVL_HEAD_FC)
		return x;
	switch (heads->activation) {
	case AVL_ACTIVATION_RELU:
		x = x < 0 ? 0 : x;
		break;
	case AVL_ACTIVATION_SIGMOID:
		x = 1 / (1 + expf(-x));
		break;
	case AVL_ACTIVATION_TANH:
		x = tanhf(x);
		break;
	case AVL_ACTIVATION_NONE:
		break;
	}
	return heads->floor > 0 && x <= heads->floor ? 0 : x;
}

/* The slope of the activation where it gives Y. */
static float slope_at(const struct avl_heads *heads, float y)
{
	if (heads->kind != AVL_HEAD_FC)
		return 1;
	if (heads->floor > 0 && y == 0)
		return 0;
	switch (heads->activation) {
	case AVL_ACTIVATION_RELU:
		return y > 0;
	case AVL_ACTIVATION_SIGMOID:
		return y * (1 - y);
	case AVL_ACTIVATION_TANH:
		return 1 - y * y;
	case AVL_ACTIVATION_NONE:
		break;
	}
	return 1;
}

/* Activation and pooling of one record. */
static void pool_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const size_t units = (size_t)run->heads->units;
	const int first = run->first[item], end = run->first[item + 1];
	const int mean = run->heads->pool == AVL_POOL_MEAN;
	float *const q = run->q + (size_t)item * units;
	int *const winner = run->winner + (size_t)item * units;
	(void)thread;
	for (int row = first; row < end; row++)
		for (size_t i = 0; i < units; i++) {
			float *const a = &run->a[(size_t)row * units + i];
			*a = activated(run->heads, *a);
			if (row == first || (!mean && *a > q[i])) {
				q[i] = *a;
				winner[i] = row;
			} else if (mean) {
				q[i] += *a;
			}
		}
	for (size_t i = 0; mean && i < units; i++)
		q[i] /= (float)(end - first);
}

/* The layer that makes h of head K, out of q; -1: q is h. */
static int embedding_of(const struct avl_heads *heads, int k)
{
	static const int of_kind[] = {
	    [AVL_HEAD_FC] = AVL_SOUND_FC2_WEIGHT,
	    [AVL_HEAD_LINEAR] = AVL_PROJ + 2,
	    [AVL_HEAD_NONE] = -1,
	};
	return heads->kind == AVL_HEAD_LINEAR ? of_kind[heads->kind] + 4 * k : of_kind[heads->kind];
}

/* From h of a head to that of the next. */
static size_t head_stride(const struct avl_heads_run *run)
{
	return (size_t)run->batch * (size_t)run->heads->channels;
}

static void rectify(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] < 0 ? 0 : x[i];
}

static size_t middle_of(const struct avl_heads_run *run)
{
	return (size_t)run->batch * (size_t)run->heads->middle;
}

static void embed_by_two(struct avl_heads_run *run)
{
	const struct avl_dense fc2 = avl_heads_layer(run->heads, AVL_SOUND_FC2_WEIGHT);
	const struct avl_dense fc3 = avl_heads_layer(run->heads, AVL_SOUND_FC3_WEIGHT);
	avl_dense_forward(&fc2, run->q, run->batch, run->m, run->par);
	rectify(run->m, middle_of(run));
	avl_dense_forward(&fc3, run->m, run->batch, run->h, run->par);
}

static void embed(struct avl_heads_run *run)
{
	if (run->heads->middle) {
		embed_by_two(run);
		return;
	}
	for (int k = 0; k < run->heads->count; k++) {
		const int weight = embedding_of(run->heads, k);
		float *const h = run->h + (size_t)k * head_stride(run);
		if (weight < 0) {
			memcpy(h, run->q, head_stride(run) * sizeof *h);
			continue;
		}
		const struct avl_dense dense = avl_heads_layer(run->heads, weight);
		avl_dense_forward(&dense, run->q, run->batch, h, run->par);
	}
}

int avl_heads_hear(struct avl_heads_run *run, const struct avl_sample *sample, int n,
		   struct avl_err *err)
{
	const size_t features = (size_t)run->heads->features;
	run->batch = n;
	run->first[0] = 0;
	for (int i = 0; i < n; i++)
		run->first[i + 1] = run->first[i] + sample[i].patches;
	run->rows = run->first[n];
	const int code = make_room(run, (size_t)run->rows, err);
	if (code)
		return code;
	for (int i = 0; i < n; i++)
		memcpy(run->x + (size_t)run->first[i] * features, sample[i].fs,
		       (size_t)sample[i].patches * features * sizeof(float));
	avl_par_for(run->par, n, average_item, run);
	if (run->heads->kind == AVL_HEAD_FC) {
		const struct avl_dense fc1 = avl_heads_layer(run->heads, AVL_SOUND_FC1_WEIGHT);
		avl_dense_forward(&fc1, run->x, run->rows, run->a, run->par);
	} else {
		memcpy(run->a, run->x, (size_t)run->rows * features * sizeof *run->a);
	}
	avl_par_for(run->par, n, pool_item, run);
	embed(run);
	return 0;
}

void avl_heads_see(struct avl_heads_run *run)
{
	const struct avl_dense fc1 = avl_heads_layer(run->heads, AVL_IMAGE_FC1_WEIGHT);
	const struct avl_dense fc2 = avl_heads_layer(run->heads, AVL_IMAGE_FC2_WEIGHT);
	const size_t n = (size_t)run->batch * (size_t)run->heads->hidden;
	avl_dense_forward(&fc1, run->z, run->batch, run->hidden, run->par);
	rectify(run->hidden, n);
	avl_dense_forward(&fc2, run->hidden, run->batch, run->fv, run->par);
}

/* Of N activations Y of a ReLU: the gradient before it, in place. */
static void rectify_backward(const float *y, size_t n, float *grad)
{
	for (size_t i = 0; i < n; i++)
		if (y[i] <= 0)
			grad[i] = 0;
}

void avl_heads_see_backward(struct avl_heads_run *run)
{
	const struct avl_dense fc1 = avl_heads_layer(run->heads, AVL_IMAGE_FC1_WEIGHT);
	const struct avl_dense fc2 = avl_heads_layer(run->heads, AVL_IMAGE_FC2_WEIGHT);
	const size_t n = (size_t)run->batch * (size_t)run->heads->hidden;
	avl_dense_backward(&fc2, run->hidden, run->grad_fv, run->batch, run->grad_hidden,
			   run->turned, run->par);
	rectify_backward(run->hidden, n, run->grad_hidden);
	avl_dense_backward(&fc1, run->z, run->grad_hidden, run->batch, run->grad_z, run->turned,
			   run->par);
}

/* The gradient of the activations, in their place. */
static void unpool_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const size_t units = (size_t)run->heads->units;
	const int first = run->first[item], end = run->first[item + 1];
	const int mean = run->heads->pool == AVL_POOL_MEAN;
	const float *const grad_q = run->grad_q + (size_t)item * units;
	const int *const winner = run->winner + (size_t)item * units;
	(void)thread;
	for (int row = first; row < end; row++)
		for (size_t i = 0; i < units; i++) {
			float *const a = &run->a[(size_t)row * units + i];
			const float slope = slope_at(run->heads, *a);
			if (mean)
				*a = slope * grad_q[i] / (float)(end - first);
			else
				*a = winner[i] == row ? slope * grad_q[i] : 0;
		}
}

static void embed_by_two_backward(struct avl_heads_run *run, int further)
{
	const struct avl_dense fc2 = avl_heads_layer(run->heads, AVL_SOUND_FC2_WEIGHT);
	const struct avl_dense fc3 = avl_heads_layer(run->heads, AVL_SOUND_FC3_WEIGHT);
	avl_dense_backward(&fc3, run->m, run->grad_h, run->batch, run->grad_m, run->turned,
			   run->par);
	rectify_backward(run->m, middle_of(run), run->grad_m);
	avl_dense_backward(&fc2, run->q, run->grad_m, run->batch, further ? run->grad_q : NULL,
			   run->turned, run->par);
}

/* The gradient of q, summed over the heads. */
static void embed_backward(struct avl_heads_run *run, int further)
{
	const size_t n = (size_t)run->batch * (size_t)run->heads->units;
	if (run->heads->middle) {
		embed_by_two_backward(run, further);
		return;
	}
	for (int k = 0; k < run->heads->count; k++) {
		const int weight = embedding_of(run->heads, k);
		const float *const grad_h = run->grad_h + (size_t)k * head_stride(run);
		float *const grad = k ? run->grad_more : run->grad_q;
		if (weight < 0) {
			memcpy(grad, grad_h, n * sizeof *grad);
		} else {
			const struct avl_dense dense = avl_heads_layer(run->heads, weight);
			avl_dense_backward(&dense, run->q, grad_h, run->batch,
					   further ? grad : NULL, run->turned, run->par);
		}
		for (size_t i = 0; k && further && i < n; i++)
			run->grad_q[i] += grad[i];
	}
}

/* Adds the gradient of the mean of f_s to that of f_s. */
static void spread_item(void *arg, int item, int thread)
{
	const struct avl_heads_run *const run = arg;
	const size_t features = (size_t)run->heads->features;
	const int first = run->first[item], end = run->first[item + 1];
	const float *const grad = run->grad_mean_fs + (size_t)item * features;
	(void)thread;
	for (int row = first; row < end; row++)
		for (size_t i = 0; i < features; i++)
			run->grad_x[(size_t)row * features + i] += grad[i] / (float)(end - first);
}

void avl_heads_hear_backward(struct avl_heads_run *run, int embedded)
{
	const struct avl_heads *const heads = run->heads;
	const int is_fc = heads->kind == AVL_HEAD_FC;
	struct avl_dense fc1 = {0};
	if (is_fc)
		fc1 = avl_heads_layer(heads, AVL_SOUND_FC1_WEIGHT);
	const int further = run->hears || fc1.grad_weight || fc1.grad_bias;
	embed_backward(run, further);
	if (!further)
		return;
	avl_par_for(run->par, run->batch, unpool_item, run);
	if (is_fc)
		avl_dense_backward(&fc1, run->x, run->a, run->rows, run->hears ? run->grad_x : NULL,
				   run->turned, run->par);
	else
		memcpy(run->grad_x, run->a,
		       (size_t)run->rows * (size_t)heads->features * sizeof *run->grad_x);
	if (run->hears && embedded)
		avl_par_for(run->par, run->batch, spread_item, run);
}
