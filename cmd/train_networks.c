/* SPDX-License-Identifier: MIT */
#include "cmd/train_networks.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/train_options.h"
#include "train/param.h"

#define ONLINE "online."

static bool has_prefix(const struct avl_safetensors *file, const char *prefix)
{
	for (int i = 0; i < avl_safetensors_count(file); i++)
		if (!strncmp(avl_safetensors_at(file, i)->name, prefix, strlen(prefix)))
			return true;
	return false;
}

/* Each name of --freeze begins a tensor of the model or a parameter of the heads. */
static void check_freeze(const struct networks *n)
{
	for (const char *at = train.freeze; at && *at;) {
		char name[256];
		const size_t length = strcspn(at, ",");
		snprintf(name, sizeof name, "%.*s", (int)length, at);
		bool found = !strncmp("image.", name, length) || !strncmp("sound.", name, length) ||
			     has_prefix(n->init, name);
		for (int i = 0; i < AVL_HEAD_PARAMS && !found; i++)
			found =
			    n->heads.param[i].count && avl_param_named(&n->heads.param[i], name);
		if (!found || !length)
			avl_usage("--freeze: no parameter begins with '%s'", name);
		at += length + (at[length] == ',');
	}
}

static int channels_of(const struct networks *n, enum avl_stream stream)
{
	const struct avl_network *net[2];
	struct avl_err err;
	if (n->contract->head.kind != AVL_HEAD_NONE)
		return 0;
	if (avl_networks_parse(n->contract->arch, &net[0], &net[1], &err))
		avl_die_err(&err);
	return avl_network_channels(net[stream == AVL_STREAM_IMAGE ? 0 : 1]);
}

void networks_open(struct networks *n, const struct avl_trainer_options *o)
{
	struct avl_err err;
	n->moments = o->optim.kind == AVL_OPTIM_SGD ? 1 : 2;
	n->follows = o->follow > 0;
	const bool fresh = train.fresh && !n->resumed;
	n->drops_names = fresh && !avl_name_listed("sound_fc1.weight", train.freeze);
	if (train.layers && n->contract->head.kind != AVL_HEAD_FC)
		avl_usage("--layers: the model's head has none to choose the number of");
	if (fresh && !n->drops_names && train.layers == 2 && n->contract->head.layers == 3)
		avl_usage("--layers 2: the model has 3, and the first of them is frozen");
	struct avl_heads_options options = {
	    .fresh = fresh,
	    .layers = train.layers,
	    .units = train.units,
	    .image = o->unsup && o->unsup->kind == AVL_LOSS_EMBED,
	    .hidden = train.hidden,
	    .seen = channels_of(n, AVL_STREAM_IMAGE),
	    .features = channels_of(n, AVL_STREAM_SOUND),
	    .prefix = n->follows && n->resumed ? ONLINE : "",
	    .freeze = train.freeze,
	    .moments = n->moments,
	    .seed = (uint64_t)train.seed,
	};
	if (avl_heads_init(&n->heads, n->contract, n->init, &options, &err))
		avl_die_err(&err);
	options.prefix = "";
	options.frozen = 1;
	if (n->follows && avl_heads_init(&n->follower, n->contract, n->init, &options, &err))
		avl_die_err(&err);
	check_freeze(n);
}

static struct avl_backbone *open_stream(const struct networks *n, enum avl_stream stream,
					bool follower)
{
	const char *const mine = stream == AVL_STREAM_IMAGE ? ONLINE "image." : ONLINE "sound.";
	struct avl_err err;
	struct avl_backbone *backbone;
	const struct avl_backbone_options options = {
	    .stream = stream,
	    .batch = train.batch,
	    .stored = train.bn == 1,
	    .prefix =
		n->follows && n->resumed && !follower && has_prefix(n->init, mine) ? ONLINE : "",
	    .freeze = train.freeze,
	    .frozen = follower,
	    .moments = n->moments,
	    .precision = (enum avl_precision)train.precision,
	    .par = n->par,
	};
	if (avl_backbone_new(&backbone, &options, n->contract, n->init, &err))
		avl_die_err(&err);
	return backbone;
}

