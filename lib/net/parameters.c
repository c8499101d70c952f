/* SPDX-License-Identifier: MIT */
#include "net/parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "io/record.h"
#include "net/networks.h"

static struct avl_parameter *append(struct avl_parameters *list)
{
	if (list->count == list->room) {
		const int room = list->room ? 2 * list->room : 64;
		struct avl_parameter *const at = realloc(list->at, (size_t)room * sizeof *list->at);
		if (!at)
			return NULL;
		list->at = at;
		list->room = room;
	}
	list->at[list->count] = (struct avl_parameter){0};
	return &list->at[list->count++];
}

/* A tensor of DIM (ended by 0). */
static struct avl_parameter *add(struct avl_parameters *list, const char *prefix, const char *layer,
				 const char *suffix, enum avl_parameter_role role, int fan_in,
				 const int *dim)
{
	struct avl_parameter *const p = append(list);
	if (!p)
		return NULL;
	snprintf(p->name, sizeof p->name, "%s%s.%s", prefix, layer, suffix);
	p->role = role;
	p->fan_in = fan_in;
	for (; dim[p->ndim]; p->ndim++)
		p->dim[p->ndim] = dim[p->ndim];
	return p;
}

static int add_norm(struct avl_parameters *list, const char *prefix, const struct avl_layer *layer,
		    int channels)
{
	static const struct {
		const char *suffix;
		enum avl_parameter_role role;
	} parts[] = {
	    {"weight", AVL_PARAMETER_SCALE},
	    {"bias", AVL_PARAMETER_SHIFT},
	    {"running_mean", AVL_PARAMETER_MEAN},
	    {"running_var", AVL_PARAMETER_VARIANCE},
	};
	for (int i = layer->attr.no_scale ? 1 : 0; i < 4; i++)
		if (!add(list, prefix, layer->param, parts[i].suffix, parts[i].role, 0,
			 (const int[]){channels, 0}))
			return -1;
	return 0;
}

static int add_conv(struct avl_parameters *list, const char *prefix, const struct avl_layer *layer,
		    int channels)
{
	const struct avl_attr *const a = &layer->attr;
	const int inputs = layer->op == &avl_op_depthwise ? 1 : channels;
	const int fan_in = inputs * a->kernel_h * a->kernel_w;
	if (!add(list, prefix, layer->param, "weight", AVL_PARAMETER_WEIGHT, fan_in,
		 (const int[]){a->out, inputs, a->kernel_h, a->kernel_w, 0}))
		return -1;
	if (a->bias && !add(list, prefix, layer->param, "bias", AVL_PARAMETER_BIAS, fan_in,
			    (const int[]){a->out, 0}))
		return -1;
	return 0;
}

/* Returns the channels of the network's output, 0 where memory is exhausted. */
static int add_network(struct avl_parameters *list, const char *prefix,
		       const struct avl_network *net)
{
	int channels[256]; /* of each row's output */
	if (net->count > (int)(sizeof channels / sizeof *channels))
		return 0;
	for (int i = 0; i < net->count; i++) {
		const struct avl_layer *const layer = &net->layers[i];
		const int input = i - 1 - layer->back;
		const int in = input < 0 ? net->planar_channels : channels[input];
		channels[i] = layer->attr.out ? layer->attr.out : in;
		if (layer->op == &avl_op_batchnorm && add_norm(list, prefix, layer, in))
			return 0;
		if ((layer->op == &avl_op_conv || layer->op == &avl_op_depthwise) &&
		    add_conv(list, prefix, layer, in))
			return 0;
	}
	return channels[net->count - 1];
}

/* A fully connected layer, or where IS_CONV the 1x1 convolution that is the same for maps. */
static int add_linear(struct avl_parameters *list, const char *name, int number, int in, int out,
		      int is_conv, int for_training)
{
	char layer[32];
	snprintf(layer, sizeof layer, number ? "%s%d" : "%s", name, number);
	struct avl_parameter *const w =
	    add(list, "", layer, "weight", AVL_PARAMETER_WEIGHT, in,
		is_conv ? (const int[]){out, in, 1, 1, 0} : (const int[]){out, in, 0});
	if (!w)
		return -1;
	w->for_training = for_training;
	struct avl_parameter *const b =
	    add(list, "", layer, "bias", AVL_PARAMETER_BIAS, in, (const int[]){out, 0});
	if (!b)
		return -1;
	b->for_training = for_training;
	b->may_be_absent = 1;
	return 0;
}

