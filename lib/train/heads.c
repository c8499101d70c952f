/* SPDX-License-Identifier: MIT */
#include "train/heads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "train/dataset.h"
#include "train/param.h"

static const char *const fixed_name[AVL_HEAD_PARAMS] = {
    [AVL_SOUND_FC1_WEIGHT] = "sound_fc1.weight", [AVL_SOUND_FC1_BIAS] = "sound_fc1.bias",
    [AVL_SOUND_FC2_WEIGHT] = "sound_fc2.weight", [AVL_SOUND_FC2_BIAS] = "sound_fc2.bias",
    [AVL_SOUND_FC3_WEIGHT] = "sound_fc3.weight", [AVL_SOUND_FC3_BIAS] = "sound_fc3.bias",
    [AVL_IMAGE_FC1_WEIGHT] = "image_fc1.weight", [AVL_IMAGE_FC1_BIAS] = "image_fc1.bias",
    [AVL_IMAGE_FC2_WEIGHT] = "image_fc2.weight", [AVL_IMAGE_FC2_BIAS] = "image_fc2.bias",
};

static int is_weight(int i)
{
	return i % 2 == 0;
}

/* Of the linear heads. */
static int is_projection(int i)
{
	return i >= AVL_PROJ && i < AVL_SOUND_FC3_WEIGHT;
}

/* The picture's projection is a 1x1 convolution. */
static int is_conv(int i)
{
	return is_projection(i) && (i - AVL_PROJ) % 4 == 0;
}

/* The tensor's name, in the arena. */
static int name_param(struct avl_heads *heads, int i, int count)
{
	char name[48], number[8] = "";
	struct avl_param *const p = &heads->param[i];
	*p = (struct avl_param){.frozen = 1};
	if (!is_projection(i)) {
		p->name = fixed_name[i];
		return 1;
	}
	if (count > 1)
		snprintf(number, sizeof number, "%d", (i - AVL_PROJ) / 4 + 1);
	snprintf(name, sizeof name, "%s_proj%s.%s", (i - AVL_PROJ) % 4 < 2 ? "image" : "sound",
		 number, is_weight(i) ? "weight" : "bias");
	p->name = avl_arena_text(&heads->memory, name, strlen(name));
	return p->name != NULL;
}