/* The network of a stream and, where it learns, the one that follows it. */
static void add_stream(const struct networks *n, enum avl_stream stream,
		       const struct avl_sample *like, struct avl_backbone **backbone,
		       struct avl_backbone **follower)
{
	struct avl_err err;
	*backbone = open_stream(n, stream, false);
	if (n->follows && avl_backbone_learns(*backbone))
		*follower = open_stream(n, stream, true);
	if (avl_backbone_plan(*backbone, like, &err) ||
	    (*follower && avl_backbone_plan(*follower, like, &err)))
		avl_die_err(&err);
}

static void check_fit(const char *stream, const struct avl_backbone *backbone, int wanted)
{
	const int channels = avl_backbone_output(backbone).c;
	if (channels != wanted)
		avl_die(AVL_EXIT_FAILURE, "the %s network gives %d channels, the heads take %d",
			stream, channels, wanted);
}

void networks_add(struct networks *n, struct avl_sample_shape *shape, const struct avl_sample *like)
{
	if (shape->sound == AVL_ORIGIN_RAW) {
		add_stream(n, AVL_STREAM_SOUND, like, &n->sound, &n->follower_sound);
		check_fit("sound", n->sound, n->heads.features);
	}
	if (shape->picture != AVL_ORIGIN_RAW)
		return;
	add_stream(n, AVL_STREAM_IMAGE, like, &n->image, &n->follower_image);
	check_fit("image", n->image, n->heads.seen);
	const struct avl_shape v = avl_backbone_output(n->image);
	shape->rows = v.h;
	shape->cols = v.w;
}

void networks_close(struct networks *n)
{
	avl_heads_release(&n->heads);
	if (n->follows)
		avl_heads_release(&n->follower);
	avl_backbone_free(n->image);
	avl_backbone_free(n->sound);
	avl_backbone_free(n->follower_image);
	avl_backbone_free(n->follower_sound);
}

struct avl_trainer_parts networks_parts(struct networks *n)
{
	return (struct avl_trainer_parts){
	    .heads = &n->heads,
	    .image = n->image,
	    .sound = n->sound,
	    .target = {.heads = n->follows ? &n->follower : NULL,
		       .image = n->follower_image,
		       .sound = n->follower_sound},
	};
}

size_t networks_bytes(const struct networks *n)
{
	const struct avl_backbone *const all[] = {n->image, n->sound, n->follower_image,
						  n->follower_sound};
	size_t bytes = 0;
	for (int i = 0; i < 4; i++)
		bytes += all[i] ? avl_backbone_bytes(all[i]) : 0;
	return bytes;
}

/* Where the model's tensors of that name are kept as they are, or written anew. */
static bool is_written(const struct networks *n, const struct avl_param *p, bool all)
{
	return all || !p->frozen || n->drops_names || !avl_safetensors_find(n->init, p->name);
}

static int save_heads(const struct networks *n, const struct avl_heads *heads, const char *prefix,
		      bool all, struct avl_tensors *to, struct avl_err *err)
{
	int code = 0;
	for (int i = 0; i < AVL_HEAD_PARAMS && !code; i++)
		if (heads->param[i].count && is_written(n, &heads->param[i], all))
			code = avl_tensors_add_param(to, prefix, &heads->param[i], err);
	return code;
}

static int save_backbone(const struct avl_backbone *backbone, const char *prefix,
			 struct avl_tensors *to, struct avl_err *err)
{
	return backbone ? avl_backbone_save(backbone, prefix, to, err) : 0;
}

void networks_save(const struct networks *n, struct avl_tensors *to)
{
	struct avl_err err;
	const char *const mine = n->follows ? ONLINE : "";
	int code = save_heads(n, &n->heads, mine, n->follows, to, &err);
	if (!code)
		code = save_backbone(n->image, mine, to, &err);
	if (!code)
		code = save_backbone(n->sound, mine, to, &err);
	if (!code && n->follows)
		code = save_heads(n, &n->follower, "", true, to, &err);
	if (!code)
		code = save_backbone(n->follower_image, "", to, &err);
	if (!code)
		code = save_backbone(n->follower_sound, "", to, &err);
	if (code)
		avl_die_err(&err);
}

void networks_resume(struct networks *n)
{
	struct avl_err err;
	int code = avl_moments_read(n->heads.param, AVL_HEAD_PARAMS, n->init, &err);
	if (!code && n->image)
		code = avl_backbone_resume(n->image, n->init, &err);
	if (!code && n->sound)
		code = avl_backbone_resume(n->sound, n->init, &err);
	if (code)
		avl_die(AVL_EXIT_FAILURE, "--resume: '%s': %s", avl_common.output, err.text);
}
