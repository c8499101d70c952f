/* SPDX-License-Identifier: MIT */
#include "train/backbone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ops/ops.h"
#include "train/intake.h"

#define STATISTICS_MOMENTUM 0.1F

struct avl_backbone {
	struct avl_backbone_options options;
	char prefix[64];
	struct avl_graph *graph;
	int trains;  /* the graph has a way back */
	int planned; /* inputs */
	struct avl_intake intake;
	struct avl_param *param;
	int nparams;
	float *moment[2]; /* laid out as the graph's parameters */
	float *made;      /* planar output */
	float *dout;      /* blocked gradient of it */
	size_t made_room, dout_room;
	int n; /* inputs of the last run */
};

static int is_picture(const struct avl_backbone *b)
{
	return b->options.stream == AVL_STREAM_IMAGE;
}

/* What stands before "image." or "sound." in the file. */
static const char *outer_of(const struct avl_backbone *b)
{
	return b->options.prefix ? b->options.prefix : "";
}

static void freeze_names(struct avl_backbone *b)
{
	for (const char *at = b->options.freeze; at && *at;) {
		char name[256];
		const size_t n = strcspn(at, ",");
		snprintf(name, sizeof name, "%s%.*s", outer_of(b), (int)n, at);
		if (n) {
			avl_graph_still(b->graph, name);
			avl_graph_freeze(b->graph, name);
		}
		at += n + (at[n] == ',');
	}
}

