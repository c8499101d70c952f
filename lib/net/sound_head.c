/* SPDX-License-Identifier: MIT */
#include "net/sound_head.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kern/gemm.h"

/* A layer, or some of its outputs, kept the other way round: a unit's row is what it adds to the
 * outputs. */
struct layer {
	int units, outputs;
	int stride; /* from a row to the next */
	float *rows, *bias;
};

static int load_layer(struct avl_sound_head *head, const struct avl_safetensors *file,
		      const char *name, const struct layer *to, struct avl_err *err)
{
	char full[64], shape[128];
	snprintf(full, sizeof full, "%s.weight", name);
	const struct avl_safetensor *const weight = avl_safetensors_find(file, full);
	if (!weight)
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is missing", full);
	snprintf(full, sizeof full, "%s.bias", name);
	const struct avl_safetensor *const bias = avl_safetensors_find(file, full);
	const size_t units = (size_t)to->units, outputs = (size_t)to->outputs;
	const struct avl_tensor *const w = &weight->tensor;
	if (w->ndim != 2 || w->dim[0] != to->outputs || w->dim[1] != to->units ||
	    (bias && avl_tensor_count(&bias->tensor) != outputs)) {
		avl_tensor_describe(w, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE,
				"'%s' (weight %s) does not lead from %d units to %d channels", name,
				shape, to->units, to->outputs);
	}
	float *const row = avl_arena_alloc(&head->memory, units * sizeof *row);
	if (!row)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const size_t size = avl_dtype_size(w->dtype);
	for (size_t c = 0; c < outputs; c++) {
		avl_tensor_to_float((const char *)w->data + c * units * size, w->dtype, units, row);
		for (size_t u = 0; u < units; u++)
			to->rows[u * (size_t)to->stride + c] = row[u];
	}
	if (bias)
		avl_tensor_to_float(bias->tensor.data, bias->tensor.dtype, outputs, to->bias);
	return 0;
}

static int load_fc(struct avl_sound_head *head, const struct avl_safetensors *file,
		   struct avl_err *err)
{
	const int between = head->hidden ? head->hidden : head->channels;
	const struct layer second = {head->units, between, between, head->fc2, head->bias};
	const struct layer third = {head->hidden, head->channels, head->channels, head->fc3,
				    head->bias3};
	const int code = load_layer(head, file, "sound_fc2", &second, err);
	return code || !head->hidden ? code : load_layer(head, file, "sound_fc3", &third, err);
}

static int load_layers(struct avl_sound_head *head, const struct avl_safetensors *file,
		       struct avl_err *err)
{
	const int count = head->contract->head.count, channels = head->channels / count;
	if (head->contract->head.kind == AVL_HEAD_FC)
		return load_fc(head, file, err);
	int code = 0;
	for (int i = 0; i < count && !code; i++) {
		char name[32];
		snprintf(name, sizeof name, count > 1 ? "sound_proj%d" : "sound_proj", i + 1);
		const struct layer to = {head->units, channels, head->channels,
					 head->fc2 + i * channels, head->bias + i * channels};
		code = load_layer(head, file, name, &to, err);
	}
	return code;
}

static void measure_rows(struct avl_sound_head *head)
{
	for (int u = 0; u < head->units; u++) {
		const float *const row = head->fc2 + (size_t)u * (size_t)head->channels;
		double sum = 0;
		for (int c = 0; c < head->channels; c++)
			sum += (double)row[c] * row[c];
		head->length[u] = (float)sqrt(sum);
	}
}

/* Units between the second layer and the third, which the second's weight tells. */
static int measure_hidden(struct avl_sound_head *head, const struct avl_safetensors *file,
			  struct avl_err *err)
{
	if (head->contract->head.layers < 3)
		return 0;
	const struct avl_safetensor *const fc2 = avl_safetensors_find(file, "sound_fc2.weight");
	if (!fc2)
		return avl_fail(err, AVL_ESHAPE, "tensor 'sound_fc2.weight' is missing");
	if (fc2->tensor.ndim != 2 || fc2->tensor.dim[0] < 1 || fc2->tensor.dim[0] > 1 << 20)
		return avl_fail(err, AVL_ESHAPE, "tensor 'sound_fc2.weight' is not a matrix");
	head->hidden = (int)fc2->tensor.dim[0];
	return 0;
}

/* N zeros. */
static float *zeros(struct avl_sound_head *head, size_t n)
{
	float *const to = avl_arena_alloc(&head->memory, n * sizeof *to);
	return to ? memset(to, 0, n * sizeof *to) : NULL;
}

static int make_room(struct avl_sound_head *head, struct avl_err *err)
{
	const size_t units = (size_t)head->units, channels = (size_t)head->channels;
	const size_t hidden = (size_t)head->hidden, between = hidden ? hidden : channels;
	head->length = zeros(head, units);
	head->bias = zeros(head, between);
	head->fc2 = zeros(head, units * between);
	head->fc3 = hidden ? zeros(head, hidden * channels) : NULL;
	head->bias3 = hidden ? zeros(head, channels) : NULL;
	if (head->length && head->bias && head->fc2 && (!hidden || (head->fc3 && head->bias3)))
		return 0;
	return avl_fail(err, AVL_ENOMEM, "out of memory");
}

