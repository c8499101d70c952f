/* SPDX-License-Identifier: MIT */
#include "io/contract.h"

#include <math.h>
#include <string.h>

#include "io/json.h"

static const char *const fits[] = {"stretch", "crop", NULL};
static const char *const kernels[] = {"box", "bilinear", "bicubic", "lanczos", NULL};
static const char *const arithmetics[] = {"bytes", "floats", NULL};
static const char *const anchors[] = {"centre", "start", "whole", NULL};
static const char *const fills[] = {"zero", "tile", NULL};
static const char *const channels[] = {"mix", "first", NULL};
static const char *const head_kinds[] = {"fc", "linear", "none", NULL};
static const char *const activations[] = {"none", "relu", "sigmoid", "tanh", NULL};
static const char *const pools[] = {"max", "mean", NULL};
static const char *const scores[] = {"dot", "relu", "cosine", "class", "cosine-relu", NULL};

const char *avl_fit_name(enum avl_fit fit)
{
	return fits[fit];
}

const char *avl_contract_kernel_name(enum avl_contract_kernel kernel)
{
	return kernels[kernel];
}

const char *avl_arithmetic_name(enum avl_arithmetic arithmetic)
{
	return arithmetics[arithmetic];
}

const char *avl_channel_name(enum avl_channel channel)
{
	return channels[channel];
}

const char *avl_head_kind_name(enum avl_head_kind kind)
{
	return head_kinds[kind];
}

const char *avl_anchor_name(enum avl_anchor anchor)
{
	return anchors[anchor];
}

const char *avl_fill_name(enum avl_fill fill)
{
	return fills[fill];
}

const char *avl_activation_name(enum avl_activation activation)
{
	return activations[activation];
}

const char *avl_contract_pool_name(enum avl_contract_pool pool)
{
	return pools[pool];
}

const char *avl_score_name(enum avl_score score)
{
	return scores[score];
}

static int read_name(const struct avl_json *object, const char *member, const char *const *names,
		     const char *fallback, int *value, struct avl_err *err)
{
	const struct avl_json *found = avl_json_get(object, member);
	const char *text = avl_json_string(object, member, found ? NULL : fallback);
	if (!text)
		return avl_fail(err, AVL_EFORMAT, "contract: no text under '%s'", member);
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], text))
			continue;
		*value = i;
		return 0;
	}
	return avl_fail(err, AVL_EFORMAT, "contract: '%s' is unknown for '%s'", text, member);
}

static int read_text(const struct avl_json *object, const char *member, const char *fallback,
		     char *text, size_t size, struct avl_err *err)
{
	const struct avl_json *found = avl_json_get(object, member);
	const char *value = avl_json_string(object, member, found ? NULL : fallback);
	if (!value)
		return avl_fail(err, AVL_EFORMAT, "contract: no text under '%s'", member);
	if (strlen(value) >= size)
		return avl_fail(err, AVL_EFORMAT, "contract: '%s' is too long", member);
	strcpy(text, value);
	return 0;
}

static int read_number(const struct avl_json *object, const char *member, double min, double max,
		       double *value, struct avl_err *err)
{
	*value = avl_json_number(object, member, NAN);
	if (isnan(*value))
		return avl_fail(err, AVL_EFORMAT, "contract: no number under '%s'", member);
	if (*value < min || *value > max)
		return avl_fail(err, AVL_EFORMAT, "contract: '%s' is %g, outside %g..%g", member,
				*value, min, max);
	return 0;
}

static int read_whole(const struct avl_json *object, const char *member, int min, int max,
		      int *value, struct avl_err *err)
{
	double number;
	const int rc = read_number(object, member, min, max, &number, err);
	if (rc)
		return rc;
	if (number != floor(number))
		return avl_fail(err, AVL_EFORMAT, "contract: '%s' is not a whole number", member);
	*value = (int)number;
	return 0;
}

static int read_triple(const struct avl_json *object, const char *member, double min,
		       float value[3], struct avl_err *err)
{
	const struct avl_json *list = avl_json_get(object, member);
	if (avl_json_length(list) != 3)
		return avl_fail(err, AVL_EFORMAT, "contract: '%s' is not three numbers", member);
	for (int i = 0; i < 3; i++) {
		const double number = avl_json_number_at(list, i, NAN);
		if (!(number >= min && number <= 1e6))
			return avl_fail(err, AVL_EFORMAT, "contract: '%s' is out of range", member);
		value[i] = (float)number;
	}
	return 0;
}