static int make_params(struct avl_backbone *b, struct avl_err *err)
{
	const struct avl_graph_parameters all = avl_graph_parameters(b->graph);
	b->nparams = avl_graph_ranges(b->graph, NULL);
	if (!b->nparams)
		return 0;
	struct avl_graph_range *const range = calloc((size_t)b->nparams, sizeof *range);
	b->param = calloc((size_t)b->nparams, sizeof *b->param);
	int ok = range && b->param;
	for (int i = 0; ok && i < b->options.moments; i++) {
		b->moment[i] = avl_alloc(all.count, sizeof(float));
		ok = b->moment[i] != NULL;
		if (ok)
			memset(b->moment[i], 0, all.count * sizeof(float));
	}
	if (ok)
		avl_graph_ranges(b->graph, range);
	for (int i = 0; ok && i < b->nparams; i++) {
		const size_t at = range[i].first;
		b->param[i] = (struct avl_param){
		    .name = b->prefix,
		    .ndim = 1,
		    .count = range[i].count,
		    .value = all.value + at,
		    .grad = all.gradient + at,
		    .first = b->moment[0] + at,
		    .second = b->moment[1] ? b->moment[1] + at : NULL,
		};
	}
	free(range);
	return ok ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

static int make_graph(struct avl_backbone *b, int trains, const struct avl_contract *contract,
		      const struct avl_safetensors *file, struct avl_err *err)
{
	const struct avl_network *net[2];
	int rows = contract->frame.height, cols = contract->frame.width, hop;
	int code = avl_networks_parse(contract->arch, &net[0], &net[1], err);
	if (!code && !is_picture(b))
		code = avl_sound_kind_suits(b->intake.sound[0].kind, net[1], err);
	if (code)
		return code;
	if (!is_picture(b))
		avl_sound_front_patch(&b->intake.sound[0], &rows, &cols, &hop);
	const struct avl_network *const mine = net[is_picture(b) ? 0 : 1];
	b->planned = trains && !is_picture(b) ? 1 : b->options.batch;
	const struct avl_graph_options options = {
	    .in = {b->planned, mine->planar_channels, rows, cols},
	    .prefix = b->prefix,
	    .direct = b->options.direct,
	    .precision = b->options.precision,
	    .train = trains,
	    .stored = trains && b->options.stored,
	    .par = b->options.par,
	};
	b->trains = trains;
	return avl_graph_new(&b->graph, mine, &options, file, err);
}

int avl_backbone_new(struct avl_backbone **out, const struct avl_backbone_options *options,
		     const struct avl_contract *contract, const struct avl_safetensors *file,
		     struct avl_err *err)
{
	struct avl_backbone *const b = calloc(1, sizeof *b);
	if (!b)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	b->options = *options;
	snprintf(b->prefix, sizeof b->prefix, "%s%s", options->prefix ? options->prefix : "",
		 is_picture(b) ? "image." : "sound.");
	int code =
	    avl_intake_init(&b->intake, is_picture(b), contract, options->batch, options->par, err);
	if (!code)
		code = make_graph(b, 1, contract, file, err);
	if (!code && options->frozen) {
		avl_graph_freeze(b->graph, "");
	} else if (!code) {
		freeze_names(b);
		code = make_params(b, err);
	}
	if (!code && !b->nparams && !options->frozen) {
		avl_graph_free(b->graph);
		b->graph = NULL;
		code = make_graph(b, 0, contract, file, err);
	}
	if (code) {
		avl_backbone_free(b);
		return code;
	}
	*out = b;
	return 0;
}

void avl_backbone_free(struct avl_backbone *b)
{
	if (!b)
		return;
	avl_graph_free(b->graph);
	avl_intake_release(&b->intake);
	free(b->param);
	free(b->moment[0]);
	free(b->moment[1]);
	free(b->made);
	free(b->dout);
	free(b);
}

struct avl_shape avl_backbone_output(const struct avl_backbone *b)
{
	return avl_graph_output(b->graph);
}

int avl_backbone_learns(const struct avl_backbone *b)
{
	return b->nparams > 0;
}

struct avl_param *avl_backbone_params(const struct avl_backbone *b, int *count)
{
	*count = b->nparams;
	return b->param;
}

size_t avl_backbone_bytes(const struct avl_backbone *b)
{
	const size_t moments = (b->moment[0] != NULL) + (size_t)(b->moment[1] != NULL);
	return avl_graph_bytes(b->graph) +
	       moments * avl_graph_parameters(b->graph).count * sizeof(float);
}

/* --- running --- */

static int grow(float **block, size_t *room, size_t need, struct avl_err *err)
{
	if (need <= *room)
		return 0;
	free(*block);
	*room = 0;
	*block = avl_alloc(need, sizeof **block);
	if (!*block)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	*room = need;
	return 0;
}

/* Plans for N inputs of ROWS x COLS, or more of them where that is planned already. */
static int reshape(struct avl_backbone *b, int n, int rows, int cols, struct avl_err *err)
{
	const struct avl_shape in = {n > b->planned ? n : b->planned, is_picture(b) ? 3 : 1, rows,
				     cols};
	const int code = avl_graph_reshape(b->graph, &in, err);
	if (!code)
		b->planned = in.n;
	return code;
}

static int hear(struct avl_backbone *b, struct avl_sample *sample, int n,
		const struct avl_variation *variation, struct avl_err *err)
{
	int code = avl_intake_hear(&b->intake, sample, n, variation, err);
	const struct avl_heard *const heard = b->intake.heard;
	size_t patches = 0;
	for (int i = 0; i < n && !code; i++)
		patches += heard[i].patches;
	if (!code)
		code = reshape(b, (int)patches, heard[0].rows, heard[0].cols, err);
	if (code)
		return code;
	const size_t each = (size_t)heard[0].rows * (size_t)heard[0].cols;
	float *to = avl_graph_input(b->graph);
	for (int i = 0; i < n; i++) {
		memcpy(to, heard[i].values, heard[i].patches * each * sizeof *to);
		to += heard[i].patches * each;
	}
	b->n = (int)patches;
	return 0;
}

int avl_backbone_plan(struct avl_backbone *b, const struct avl_sample *sample, struct avl_err *err)
{
	struct avl_sample one = *sample;
	if (is_picture(b))
		return 0;
	const int code = avl_intake_hear(&b->intake, &one, 1, NULL, err);
	const struct avl_heard *const heard = b->intake.heard;
	return code ? code
		    : reshape(b, b->options.batch * (int)heard->patches, heard->rows, heard->cols,
			      err);
}

int avl_backbone_run(struct avl_backbone *b, struct avl_sample *sample, int n,
		     const struct avl_variation *variation, int evaluate, struct avl_err *err)
{
	b->n = n;
	int code = is_picture(b) ? avl_intake_see(&b->intake, sample, n, variation,
						  avl_graph_input(b->graph), err)
				 : hear(b, sample, n, variation, err);
	if (code)
		return code;
	avl_graph_evaluate(b->graph, evaluate && b->trains);
	const struct avl_map *const made = avl_graph_run(b->graph, b->n);
	avl_graph_evaluate(b->graph, 0);
	const struct avl_shape *const s = &made->shape;
	const size_t each = (size_t)s->c * (size_t)s->h * (size_t)s->w;
	code = grow(&b->made, &b->made_room, (size_t)s->n * each, err);
	if (!code && b->nparams)
		code = grow(&b->dout, &b->dout_room, avl_shape_floats(s), err);
	if (code)
		return code;
	avl_layout_to_planar(s, made->data, b->made);
	const float *at = b->made;
	for (int i = 0; i < n; i++) {
		*(is_picture(b) ? &sample[i].v : &sample[i].fs) = at;
		at += each * (is_picture(b) ? 1 : (size_t)sample[i].patches);
	}
	return 0;
}

void avl_backbone_backward(struct avl_backbone *b, const float *grad)
{
	const struct avl_graph_parameters all = avl_graph_parameters(b->graph);
	struct avl_shape out = avl_graph_output(b->graph);
	out.n = b->n;
	memset(all.gradient, 0, all.count * sizeof(float));
	avl_layout_to_blocked(&out, grad, b->dout);
	avl_graph_backward(b->graph, b->dout);
}

void avl_backbone_settle(struct avl_backbone *b)
{
	if (b->trains)
		avl_graph_move_statistics(b->graph, STATISTICS_MOMENTUM);
}

void avl_backbone_follow(struct avl_backbone *b, const struct avl_backbone *of, double keep)
{
	const float *const from = avl_graph_parameters(of->graph).value;
	float *const to = avl_graph_parameters(b->graph).value;
	const float stay = (float)keep, come = (float)(1 - keep);
	for (int i = 0; i < of->nparams; i++) {
		const size_t first = (size_t)(of->param[i].value - from);
		for (size_t k = first; k < first + of->param[i].count; k++)
			to[k] = to[k] * stay + from[k] * come;
	}
}

/* --- checkpoints --- */

/* The graph's tensors, malloc'd; NULL: out of memory. *FLOATS: of a flat block of them. */
static struct avl_graph_tensor *list_tensors(const struct avl_backbone *b, int *count,
					     size_t *floats)
{
	*count = avl_graph_tensors(b->graph, NULL, NULL);
	struct avl_graph_tensor *const t = calloc((size_t)*count + 1, sizeof *t);
	if (t)
		avl_graph_tensors(b->graph, t, floats);
	return t;
}

/* The tensors of BLOCK, laid out as the graph's parameters: all of them (values), or those that the
 * optimiser knows. */
static int save_block(const struct avl_backbone *b, const float *block, const char *prefix,
		      int values, struct avl_tensors *to, struct avl_err *err)
{
	int count, code = 0;
	size_t floats;
	struct avl_graph_tensor *const t = list_tensors(b, &count, &floats);
	float *const flat = t ? avl_arena_alloc(&to->memory, floats * sizeof *flat) : NULL;
	if (flat)
		avl_graph_unpack(b->graph, block, flat);
	else
		code = avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < count && !code; i++) {
		if ((t[i].frozen && !b->options.frozen) || (t[i].statistic && !values))
			continue;
		struct avl_tensor tensor = {
		    .dtype = AVL_F4, .ndim = t[i].ndim, .data = flat + t[i].first};
		memcpy(tensor.dim, t[i].dim, sizeof t[i].dim);
		code = avl_tensors_add(to, prefix, t[i].name + strlen(outer_of(b)), &tensor, err);
	}
	free(t);
	return code;
}