/* V and FS: channels of the networks' outputs. The sound's layers lead from f_s to v, the
 * picture's two from v back to f_s. */
static int add_heads(struct avl_parameters *list, const struct avl_contract *contract, int v,
		     int fs, const int hidden[2], struct avl_err *err)
{
	const int three = contract->head.layers == 3;
	const int first = hidden && hidden[0] ? hidden[0] : fs;
	const int second = hidden && hidden[1] ? hidden[1] : fs;
	int bad = 0;
	switch (contract->head.kind) {
	case AVL_HEAD_FC:
		bad = add_linear(list, "sound_fc", 1, fs, first, 0, 0) ||
		      add_linear(list, "sound_fc", 2, first, three ? second : v, 0, 0) ||
		      (three && add_linear(list, "sound_fc", 3, second, v, 0, 0)) ||
		      add_linear(list, "image_fc", 1, v, v, 0, 1) ||
		      add_linear(list, "image_fc", 2, v, fs, 0, 1);
		break;
	case AVL_HEAD_LINEAR:
		for (int i = 1; i <= contract->head.count && !bad; i++) {
			const int number = contract->head.count > 1 ? i : 0;
			bad = add_linear(list, "image_proj", number, v, v, 1, 0) ||
			      add_linear(list, "sound_proj", number, fs, v, 0, 0);
		}
		break;
	case AVL_HEAD_NONE:
		if (v != fs)
			return avl_fail(err, AVL_ESHAPE,
					"without a head, f_s has %d values where v has %d", fs, v);
		break;
	}
	return bad ? avl_fail(err, AVL_ENOMEM, "out of memory") : 0;
}

int avl_parameters_list(struct avl_parameters *list, const struct avl_contract *contract,
			const int hidden[2], struct avl_err *err)
{
	const struct avl_network *image, *sound;
	*list = (struct avl_parameters){0};
	int code = avl_networks_parse(contract->arch, &image, &sound, err);
	if (code)
		return code;
	const int v = add_network(list, "image.", image), fs = add_network(list, "sound.", sound);
	code = v && fs ? add_heads(list, contract, v, fs, hidden, err)
		       : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (code)
		avl_parameters_release(list);
	return code;
}

void avl_parameters_release(struct avl_parameters *list)
{
	free(list->at);
	*list = (struct avl_parameters){0};
}

size_t avl_parameter_count(const struct avl_parameter *parameter)
{
	size_t n = 1;
	for (int i = 0; i < parameter->ndim; i++)
		n *= (size_t)parameter->dim[i];
	return n;
}

void avl_parameter_init(const struct avl_parameter *parameter, uint64_t seed, float *values)
{
	const size_t n = avl_parameter_count(parameter);
	const char *const name = parameter->name;
	const int is_conv = parameter->ndim == 4 && strncmp(name, "image_", 6) != 0;
	if (parameter->role != AVL_PARAMETER_WEIGHT && parameter->role != AVL_PARAMETER_BIAS) {
		const int one = parameter->role == AVL_PARAMETER_SCALE ||
				parameter->role == AVL_PARAMETER_VARIANCE;
		for (size_t i = 0; i < n; i++)
			values[i] = one ? 1 : 0;
		return;
	}
	const double gain = parameter->role == AVL_PARAMETER_WEIGHT && is_conv ? 6 : 1;
	const double bound = sqrt(gain / parameter->fan_in);
	struct avl_rng rng;
	avl_rng_init(&rng, seed, avl_crc32(0, name, strlen(name)));
	for (size_t i = 0; i < n; i++)
		values[i] = (float)(bound * (2.0 * avl_rng_uniform(&rng) - 1.0));
}