static int read_frame(struct avl_contract *contract, const struct avl_json *frame,
		      struct avl_err *err)
{
	int fit, kernel, arithmetic, rc;
	if ((rc = read_whole(frame, "height", 1, 8192, &contract->frame.height, err)) ||
	    (rc = read_whole(frame, "width", 1, 8192, &contract->frame.width, err)) ||
	    (rc = read_name(frame, "fit", fits, NULL, &fit, err)) ||
	    (rc = read_name(frame, "kernel", kernels, NULL, &kernel, err)) ||
	    (rc = read_name(frame, "arithmetic", arithmetics, "bytes", &arithmetic, err)) ||
	    (rc = read_triple(frame, "mean", -1e6, contract->frame.mean, err)) ||
	    (rc = read_triple(frame, "std", 1e-6, contract->frame.std, err)))
		return rc;
	contract->frame.fit = (enum avl_fit)fit;
	contract->frame.kernel = (enum avl_contract_kernel)kernel;
	contract->frame.arithmetic = (enum avl_arithmetic)arithmetic;
	return 0;
}

static int read_sound(struct avl_contract *contract, const struct avl_json *sound,
		      struct avl_err *err)
{
	int anchor, fill, channel, rc;
	if ((rc = read_text(sound, "front_end", NULL, contract->sound.front_end,
			    sizeof contract->sound.front_end, err)) ||
	    (rc = read_whole(sound, "rate_hz", 0, 384000, &contract->sound.rate_hz, err)) ||
	    (rc = read_number(sound, "window_s", 0, 3600, &contract->sound.window_s, err)) ||
	    (rc = read_name(sound, "anchor", anchors, NULL, &anchor, err)) ||
	    (rc = read_name(sound, "fill", fills, NULL, &fill, err)) ||
	    (rc = read_name(sound, "channel", channels, "mix", &channel, err)))
		return rc;
	if (contract->sound.rate_hz && contract->sound.rate_hz < 1000)
		return avl_fail(err, AVL_EFORMAT, "contract: 'rate_hz' is %d, below 1000",
				contract->sound.rate_hz);
	contract->sound.anchor = (enum avl_anchor)anchor;
	contract->sound.fill = (enum avl_fill)fill;
	contract->sound.channel = (enum avl_channel)channel;
	return 0;
}

static int read_head(struct avl_contract *contract, const struct avl_json *head,
		     struct avl_err *err)
{
	int kind, activation, pool, rc;
	contract->head.count = 1;
	if (avl_json_get(head, "count") &&
	    (rc = read_whole(head, "count", 1, AVL_HEADS_MAX, &contract->head.count, err)))
		return rc;
	if ((rc = read_name(head, "kind", head_kinds, "fc", &kind, err)) ||
	    (rc = read_name(head, "activation", activations, "none", &activation, err)) ||
	    (rc = read_name(head, "pool", pools, "mean", &pool, err)))
		return rc;
	contract->head.layers = kind == AVL_HEAD_FC ? 2 : 0;
	if (kind == AVL_HEAD_FC && avl_json_get(head, "layers") &&
	    (rc = read_whole(head, "layers", 2, 3, &contract->head.layers, err)))
		return rc;
	contract->head.floor = 0;
	if (avl_json_get(head, "floor") &&
	    (rc = read_number(head, "floor", 0, 1e6, &contract->head.floor, err)))
		return rc;
	if (contract->head.count > 1 && kind != AVL_HEAD_LINEAR)
		return avl_fail(err, AVL_EFORMAT, "contract: only linear heads may be several");
	contract->head.kind = (enum avl_head_kind)kind;
	contract->head.activation = (enum avl_activation)activation;
	contract->head.pool = (enum avl_contract_pool)pool;
	return 0;
}

int avl_contract_parse(struct avl_contract *contract, const char *text, size_t n,
		       struct avl_err *err)
{
	struct avl_json *root = NULL;
	int score, rc = avl_json_parse(&root, text, n, err);
	if (rc) {
		if (err)
			avl_fail_prefix(err, "contract");
		return rc;
	}
	memset(contract, 0, sizeof *contract);
	if ((rc = read_text(root, "arch", NULL, contract->arch, sizeof contract->arch, err)) ||
	    (rc = read_text(root, "preset", "", contract->preset, sizeof contract->preset, err)) ||
	    (rc = read_frame(contract, avl_json_get(root, "frame"), err)) ||
	    (rc = read_sound(contract, avl_json_get(root, "sound"), err)) ||
	    (rc = read_head(contract, avl_json_get(root, "head"), err)) ||
	    (rc = read_name(root, "score", scores, "dot", &score, err)))
		goto out;
	contract->score = (enum avl_score)score;
	contract->temperature = 1;
	if (avl_json_get(root, "temperature"))
		rc = read_number(root, "temperature", 1e-6, 1e6, &contract->temperature, err);
out:
	avl_json_free(root);
	return rc;
}

int avl_contract_read(struct avl_contract *contract, const struct avl_safetensors *file,
		      struct avl_err *err)
{
	const char *text = avl_safetensors_meta(file, "avl.contract");
	if (!text)
		return avl_fail(err, AVL_ENONE, "the model carries no contract");
	return avl_contract_parse(contract, text, strlen(text), err);
}