int avl_backbone_save(const struct avl_backbone *b, const char *prefix, struct avl_tensors *to,
		      struct avl_err *err)
{
	static const char *const names[] = {AVL_MOMENT_FIRST, AVL_MOMENT_SECOND};
	if (!b->trains)
		return 0;
	int code = save_block(b, avl_graph_parameters(b->graph).value, prefix, 1, to, err);
	for (int i = 0; i < 2 && b->moment[i] && !code; i++)
		code = save_block(b, b->moment[i], names[i], 0, to, err);
	return code;
}

int avl_backbone_gradients(const struct avl_backbone *b, struct avl_tensors *to,
			   struct avl_err *err)
{
	return save_block(b, avl_graph_parameters(b->graph).gradient, "", 0, to, err);
}

static int resume_block(const struct avl_backbone *b, const struct avl_safetensors *file,
			const char *prefix, float *block, struct avl_err *err)
{
	int count, code = 0;
	size_t floats = 0;
	struct avl_graph_tensor *const t = list_tensors(b, &count, &floats);
	float *const flat = calloc(floats + 1, sizeof *flat);
	if (!t || !flat)
		code = avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < count && !code; i++)
		if (!t[i].frozen && !t[i].statistic)
			code = avl_moment_read(file, prefix, t[i].name + strlen(outer_of(b)),
					       t[i].count, flat + t[i].first, err);
	if (!code)
		avl_graph_pack(b->graph, flat, block);
	free(t);
	free(flat);
	return code;
}

int avl_backbone_resume(struct avl_backbone *b, const struct avl_safetensors *file,
			struct avl_err *err)
{
	static const char *const names[] = {AVL_MOMENT_FIRST, AVL_MOMENT_SECOND};
	int code = 0;
	for (int i = 0; i < 2 && b->moment[i] && !code; i++)
		code = resume_block(b, file, names[i], b->moment[i], err);
	return code;
}