static int init_layers(struct avl_sound_head *head, const struct avl_safetensors *file,
		       struct avl_err *err)
{
	int code = measure_hidden(head, file, err);
	if (!code)
		code = make_room(head, err);
	if (!code)
		code = load_layers(head, file, err);
	if (!code && head->contract->head.kind == AVL_HEAD_FC && !head->hidden)
		measure_rows(head);
	return code;
}

static int init_without(struct avl_sound_head *head, struct avl_err *err)
{
	if (head->units != head->channels)
		return avl_fail(err, AVL_ESHAPE, "f_s has %d values where v has %d", head->units,
				head->channels);
	head->length = zeros(head, (size_t)head->units);
	return head->length ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

int avl_sound_head_init(struct avl_sound_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, int features, int channels,
			struct avl_err *err)
{
	int code = 0;
	*head = (struct avl_sound_head){
	    .contract = contract,
	    .units = features,
	    .channels = channels * contract->head.count,
	};
	avl_arena_init(&head->memory, 0);
	if (contract->head.kind == AVL_HEAD_FC) {
		code = avl_linear_init(&head->fc1, file, "sound_fc1", features, err);
		head->units = head->fc1.out;
	}
	if (!code)
		code = contract->head.kind == AVL_HEAD_NONE ? init_without(head, err)
							    : init_layers(head, file, err);
	if (code)
		avl_sound_head_release(head);
	return code;
}

void avl_sound_head_release(struct avl_sound_head *head)
{
	avl_linear_release(&head->fc1);
	avl_arena_release(&head->memory);
	*head = (struct avl_sound_head){0};
}

static float *element(const struct avl_map *x, int patch, int unit)
{
	return x->data + unit / AVL_BLOCK * avl_block_stride(&x->shape) +
	       (ptrdiff_t)patch * AVL_BLOCK + unit % AVL_BLOCK;
}

static float activated(enum avl_activation activation, float x)
{
	switch (activation) {
	case AVL_ACTIVATION_RELU:
		return x > 0 ? x : 0;
	case AVL_ACTIVATION_SIGMOID:
		return 1 / (1 + expf(-x));
	case AVL_ACTIVATION_TANH:
		return tanhf(x);
	case AVL_ACTIVATION_NONE:
		break;
	}
	return x;
}

static void activate(const struct avl_sound_head *head, struct avl_map *x)
{
	const float floor = (float)head->contract->head.floor;
	for (int p = 0; p < x->shape.n; p++)
		for (int u = 0; u < head->units; u++) {
			float *const at = element(x, p, u);
			*at = activated(head->contract->head.activation, *at);
			if (floor > 0 && *at <= floor)
				*at = 0;
		}
}

static void pool(const struct avl_sound_head *head, const struct avl_map *x, size_t before,
		 size_t all, float *q)
{
	const int mean = head->contract->head.pool == AVL_POOL_MEAN;
	for (int p = 0; p < x->shape.n; p++)
		for (int u = 0; u < head->units; u++) {
			const float value = *element(x, p, u);
			if (before + (size_t)p == 0)
				q[u] = value;
			else if (mean)
				q[u] += value;
			else if (value > q[u])
				q[u] = value;
		}
	if (mean && before + (size_t)x->shape.n == all)
		for (int u = 0; u < head->units; u++)
			q[u] /= (float)all;
}

void avl_sound_head_hear(const struct avl_sound_head *head, const struct avl_map *fs,
			 float *scratch, size_t before, size_t all, float *q, struct avl_par *par)
{
	struct avl_map units = {.data = scratch};
	if (head->contract->head.kind != AVL_HEAD_FC) {
		pool(head, fs, before, all, q);
		return;
	}
	avl_linear_run(&head->fc1, fs, &units, par);
	activate(head, &units);
	pool(head, &units, before, all, q);
}

void avl_sound_head_embed(const struct avl_sound_head *head, const float *q, float *scratch,
			  float *h)
{
	const size_t channels = (size_t)head->channels;
	if (!head->fc2) {
		memcpy(h, q, channels * sizeof *h);
		return;
	}
	const int outputs = head->hidden ? head->hidden : head->channels;
	float *const second = head->hidden ? scratch : h;
	memcpy(second, head->bias, (size_t)outputs * sizeof *second);
	avl_gemv(1, head->units, outputs, head->fc2, q, 1, second);
	if (!head->hidden)
		return;
	for (int i = 0; i < outputs; i++)
		second[i] = second[i] > 0 ? second[i] : 0;
	memcpy(h, head->bias3, channels * sizeof *h);
	avl_gemv(1, head->hidden, head->channels, head->fc3, second, 1, h);
}
