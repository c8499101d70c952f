/* SPDX-License-Identifier: MIT */
#include "net/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/attention.h"
#include "net/certainty.h"
#include "net/class_map.h"
#include "net/front_end.h"
#include "net/image_head.h"
#include "net/networks.h"
#include "net/sound_head.h"

/* Patches that go through the sound network together; more come in turns. */
#define PATCHES_AT_ONCE 16

struct avl_model {
	struct avl_contract contract;
	struct avl_safetensors *file; /* while a network is late, or it is unverified */
	char *path;
	int unverified;
	struct avl_par *par;
	enum avl_precision precision;
	struct avl_json *names; /* of the units, or NULL */
	struct avl_certainty certainty;

	struct avl_picture_front picture;
	struct avl_graph *image_net;
	const struct avl_map *v;
	struct avl_image_head image_head;
	struct avl_class_map classes;
	int has_classes, classes_seen; /* the class map is there; it has looked at v */

	struct avl_sound_front sound;
	struct avl_graph *sound_net;
	struct avl_sound_head head;
	const float *values; /* spectrogram */
	size_t patches;
	float *units;          /* FC1 of PATCHES_AT_ONCE patches, blocked */
	float *q, *h, *scored; /* scored: h of the q that is being scored */
	float *between;        /* of three layers: what is behind the second */
	float *fs;
	size_t fs_patches; /* room */
};

static int open_networks(struct avl_model *model, const struct avl_safetensors *file,
			 struct avl_err *err)
{
	const struct avl_network *image_net, *sound_net;
	int code = avl_networks_parse(model->contract.arch, &image_net, &sound_net, err);
	if (!code)
		code = avl_sound_kind_suits(model->sound.kind, sound_net, err);
	if (code)
		return code;
	int rows, cols, hop;
	avl_sound_front_patch(&model->sound, &rows, &cols, &hop);
	const struct avl_graph_options see = {
	    .in = {1, image_net->planar_channels, model->contract.frame.height,
		   model->contract.frame.width},
	    .prefix = "image.",
	    .late = 1,
	    .precision = model->precision,
	    .par = model->par,
	};
	const struct avl_graph_options hear = {
	    .in = {hop ? PATCHES_AT_ONCE : 1, sound_net->planar_channels, rows, cols},
	    .prefix = "sound.",
	    .late = 1,
	    .precision = model->precision,
	    .par = model->par,
	};
	code = avl_graph_new(&model->image_net, image_net, &see, file, err);
	return code ? code : avl_graph_new(&model->sound_net, sound_net, &hear, file, err);
}

static int open_heads(struct avl_model *model, const struct avl_safetensors *file,
		      struct avl_err *err)
{
	const struct avl_shape v = avl_graph_output(model->image_net);
	const struct avl_shape fs = avl_graph_output(model->sound_net);
	if (fs.h != 1 || fs.w != 1)
		return avl_fail(err, AVL_ESHAPE, "the sound network leaves %d x %d positions", fs.h,
				fs.w);
	int channels;
	int code =
	    avl_image_head_init(&model->image_head, &model->contract, file, &v, &channels, err);
	if (!code)
		code =
		    avl_sound_head_init(&model->head, &model->contract, file, fs.c, channels, err);
	if (code)
		return code;
	if (avl_safetensors_find(file, "class_map.pairs")) {
		code = avl_class_map_init(&model->classes, file, v.c, v.h, v.w, model->head.units,
					  err);
		if (code)
			return code;
		model->has_classes = 1;
	}
	const struct avl_shape units = {PATCHES_AT_ONCE, model->head.units, 1, 1};
	model->units = avl_alloc(avl_shape_floats(&units), sizeof(float));
	model->q = avl_alloc((size_t)model->head.units, sizeof(float));
	model->h = avl_alloc((size_t)model->head.channels, sizeof(float));
	model->scored = avl_alloc((size_t)model->head.channels, sizeof(float));
	model->between = avl_alloc((size_t)model->head.hidden + 1, sizeof(float));
	if (!model->units || !model->q || !model->h || !model->scored || !model->between)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	return 0;
}

static int open_names(struct avl_model *model, const struct avl_safetensors *file,
		      struct avl_err *err)
{
	const char *const text = avl_safetensors_meta(file, "avl.classes");
	if (!text)
		return 0;
	const int code = avl_json_parse(&model->names, text, strlen(text), err);
	if (code)
		return code;
	if (avl_json_length(model->names) != model->head.units)
		return avl_fail(err, AVL_ESHAPE, "%d class names for %d units",
				avl_json_length(model->names), model->head.units);
	return 0;
}