/* Gives parameter I its shape, and memory. */
static int make(struct avl_heads *heads, int i, int out, int in, struct avl_err *err)
{
	struct avl_param *const p = &heads->param[i];
	p->ndim = is_conv(i) ? 4 : is_weight(i) ? 2 : 1;
	p->dim[0] = out;
	p->dim[1] = is_weight(i) ? in : 0;
	p->dim[2] = p->dim[3] = is_conv(i) ? 1 : 0;
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

/* The tensor of the file for the parameter NAME. */
static const struct avl_safetensor *find(const struct avl_heads *heads,
					 const struct avl_safetensors *file, const char *name)
{
	char full[96];
	snprintf(full, sizeof full, "%s%s", heads->prefix, name);
	return avl_safetensors_find(file, full);
}

/* The size of the layer whose weight is parameter I. AVL_ENONE where the file has none. */
static int measure(const struct avl_heads *heads, const struct avl_safetensors *file, int i,
		   int *out, int *in, struct avl_err *err)
{
	char shape[128];
	const char *const name = heads->param[i].name;
	const struct avl_safetensor *const found = find(heads, file, name);
	if (!found)
		return avl_fail(err, AVL_ENONE, "tensor '%s' is missing", name);
	const struct avl_tensor *const t = &found->tensor;
	const int is_matrix = t->ndim == 2 || (t->ndim == 4 && t->dim[2] == 1 && t->dim[3] == 1);
	if (!is_matrix || t->dim[0] < 1 || t->dim[1] < 1 || t->dim[0] > 1 << 20 ||
	    t->dim[1] > 1 << 20) {
		avl_tensor_describe(t, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is %s, not a matrix", name, shape);
	}
	*out = (int)t->dim[0];
	*in = (int)t->dim[1];
	return 0;
}

/* The layer whose weight is parameter LAYER; its bias may be missing. */
static int load(struct avl_heads *heads, int layer, const struct avl_safetensors *file,
		struct avl_err *err)
{
	int out, in, code = measure(heads, file, layer, &out, &in, err);
	for (int i = layer; i < layer + 2 && !code; i++) {
		struct avl_param *const p = &heads->param[i];
		const struct avl_safetensor *const found = find(heads, file, p->name);
		if (!found)
			break;
		code = make(heads, i, out, in, err);
		if (code)
			break;
		if (avl_tensor_count(&found->tensor) != p->count)
			return avl_fail(err, AVL_ESHAPE, "tensor '%s' does not fit '%s'", p->name,
					heads->param[layer].name);
		avl_tensor_to_float(found->tensor.data, found->tensor.dtype, p->count, p->value);
	}
	return code;
}

/* Whether --fresh takes this layer; what is frozen keeps what FILE has. */
static int starts_fresh(const struct avl_heads *heads, int layer,
			const struct avl_heads_options *options)
{
	return options->fresh && !avl_param_named(&heads->param[layer], options->freeze);
}

static int start(struct avl_heads *heads, int layer, int out, int in,
		 const struct avl_safetensors *file, const struct avl_heads_options *options,
		 struct avl_err *err)
{
	if (starts_fresh(heads, layer, options))
		return make_fresh(heads, layer, out, in, options->seed, err);
	const int code = load(heads, layer, file, err);
	const struct avl_param *const p = &heads->param[layer];
	if (code || (p->dim[0] == out && p->dim[1] == in))
		return code;
	return avl_fail(err, AVL_ESHAPE, "'%s' leads from %d to %d, not from %d to %d", p->name,
			p->dim[1], p->dim[0], in, out);
}

/* What the file's layers lead from and to. LAYERS: as many as its contract says. */
static int measure_fc(struct avl_heads *heads, const struct avl_safetensors *file, int layers,
		      struct avl_err *err)
{
	int units, middle;
	int code = measure(heads, file, AVL_SOUND_FC1_WEIGHT, &heads->units, &heads->features, err);
	if (!code)
		code = measure(heads, file, AVL_SOUND_FC2_WEIGHT, &heads->channels, &units, err);
	if (code)
		return code;
	if (units != heads->units)
		return avl_fail(err, AVL_ESHAPE, "'sound_fc1' makes %d units, 'sound_fc2' takes %d",
				heads->units, units);
	if (layers < 3)
		return 0;
	heads->middle = heads->channels;
	code = measure(heads, file, AVL_SOUND_FC3_WEIGHT, &heads->channels, &middle, err);
	if (!code && middle != heads->middle)
		code = avl_fail(err, AVL_ESHAPE, "'sound_fc2' makes %d units, 'sound_fc3' takes %d",
				heads->middle, middle);
	return code;
}

/* What --fresh changes of the layers' sizes and of what is between them. */
static void reshape_fc(struct avl_heads *heads, const struct avl_heads_options *options)
{
	const int layers = options->layers ? options->layers : heads->middle ? 3 : 2;
	if (!options->fresh)
		return;
	if (starts_fresh(heads, AVL_SOUND_FC1_WEIGHT, options)) {
		heads->activation = AVL_ACTIVATION_RELU;
		heads->floor = 0;
		heads->units = options->units ? options->units : heads->units;
	}
	if (layers == 2)
		heads->middle = 0;
	else if (options->units)
		heads->middle = options->units;
	else if (!heads->middle)
		heads->middle = heads->units;
}

static int init_fc(struct avl_heads *heads, const struct avl_safetensors *file,
		   const struct avl_heads_options *options, int layers, struct avl_err *err)
{
	int code = measure_fc(heads, file, layers, err);
	if (code)
		return code;
	heads->seen = heads->channels;
	reshape_fc(heads, options);
	const int between = heads->middle ? heads->middle : heads->channels;
	code =
	    start(heads, AVL_SOUND_FC1_WEIGHT, heads->units, heads->features, file, options, err);
	if (!code)
		code =
		    start(heads, AVL_SOUND_FC2_WEIGHT, between, heads->units, file, options, err);
	if (code || !heads->middle)
		return code;
	return start(heads, AVL_SOUND_FC3_WEIGHT, heads->channels, heads->middle, file, options,
		     err);
}

/* Projection of head K: the layer whose weight is parameter LAYER. */
static int init_projection(struct avl_heads *heads, int layer, int *out, int *in,
			   const struct avl_safetensors *file,
			   const struct avl_heads_options *options, struct avl_err *err)
{
	int outputs, inputs;
	int code = measure(heads, file, layer, &outputs, &inputs, err);
	if (code)
		return code;
	if ((*out && outputs != *out) || (*in && inputs != *in))
		return avl_fail(err, AVL_ESHAPE, "'%s' leads from %d to %d, not from %d to %d",
				heads->param[layer].name, inputs, outputs, *in ? *in : inputs,
				*out ? *out : outputs);
	*out = outputs;
	*in = inputs;
	return start(heads, layer, outputs, inputs, file, options, err);
}

static int init_linear(struct avl_heads *heads, const struct avl_safetensors *file,
		       const struct avl_heads_options *options, struct avl_err *err)
{
	int code = 0;
	for (int k = 0; k < heads->count && !code; k++) {
		const int layer = AVL_PROJ + 4 * k;
		code = init_projection(heads, layer, &heads->channels, &heads->seen, file, options,
				       err);
		if (!code)
			code = init_projection(heads, layer + 2, &heads->channels, &heads->features,
					       file, options, err);
	}
	heads->units = heads->features;
	return code;
}

static int init_none(struct avl_heads *heads, const struct avl_heads_options *options,
		     struct avl_err *err)
{
	if (options->seen != options->features)
		return avl_fail(err, AVL_ESHAPE, "f_s has %d values where v has %d",
				options->features, options->seen);
	heads->seen = heads->channels = options->seen;
	heads->features = heads->units = options->features;
	return 0;
}

/* z has the channels of v; f_v is held against f_s. */
static int init_image(struct avl_heads *heads, const struct avl_safetensors *file,
		      const struct avl_heads_options *options, struct avl_err *err)
{
	int in, out, code;
	if (find(heads, file, fixed_name[AVL_IMAGE_FC1_WEIGHT]) && !options->fresh) {
		code = measure(heads, file, AVL_IMAGE_FC1_WEIGHT, &heads->hidden, &in, err);
		if (!code && in != heads->seen)
			code = avl_fail(err, AVL_ESHAPE, "'image_fc1' takes %d channels, v has %d",
					in, heads->seen);
		if (!code)
			code = measure(heads, file, AVL_IMAGE_FC2_WEIGHT, &out, &in, err);
		if (!code && (in != heads->hidden || out != heads->features))
			code = avl_fail(err, AVL_ESHAPE,
					"'image_fc2' leads from %d to %d, not from %d to %d", in,
					out, heads->hidden, heads->features);
		if (!code)
			code = load(heads, AVL_IMAGE_FC1_WEIGHT, file, err);
		return code ? code : load(heads, AVL_IMAGE_FC2_WEIGHT, file, err);
	}
	heads->hidden = options->hidden;
	code =
	    make_fresh(heads, AVL_IMAGE_FC1_WEIGHT, heads->hidden, heads->seen, options->seed, err);
	return code ? code
		    : make_fresh(heads, AVL_IMAGE_FC2_WEIGHT, heads->features, heads->hidden,
				 options->seed, err);
}

static int init_kind(struct avl_heads *heads, const struct avl_safetensors *file,
		     const struct avl_heads_options *options, int layers, struct avl_err *err)
{
	switch (heads->kind) {
	case AVL_HEAD_FC:
		return init_fc(heads, file, options, layers, err);
	case AVL_HEAD_LINEAR:
		return init_linear(heads, file, options, err);
	case AVL_HEAD_NONE:
		break;
	}
	return init_none(heads, options, err);
}

int avl_heads_init(struct avl_heads *heads, const struct avl_contract *contract,
		   const struct avl_safetensors *file, const struct avl_heads_options *options,
		   struct avl_err *err)
{
	*heads = (struct avl_heads){
	    .prefix = options->prefix ? options->prefix : "",
	    .kind = contract->head.kind,
	    .count = contract->head.count,
	    .activation = contract->head.activation,
	    .floor = (float)contract->head.floor,
	    .pool = contract->head.pool,
	};
	avl_arena_init(&heads->memory, 0);
	int code = 0;
	for (int i = 0; i < AVL_HEAD_PARAMS && !code; i++)
		if (!name_param(heads, i, heads->count))
			code = avl_fail(err, AVL_ENOMEM, "out of memory");
	if (!code)
		code = init_kind(heads, file, options, contract->head.layers, err);
	if (!code && options->image)
		code = init_image(heads, file, options, err);
	for (int i = 0; i < AVL_HEAD_PARAMS && !code; i++) {
		struct avl_param *const p = &heads->param[i];
		p->frozen = !p->count || options->frozen || avl_param_named(p, options->freeze);
		if (!p->frozen)
			code = avl_param_state(p, options->moments, &heads->memory, err);
	}
	if (code)
		avl_heads_release(heads);
	return code;
}

void avl_heads_release(struct avl_heads *heads)
{
	avl_arena_release(&heads->memory);
	*heads = (struct avl_heads){0};
}
