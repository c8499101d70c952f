/* SPDX-License-Identifier: MIT */
#include "train/heads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "train/dataset.h"

static const char *const param_name[AVL_HEAD_PARAMS] = {
    "sound_fc1.weight", "sound_fc1.bias", "sound_fc2.weight", "sound_fc2.bias",
    "image_fc1.weight", "image_fc1.bias", "image_fc2.weight", "image_fc2.bias",
};

static int is_weight(int i)
{
	return i % 2 == 0;
}

/* Gives parameter I its shape, and memory. */
static int make(struct avl_heads *heads, int i, int out, int in, struct avl_err *err)
{
	struct avl_param *const p = &heads->param[i];
	p->ndim = is_weight(i) ? 2 : 1;
	p->dim[0] = out;
	p->dim[1] = is_weight(i) ? in : 0;
	p->count = (size_t)out * (is_weight(i) ? (size_t)in : 1);
	p->frozen = 0;
	p->value = avl_arena_alloc(&heads->memory, p->count * sizeof(float));
	return p->value ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

/* PyTorch's start of a linear layer: uniform in +-1 / sqrt(in), weight and bias. */
static int make_fresh(struct avl_heads *heads, int layer, int out, int in, uint64_t seed,
		      struct avl_err *err)
{
	for (int i = layer; i < layer + 2; i++) {
		struct avl_rng rng;
		const int code = make(heads, i, out, in, err);
		if (code)
			return code;
		avl_rng_init(&rng, seed, AVL_STREAM_FRESH + (uint64_t)i);
		const float bound = (float)(1 / sqrt((double)in));
		for (size_t k = 0; k < heads->param[i].count; k++)
			heads->param[i].value[k] = bound * (2 * avl_rng_uniform(&rng) - 1);
	}
	return 0;
}

/* The size of the layer whose weight is parameter I. AVL_ENONE where the file has none. */
static int measure(const struct avl_safetensors *file, int i, int *out, int *in,
		   struct avl_err *err)
{
	static const int64_t any[] = {-1, -1};
	char shape[128];
	const struct avl_safetensor *const found = avl_safetensors_find(file, param_name[i]);
	if (!found)
		return avl_fail(err, AVL_ENONE, "tensor '%s' is missing", param_name[i]);
	const struct avl_tensor *const t = &found->tensor;
	if (!avl_tensor_is(t, t->dtype, 2, any) || t->dim[0] < 1 || t->dim[1] < 1 ||
	    t->dim[0] > 1 << 20 || t->dim[1] > 1 << 20) {
		avl_tensor_describe(t, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is %s, not a matrix", param_name[i],
				shape);
	}
	*out = (int)t->dim[0];
	*in = (int)t->dim[1];
	return 0;
}

/* The layer whose weight is parameter LAYER; its bias may be missing. */
static int load(struct avl_heads *heads, int layer, const struct avl_safetensors *file,
		struct avl_err *err)
{
	int out, in, code = measure(file, layer, &out, &in, err);
	for (int i = layer; i < layer + 2 && !code; i++) {
		const struct avl_safetensor *const found =
		    avl_safetensors_find(file, param_name[i]);
		if (!found)
			break;
		code = make(heads, i, out, in, err);
		if (code)
			break;
		if (avl_tensor_count(&found->tensor) != heads->param[i].count)
			return avl_fail(err, AVL_ESHAPE, "tensor '%s' does not fit '%s'",
					param_name[i], param_name[layer]);
		avl_tensor_to_float(found->tensor.data, found->tensor.dtype, heads->param[i].count,
				    heads->param[i].value);
	}
	return code;
}

static int init_sound(struct avl_heads *heads, const struct avl_safetensors *file,
		      const struct avl_heads_options *options, struct avl_err *err)
{
	int units;
	int code = measure(file, AVL_SOUND_FC1_WEIGHT, &heads->units, &heads->features, err);
	if (!code)
		code = measure(file, AVL_SOUND_FC2_WEIGHT, &heads->channels, &units, err);
	if (code)
		return code;
	if (units != heads->units)
		return avl_fail(err, AVL_ESHAPE, "'sound_fc1' makes %d units, 'sound_fc2' takes %d",
				heads->units, units);
	if (!options->fresh) {
		code = load(heads, AVL_SOUND_FC1_WEIGHT, file, err);
		return code ? code : load(heads, AVL_SOUND_FC2_WEIGHT, file, err);
	}
	heads->activation = AVL_ACTIVATION_RELU;
	heads->floor = 0;
	heads->units = options->units ? options->units : heads->units;
	code = make_fresh(heads, AVL_SOUND_FC1_WEIGHT, heads->units, heads->features, options->seed,
			  err);
	return code ? code
		    : make_fresh(heads, AVL_SOUND_FC2_WEIGHT, heads->channels, heads->units,
				 options->seed, err);
}

/* z has the channels of v; f_v is held against f_s. */
static int init_image(struct avl_heads *heads, const struct avl_safetensors *file,
		      const struct avl_heads_options *options, struct avl_err *err)
{
	int in, out, code;
	if (avl_safetensors_find(file, param_name[AVL_IMAGE_FC1_WEIGHT]) && !options->fresh) {
		code = measure(file, AVL_IMAGE_FC1_WEIGHT, &heads->hidden, &in, err);
		if (!code && in != heads->channels)
			code = avl_fail(err, AVL_ESHAPE, "'image_fc1' takes %d channels, v has %d",
					in, heads->channels);
		if (!code)
			code = measure(file, AVL_IMAGE_FC2_WEIGHT, &out, &in, err);
		if (!code && (in != heads->hidden || out != heads->features))
			code = avl_fail(err, AVL_ESHAPE,
					"'image_fc2' leads from %d to %d, not from %d to %d", in,
					out, heads->hidden, heads->features);
		if (!code)
			code = load(heads, AVL_IMAGE_FC1_WEIGHT, file, err);
		return code ? code : load(heads, AVL_IMAGE_FC2_WEIGHT, file, err);
	}
	heads->hidden = options->hidden;
	code = make_fresh(heads, AVL_IMAGE_FC1_WEIGHT, heads->hidden, heads->channels,
			  options->seed, err);
	return code ? code
		    : make_fresh(heads, AVL_IMAGE_FC2_WEIGHT, heads->features, heads->hidden,
				 options->seed, err);
}

static int freeze(struct avl_heads *heads, const char *names, struct avl_err *err)
{
	for (const char *at = names; at && *at;) {
		const size_t n = strcspn(at, ",");
		int found = 0;
		for (int i = 0; i < AVL_HEAD_PARAMS; i++) {
			struct avl_param *const p = &heads->param[i];
			if (!n || !p->count || strncmp(p->name, at, n))
				continue;
			p->frozen = 1;
			found = 1;
		}
		/* the backbones are frozen anyway */
		if (!found && strncmp(at, "image.", n > 6 ? 6 : n) &&
		    strncmp(at, "sound.", n > 6 ? 6 : n))
			return avl_fail(err, AVL_EUSAGE, "no parameter begins with '%.*s'", (int)n,
					at);
		at += n + (at[n] == ',');
	}
	for (int i = 0; i < AVL_HEAD_PARAMS; i++)
		if (!heads->param[i].frozen)
			return 0;
	return avl_fail(err, AVL_EUSAGE, "all parameters are frozen");
}

static int make_state(struct avl_heads *heads, int moments, struct avl_err *err)
{
	for (int i = 0; i < AVL_HEAD_PARAMS; i++) {
		struct avl_param *const p = &heads->param[i];
		if (p->frozen)
			continue;
		const size_t bytes = p->count * sizeof(float);
		p->grad = avl_arena_alloc(&heads->memory, bytes);
		p->first = avl_arena_alloc(&heads->memory, bytes);
		p->second = moments > 1 ? avl_arena_alloc(&heads->memory, bytes) : NULL;
		if (!p->grad || !p->first || (moments > 1 && !p->second))
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		memset(p->grad, 0, bytes);
		memset(p->first, 0, bytes);
		if (p->second)
			memset(p->second, 0, bytes);
	}
	return 0;
}

int avl_heads_init(struct avl_heads *heads, const struct avl_contract *contract,
		   const struct avl_safetensors *file, const struct avl_heads_options *options,
		   struct avl_err *err)
{
	*heads = (struct avl_heads){
	    .activation = contract->head.activation,
	    .floor = (float)contract->head.floor,
	    .pool = contract->head.pool,
	};
	if (contract->head.kind != AVL_HEAD_FC)
		return avl_fail(err, AVL_ESHAPE,
				"heads of the kind '%s' cannot be trained, only 'fc'",
				avl_head_kind_name(contract->head.kind));
	avl_arena_init(&heads->memory, 0);
	for (int i = 0; i < AVL_HEAD_PARAMS; i++)
		heads->param[i] = (struct avl_param){.name = param_name[i], .frozen = 1};
	int code = init_sound(heads, file, options, err);
	if (!code && options->image)
		code = init_image(heads, file, options, err);
	if (!code)
		code = freeze(heads, options->freeze, err);
	if (!code)
		code = make_state(heads, options->moments, err);
	if (code)
		avl_heads_release(heads);
	return code;
}

void avl_heads_release(struct avl_heads *heads)
{
	avl_arena_release(&heads->memory);
	*heads = (struct avl_heads){0};
}
