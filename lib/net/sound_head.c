/* SPDX-License-Identifier: MIT */
#include "net/sound_head.h"

#include <math.h>
#include <string.h>

#include "kern/gemm.h"

/* FC2 is kept the other way round: a unit's row is what the unit adds to h. */
static int load_fc2(struct avl_sound_head *head, const struct avl_safetensors *file,
		    struct avl_err *err)
{
	const struct avl_safetensor *const weight = avl_safetensors_find(file, "sound_fc2.weight");
	const struct avl_safetensor *const bias = avl_safetensors_find(file, "sound_fc2.bias");
	const size_t units = (size_t)head->units, channels = (size_t)head->channels;
	if (!weight)
		return avl_fail(err, AVL_ESHAPE, "tensor 'sound_fc2.weight' is missing");
	const struct avl_tensor *const w = &weight->tensor;
	if (w->ndim != 2 || w->dim[0] != head->channels || w->dim[1] != head->units ||
	    (bias && avl_tensor_count(&bias->tensor) != channels)) {
		char shape[128];
		avl_tensor_describe(w, shape, sizeof shape);
		return avl_fail(
		    err, AVL_ESHAPE,
		    "'sound_fc2' (weight %s) does not lead from %d units to %d channels", shape,
		    head->units, head->channels);
	}
	float *const raw = avl_arena_alloc(&head->memory, units * channels * sizeof(float));
	head->fc2 = avl_arena_alloc(&head->memory, units * channels * sizeof(float));
	head->bias = avl_arena_alloc(&head->memory, channels * sizeof(float));
	head->length = avl_arena_alloc(&head->memory, units * sizeof(float));
	if (!raw || !head->fc2 || !head->bias || !head->length)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_tensor_to_float(w->data, w->dtype, units * channels, raw);
	memset(head->bias, 0, channels * sizeof(float));
	if (bias)
		avl_tensor_to_float(bias->tensor.data, bias->tensor.dtype, channels, head->bias);
	for (size_t u = 0; u < units; u++) {
		double sum = 0;
		for (size_t c = 0; c < channels; c++) {
			const float x = raw[c * units + u];
			head->fc2[u * channels + c] = x;
			sum += (double)x * x;
		}
		head->length[u] = (float)sqrt(sum);
	}
	return 0;
}

int avl_sound_head_init(struct avl_sound_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, int features, int channels,
			struct avl_err *err)
{
	*head = (struct avl_sound_head){.contract = contract, .channels = channels};
	avl_arena_init(&head->memory, 0);
	int code = avl_linear_init(&head->fc1, file, "sound_fc1", features, err);
	head->units = head->fc1.out;
	if (!code)
		code = load_fc2(head, file, err);
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

void avl_sound_head_activate(const struct avl_sound_head *head, struct avl_map *x)
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

void avl_sound_head_pool(const struct avl_sound_head *head, const struct avl_map *x, size_t before,
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

void avl_sound_head_embed(const struct avl_sound_head *head, const float *q, float *h)
{
	memcpy(h, head->bias, (size_t)head->channels * sizeof *h);
	avl_gemv(1, head->units, head->channels, head->fc2, q, 1, h);
}
