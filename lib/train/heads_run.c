/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/dense.h"
#include "train/heads.h"

int avl_heads_run_init(struct avl_heads_run *run, const struct avl_heads *heads, int batch,
		       struct avl_par *par, struct avl_err *err)
{
	*run = (struct avl_heads_run){.heads = heads, .par = par};
	avl_arena_init(&run->memory, 0);
	const size_t n = (size_t)batch, f = sizeof(float), units = (size_t)heads->units,
		     channels = (size_t)heads->channels, features = (size_t)heads->features,
		     hidden = (size_t)heads->hidden;
	const struct {
		float **at;
		size_t floats;
	} block[] = {
	    {&run->q, n * units},
	    {&run->grad_q, n * units},
	    {&run->h, n * channels},
	    {&run->grad_h, n * channels},
	    {&run->z, n * channels},
	    {&run->grad_z, n * channels},
	    {&run->mean_fs, n * features},
	    {&run->fv, n * features},
	    {&run->grad_fv, n * features},
	    {&run->hidden, n * hidden},
	    {&run->grad_hidden, n * hidden},
	};
	int ok = 1;
	for (size_t i = 0; i < sizeof block / sizeof block[0]; i++)
		ok &= (*block[i].at = avl_arena_alloc(&run->memory, block[i].floats * f)) != NULL;
	run->first = avl_arena_alloc(&run->memory, (n + 1) * sizeof(int));
	run->winner = avl_arena_alloc(&run->memory, n * units * sizeof(int));
	if (ok && run->first && run->winner)
		return 0;
	avl_heads_run_release(run);
	return avl_fail(err, AVL_ENOMEM, "out of memory");
}

void avl_heads_run_release(struct avl_heads_run *run)
{
	avl_arena_release(&run->memory);
	free(run->x);
	free(run->u);
	free(run->turned);
	*run = (struct avl_heads_run){0};
}

/* Room for what depends on the number of patches; TURNED serves the layers of all sizes. */
static int make_room(struct avl_heads_run *run, size_t rows, struct avl_err *err)
{
	const struct avl_heads *const heads = run->heads;
	size_t widest = (size_t)heads->units;
	if (rows <= run->rows_room)
		return 0;
	if ((size_t)heads->channels > widest)
		widest = (size_t)heads->channels;
	if ((size_t)heads->features > widest)
		widest = (size_t)heads->features;
	if ((size_t)heads->hidden > widest)
		widest = (size_t)heads->hidden;
	free(run->x);
	free(run->u);
	free(run->turned);
	run->rows_room = 0;
	run->x = avl_alloc(rows, (size_t)heads->features * sizeof(float));
	run->u = avl_alloc(rows, (size_t)heads->units * sizeof(float));
	run->turned = avl_alloc(rows, widest * sizeof(float));
	if (!run->x || !run->u || !run->turned)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	run->rows_room = rows;
	return 0;
}

static struct avl_dense layer(const struct avl_heads *heads, int weight)
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
			float *const u = &run->u[(size_t)row * units + i];
			*u = activated(run->heads, *u);
			if (row == first || (!mean && *u > q[i])) {
				q[i] = *u;
				winner[i] = row;
			} else if (mean) {
				q[i] += *u;
			}
		}
	for (size_t i = 0; mean && i < units; i++)
		q[i] /= (float)(end - first);
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
	const struct avl_dense fc1 = layer(run->heads, AVL_SOUND_FC1_WEIGHT);
	const struct avl_dense fc2 = layer(run->heads, AVL_SOUND_FC2_WEIGHT);
	avl_par_for(run->par, n, average_item, run);
	avl_dense_forward(&fc1, run->x, run->rows, run->u, run->par);
	avl_par_for(run->par, n, pool_item, run);
	avl_dense_forward(&fc2, run->q, n, run->h, run->par);
	return 0;
}

void avl_heads_see(struct avl_heads_run *run)
{
	const struct avl_dense fc1 = layer(run->heads, AVL_IMAGE_FC1_WEIGHT);
	const struct avl_dense fc2 = layer(run->heads, AVL_IMAGE_FC2_WEIGHT);
	const size_t n = (size_t)run->batch * (size_t)run->heads->hidden;
	avl_dense_forward(&fc1, run->z, run->batch, run->hidden, run->par);
	for (size_t i = 0; i < n; i++)
		run->hidden[i] = run->hidden[i] < 0 ? 0 : run->hidden[i];
	avl_dense_forward(&fc2, run->hidden, run->batch, run->fv, run->par);
}

void avl_heads_see_backward(struct avl_heads_run *run)
{
	const struct avl_dense fc1 = layer(run->heads, AVL_IMAGE_FC1_WEIGHT);
	const struct avl_dense fc2 = layer(run->heads, AVL_IMAGE_FC2_WEIGHT);
	const size_t n = (size_t)run->batch * (size_t)run->heads->hidden;
	avl_dense_backward(&fc2, run->hidden, run->grad_fv, run->batch, run->grad_hidden,
			   run->turned, run->par);
	for (size_t i = 0; i < n; i++)
		if (run->hidden[i] <= 0)
			run->grad_hidden[i] = 0;
	avl_dense_backward(&fc1, run->z, run->grad_hidden, run->batch, run->grad_z, run->turned,
			   run->par);
}

/* The gradient of FC1's output, in the place of its activations. */
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
			float *const u = &run->u[(size_t)row * units + i];
			const float slope = slope_at(run->heads, *u);
			if (mean)
				*u = slope * grad_q[i] / (float)(end - first);
			else
				*u = winner[i] == row ? slope * grad_q[i] : 0;
		}
}

void avl_heads_hear_backward(struct avl_heads_run *run)
{
	const struct avl_dense fc1 = layer(run->heads, AVL_SOUND_FC1_WEIGHT);
	const struct avl_dense fc2 = layer(run->heads, AVL_SOUND_FC2_WEIGHT);
	const int further = fc1.grad_weight || fc1.grad_bias;
	avl_dense_backward(&fc2, run->q, run->grad_h, run->batch, further ? run->grad_q : NULL,
			   run->turned, run->par);
	if (!further)
		return;
	avl_par_for(run->par, run->batch, unpool_item, run);
	avl_dense_backward(&fc1, run->x, run->u, run->rows, NULL, run->turned, run->par);
}