static int assemble(struct avl_model *model, const struct avl_safetensors *file,
		    struct avl_err *err)
{
	int code = avl_contract_read(&model->contract, file, err);
	if (!code)
		code = avl_picture_front_init(&model->picture, &model->contract, err);
	if (!code)
		code = avl_sound_front_init(&model->sound, &model->contract, model->par, err);
	if (!code)
		code = open_networks(model, file, err);
	if (!code)
		code = open_heads(model, file, err);
	if (!code)
		code = open_names(model, file, err);
	if (!code)
		code = avl_certainty_read(&model->certainty, file, err);
	if (!code)
		code = avl_model_can_score(model, model->contract.score, err);
	return code;
}

static int fail_at(const struct avl_model *model, int code, struct avl_err *err)
{
	char quoted[300];
	snprintf(quoted, sizeof quoted, "'%s'", model->path);
	if (err)
		avl_fail_prefix(err, quoted);
	return code;
}

static void leave_file(struct avl_model *model)
{
	if (!model->file || model->unverified || avl_graph_is_late(model->image_net) ||
	    avl_graph_is_late(model->sound_net))
		return;
	avl_safetensors_close(model->file);
	model->file = NULL;
}

int avl_model_verify(struct avl_model *model, struct avl_err *err)
{
	if (!model->unverified)
		return 0;
	avl_graph_say_sums(model->image_net, model->file);
	avl_graph_say_sums(model->sound_net, model->file);
	const int code = avl_safetensors_verify(model->file, model->par, err);
	if (code)
		return fail_at(model, code, err);
	model->unverified = 0;
	leave_file(model);
	return 0;
}

/* What does not fit together may be damaged. */
static int or_damaged(const struct avl_model *model, int code, struct avl_err *err)
{
	struct avl_err damage;
	if (avl_safetensors_verify(model->file, model->par, &damage))
		code = avl_fail(err, damage.code, "%s", damage.text);
	return fail_at(model, code, err);
}

