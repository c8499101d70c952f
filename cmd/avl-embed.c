/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "cmd/members.h"
#include "cmd/material.h"
#include "io/contract.h"
#include "kern/kern.h"
#include "net/model.h"

static const char *model_path, *drop, *cpu = "auto";
static int precision, threads;

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Embedding", NULL, 0, 0},
    {'m', "model", AVL_OPT_TEXT, &model_path, "FILE",
     "model file (default: $AVL_MODEL, or the one that comes with avl)", NULL, 0, 0},
    {'p', "precision", AVL_OPT_CHOICE, &precision, "TYPE",
     "arithmetic of the networks; bf16 is faster and less exact (default: fp32)", "fp32|bf16", 0,
     0},
    {0, "drop", AVL_OPT_TEXT, &drop, "NAME[,NAME]",
     "leave these members out: frame,audio is what training does not need", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Running", NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &threads, "N", "threads (default: one a processor)", NULL, 1,
     256},
    {0, "cpu", AVL_OPT_TEXT, &cpu, "LEVEL", "portable, avx2, avx512, avx512bf16, or auto: the best",
     NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    AVL_STREAM_OPTIONS,
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-embed",
    .synopsis = "[-m MODEL] [-p TYPE] [--drop NAME[,NAME]] [-o FILE] [FILE...]",
    .summary = "Adds to records what a model's image and sound networks make of them.",
    .options = options,
};

struct embedder {
	struct avl_model *model;
	bool said_incomplete;
};

static int put_floats(struct avl_record *record, const char *suffix, float *data, int ndim,
		      const int64_t *dim, struct avl_err *err)
{
	struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = ndim, .data = data};
	memcpy(tensor.dim, dim, (size_t)ndim * sizeof *dim);
	return avl_record_put(record, suffix, &tensor, err);
}

/* The networks' outputs are overwritten by the next record, so the record gets copies. */
static int put_features(const struct avl_map *v, const struct avl_hearing *hearing,
			struct avl_record *record, struct avl_err *err)
{
	const struct avl_shape *const s = &v->shape;
	const size_t v_floats = (size_t)s->c * (size_t)s->h * (size_t)s->w;
	const size_t fs_floats = hearing->patches * (size_t)hearing->features;
	float *const planar = avl_arena_alloc(&record->arena, v_floats * sizeof *planar);
	float *const fs = avl_arena_alloc(&record->arena, fs_floats * sizeof *fs);
	if (!planar || !fs)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_layout_to_planar(s, v->data, planar);
	memcpy(fs, hearing->fs, fs_floats * sizeof *fs);
	const int64_t v_dim[] = {s->c, s->h, s->w};
	const int64_t fs_dim[] = {(int64_t)hearing->patches, hearing->features};
	const int code = put_floats(record, "v.npy", planar, 3, v_dim, err);
	return code ? code : put_floats(record, "fs.npy", fs, 2, fs_dim, err);
}

static int covers_all(const double region[4])
{
	return region[0] <= 0 && region[1] <= 0 && region[2] >= 1 && region[3] >= 1;
}

static int run_networks(struct avl_model *model, const struct avl_material *m,
			struct avl_record *record, struct avl_err *err)
{
	double region[4];
	struct avl_hearing hearing;
	int code = avl_model_set_picture(model, m->frame->data, (int)m->frame->dim[0],
					 (int)m->frame->dim[1], region, err);
	if (!code)
		code = avl_model_set_sound(model, m->audio->data, (size_t)m->audio->dim[0],
					   m->rate_hz, err);
	if (code)
		return code;
	const struct avl_map *const v = avl_model_run_picture(model);
	code = avl_model_run_sound(model, &hearing, err);
	if (!code)
		code = put_features(v, &hearing, record, err);
	if (!code && !covers_all(region) &&
	    avl_json_set_numbers(record->seal, "heat_region", region, 4))
		code = avl_fail(err, AVL_ENOMEM, "out of memory");
	return code;
}

/* A record that cannot be embedded is passed on as it came. */
static bool embed(void *argument, const char *stream, struct avl_record *record)
{
	struct embedder *const e = argument;
	struct avl_err err;
	struct avl_material material = {0};
	int code = avl_material_find(&material, record, &err);
	if (code == AVL_ENONE) {
		if (!e->said_incomplete)
			avl_error("'%s': record '%s' %s; such records get no features", stream,
				  record->key, err.text);
		e->said_incomplete = true;
		return true;
	}
	if (!code)
		code = run_networks(e->model, &material, record, &err);
	if (code)
		avl_error("'%s': record '%s': %s", stream, record->key, err.text);
	else
		avl_members_drop(record, drop);
	return true;
}

static struct avl_json *settings(const char *path, const struct avl_model *model)
{
	const char *const slash = strrchr(path, '/');
	struct avl_json *const s = avl_json_object();
	if (s && !avl_json_set_string(s, "model", slash ? slash + 1 : path) &&
	    !avl_json_set_string(s, "arch", avl_model_contract(model)->arch))
		return s;
	avl_die(AVL_EXIT_FAILURE, "out of memory");
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct embedder e = {0};
	struct avl_par *par;
	struct avl_err err;
	if (avl_members_list(drop, "v.npy") || avl_members_list(drop, "fs.npy"))
		avl_usage("--drop: v and fs are what this command adds");
	if (avl_kern_use(cpu, &err))
		avl_usage("%s", err.text);
	if (avl_par_new(&par, threads > 0 ? threads : avl_par_processors(), &err))
		avl_die_err(&err);
	char *const path = model_path ? strdup(model_path) : avl_model_path();
	if (!path)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (avl_model_open(&e.model, path, (enum avl_precision)precision, par, &err))
		avl_die_err(&err);
	struct avl_json *const header = settings(path, e.model);
	const struct avl_filter filter = {
	    .producer = command.name, .settings = header, .each = embed, .arg = &e};
	avl_filter_run(&filter, argv + first, argc - first);
	avl_json_free(header);
	avl_model_close(e.model);
	avl_par_free(par);
	free(path);
	return avl_finish();
}