int avl_model_open_unverified(struct avl_model **out, const char *path,
			      enum avl_precision precision, struct avl_par *par,
			      struct avl_err *err)
{
	struct avl_model *const model = calloc(1, sizeof *model);
	if (!model || !(model->path = strdup(path))) {
		free(model);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	model->par = par;
	model->precision = precision;
	model->unverified = 1;
	int code = avl_safetensors_open_unverified(&model->file, path, err);
	if (code)
		goto fail;
	code = assemble(model, model->file, err);
	if (!code && !avl_graph_is_late(model->image_net) && !avl_graph_is_late(model->sound_net))
		code = avl_model_verify(model, err);
	else if (code)
		code = or_damaged(model, code, err);
	if (!code) {
		*out = model;
		return 0;
	}
fail:
	avl_model_close(model);
	return code;
}

int avl_model_open(struct avl_model **out, const char *path, enum avl_precision precision,
		   struct avl_par *par, struct avl_err *err)
{
	int code = avl_model_open_unverified(out, path, precision, par, err);
	if (code)
		return code;
	code = avl_model_verify(*out, err);
	if (code)
		avl_model_close(*out);
	return code;
}

void avl_model_close(struct avl_model *model)
{
	if (!model)
		return;
	avl_picture_front_release(&model->picture);
	avl_sound_front_release(&model->sound);
	avl_graph_free(model->image_net);
	avl_graph_free(model->sound_net);
	avl_safetensors_close(model->file);
	free(model->path);
	avl_image_head_release(&model->image_head);
	avl_sound_head_release(&model->head);
	if (model->has_classes)
		avl_class_map_release(&model->classes);
	avl_json_free(model->names);
	free(model->units);
	free(model->q);
	free(model->h);
	free(model->scored);
	free(model->between);
	free(model->fs);
	free(model);
}

const struct avl_contract *avl_model_contract(const struct avl_model *model)
{
	return &model->contract;
}

int avl_model_set_picture(struct avl_model *model, const uint8_t *rgb, int h, int w,
			  double region[4], struct avl_err *err)
{
	return avl_picture_front_run(&model->picture, rgb, h, w, avl_graph_input(model->image_net),
				     region, model->par, err);
}

const struct avl_map *avl_model_run_picture(struct avl_model *model)
{
	model->v = avl_graph_run(model->image_net, 1);
	leave_file(model);
	avl_image_head_run(&model->image_head, model->v, model->par);
	model->classes_seen = 0;
	return model->v;
}

const struct avl_map *avl_model_features(const struct avl_model *model)
{
	return model->v;
}

int avl_model_set_sound(struct avl_model *model, const float *samples, size_t n, int rate_hz,
			struct avl_err *err)
{
	int rows, cols, hop, code;
	code = avl_sound_front_run(&model->sound, samples, n, rate_hz, &model->values,
				   &model->patches, err);
	avl_sound_front_patch(&model->sound, &rows, &cols, &hop);
	if (code || hop)
		return code;
	return avl_graph_reshape(model->sound_net, &(struct avl_shape){1, 1, rows, cols}, err);
}

static int make_room(struct avl_model *model, int features, struct avl_err *err)
{
	if (model->patches <= model->fs_patches)
		return 0;
	free(model->fs);
	model->fs_patches = 0;
	model->fs = avl_alloc(model->patches, (size_t)features * sizeof(float));
	if (!model->fs)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	model->fs_patches = model->patches;
	return 0;
}

/* The N patches from FIRST on, through network and head, into f_s and q. */
static void hear_patches(struct avl_model *model, size_t first, int n)
{
	int rows, cols, hop;
	avl_sound_front_patch(&model->sound, &rows, &cols, &hop);
	const size_t size = (size_t)rows * (size_t)cols, step = (size_t)hop * (size_t)cols;
	float *const input = avl_graph_input(model->sound_net);
	for (size_t p = 0; p < (size_t)n; p++)
		memcpy(input + p * size, model->values + (first + p) * step, size * sizeof *input);
	const struct avl_map *const fs = avl_graph_run(model->sound_net, n);
	avl_layout_to_planar(&fs->shape, fs->data, model->fs + first * (size_t)fs->shape.c);
	avl_sound_head_hear(&model->head, fs, model->units, first, model->patches, model->q,
			    model->par);
}

int avl_model_run_sound(struct avl_model *model, struct avl_hearing *hearing, struct avl_err *err)
{
	const int features = avl_graph_output(model->sound_net).c;
	const int code = make_room(model, features, err);
	if (code)
		return code;
	for (size_t p = 0; p < model->patches; p += PATCHES_AT_ONCE) {
		const size_t left = model->patches - p;
		hear_patches(model, p, left < PATCHES_AT_ONCE ? (int)left : PATCHES_AT_ONCE);
	}
	leave_file(model);
	avl_sound_head_embed(&model->head, model->q, model->between, model->h);
	*hearing = (struct avl_hearing){
	    .patches = model->patches,
	    .features = features,
	    .fs = model->fs,
	    .units = model->head.units,
	    .q = model->q,
	    .h = model->h,
	};
	return 0;
}

void avl_model_map_size(const struct avl_model *model, int *rows, int *cols)
{
	const struct avl_shape v = avl_graph_output(model->image_net);
	*rows = v.h;
	*cols = v.w;
}

int avl_model_can_score(const struct avl_model *model, enum avl_score score, struct avl_err *err)
{
	if (score == AVL_SCORE_CLASS && !model->has_classes)
		return avl_fail(err, AVL_EUSAGE, "the model has no classifier to score with");
	return 0;
}

void avl_model_score(struct avl_model *model, enum avl_score score, const float *q, float *map)
{
	static const enum avl_attention kind[] = {
	    [AVL_SCORE_DOT] = AVL_ATTENTION_DOT,
	    [AVL_SCORE_RELU] = AVL_ATTENTION_RELU,
	    [AVL_SCORE_COSINE] = AVL_ATTENTION_COSINE,
	    [AVL_SCORE_COSINE_RELU] = AVL_ATTENTION_COSINE_RELU,
	};
	if (score == AVL_SCORE_CLASS) {
		if (!model->classes_seen)
			avl_class_map_see(&model->classes, model->v, model->par);
		model->classes_seen = 1;
		avl_class_map_score(&model->classes, q, map);
		return;
	}
	avl_sound_head_embed(&model->head, q, model->between, model->scored);
	avl_image_head_score(&model->image_head, kind[score], model->scored, map);
}

double avl_model_sure(const struct avl_model *model, enum avl_score score, const float *map)
{
	int rows, cols;
	avl_model_map_size(model, &rows, &cols);
	return avl_certainty_of(&model->certainty, score, map, rows, cols);
}

const char *avl_model_class(const struct avl_model *model, int i)
{
	return model->names ? avl_json_string_at(model->names, i, NULL) : NULL;
}

const struct avl_class_map *avl_model_class_map(const struct avl_model *model)
{
	return model->has_classes ? &model->classes : NULL;
}

const struct avl_sound_head *avl_model_head(const struct avl_model *model)
{
	return &model->head;
}
