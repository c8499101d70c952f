/* SPDX-License-Identifier: MIT */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/objective.h"

/* --- setting up --- */

/* One list of all that learns, for the optimiser; the memory stays with the parts. */
static int gather(struct avl_trainer *t, struct avl_err *err)
{
	int image = 0, sound = 0;
	const struct avl_param *const seen =
	    t->parts.image ? avl_backbone_params(t->parts.image, &image) : NULL;
	const struct avl_param *const heard =
	    t->parts.sound ? avl_backbone_params(t->parts.sound, &sound) : NULL;
	t->param = avl_arena_alloc(&t->memory,
				   (size_t)(AVL_HEAD_PARAMS + image + sound) * sizeof *t->param);
	if (!t->param)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < AVL_HEAD_PARAMS; i++)
		if (!t->parts.heads->param[i].frozen)
			t->param[t->nparams++] = t->parts.heads->param[i];
	for (int i = 0; i < image; i++)
		t->param[t->nparams++] = seen[i];
	for (int i = 0; i < sound; i++)
		t->param[t->nparams++] = heard[i];
	return 0;
}

static int learns(const struct avl_backbone *backbone)
{
	return backbone && avl_backbone_learns(backbone);
}

static int make_matches(struct avl_trainer *t, struct avl_err *err)
{
	int code = 0;
	for (int k = 0; k < t->parts.heads->count && !code; k++) {
		const int pairs = avl_objective_has_pairs(t), cosine = avl_objective_is_cosine(t);
		const int channels = t->parts.heads->channels;
		code = avl_match_init(&t->match[k], t->room, channels, t->area, pairs, cosine,
				      t->par, &t->memory, err);
		if (!code && t->parts.target.heads)
			code = avl_match_init(&t->back[k], t->room, channels, t->area, pairs,
					      cosine, t->par, &t->memory, err);
	}
	return code;
}

static int make_blocks(struct avl_trainer *t, struct avl_err *err)
{
	const size_t n = (size_t)t->room, area = (size_t)t->area, f = sizeof(float);
	const size_t means = avl_objective_has_pairs(t) && t->parts.heads->count > 1;
	/* of the networks that follow as well */
	const size_t dropped = t->options.dropout > 0 ? t->parts.target.heads ? 2 : 1 : 0;
	const struct {
		void *at;
		size_t bytes;
	} block[] = {
	    {&t->twin, n * sizeof *t->twin},
	    {&t->variation, n * sizeof *t->variation},
	    {&t->group, n * sizeof(uint32_t)},
	    {&t->other, n * sizeof(int)},
	    {&t->negative, n * sizeof(int)},
	    {&t->mean, means * n * n * area * f},
	    {&t->grad_mean, means * n * n * area * f},
	    {&t->own, n * area * f},
	    {&t->grad_own, n * area * f},
	    {&t->alpha, n * area * f},
	    {&t->grad_alpha, n * area * f},
	    {&t->truth, n * area * f},
	    {&t->dropped, dropped * n * (size_t)t->parts.heads->seen * area * f},
	    {&t->kept, dropped * n * (size_t)t->parts.heads->seen * area},
	    {&t->known, n * sizeof(float *)},
	    {&t->scratch, avl_objective_scratch(t) * sizeof(double)},
	    {&t->value, n * sizeof(double)},
	};
	for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
		void *const memory = avl_arena_alloc(&t->memory, block[i].bytes);
		if (!memory)
			return avl_fail(err, AVL_ENOMEM, "no memory for batches of %d records",
					t->room);
		memcpy(block[i].at, &memory, sizeof memory);
	}
	if (!means)
		t->mean = t->grad_mean = NULL;
	return 0;
}

int avl_trainer_init(struct avl_trainer *t, const struct avl_trainer_options *options,
		     const struct avl_trainer_parts *parts, int batch, int rows, int cols,
		     struct avl_par *par, struct avl_err *err)
{
	*t = (struct avl_trainer){
	    .options = *options,
	    .parts = *parts,
	    .par = par,
	    .room = batch,
	    .rows = rows,
	    .cols = cols,
	    .area = rows * cols,
	};
	t->options.optim.par = par;
	avl_arena_init(&t->memory, 0);
	int code = avl_heads_run_init(&t->run, parts->heads, batch, t->area, learns(parts->sound),
				      learns(parts->image), par, err);
	if (!code && parts->target.heads)
		code = avl_heads_run_init(&t->target, parts->target.heads, batch, t->area, 0, 0,
					  par, err);
	if (!code)
		code = gather(t, err);
	if (!code)
		code = make_matches(t, err);
	if (!code)
		code = make_blocks(t, err);
	if (code)
		avl_trainer_release(t);
	return code;
}

void avl_trainer_release(struct avl_trainer *t)
{
	avl_heads_run_release(&t->run);
	avl_heads_run_release(&t->target);
	avl_arena_release(&t->memory);
	*t = (struct avl_trainer){0};
}

/* --- a step --- */

/* What a network makes of SAMPLE; nothing where the records have it. */
static int run_backbone(struct avl_trainer *t, struct avl_backbone *backbone,
			struct avl_sample *sample, enum avl_look look, struct avl_err *err)
{
	const int varies = look != AVL_LOOK_EVALUATE && t->options.augment;
	return backbone ? avl_backbone_run(backbone, sample, t->n, varies ? t->variation : NULL,
					   look == AVL_LOOK_EVALUATE, err)
			: 0;
}

/* v of SAMPLE as the heads get it: in training some of it may be dropped, into TO, where KEPT says
 * what is not. */
static void give_pictures(const struct avl_trainer *t, const struct avl_sample *sample,
			  struct avl_heads_run *run, float *to, unsigned char *kept,
			  struct avl_rng *rng, enum avl_look look)
{
	const size_t each = (size_t)t->parts.heads->seen * (size_t)t->area;
	const float keep = (float)(1 - t->options.dropout);
	for (int i = 0; i < t->n; i++, to += each, kept += each) {
		run->v[i] = sample[i].v;
		if (look == AVL_LOOK_EVALUATE || t->options.dropout == 0)
			continue;
		for (size_t k = 0; k < each; k++) {
			kept[k] = avl_rng_uniform(rng) < keep;
			to[k] = kept[k] ? sample[i].v[k] / keep : 0;
		}
		run->v[i] = to;
	}
}

/* The features of the networks that follow; where they have none of their own, the others'. */
static int run_target(struct avl_trainer *t, struct avl_rng *rng, enum avl_look look,
		      struct avl_err *err)
{
	if (!t->parts.target.heads)
		return 0;
	memcpy(t->twin, t->sample, (size_t)t->n * sizeof *t->twin);
	int code = run_backbone(t, t->parts.target.image, t->twin, look, err);
	if (!code)
		code = run_backbone(t, t->parts.target.sound, t->twin, look, err);
	if (!code)
		code = avl_heads_hear(&t->target, t->twin, t->n, err);
	if (code)
		return code;
	const size_t all = (size_t)t->room * (size_t)t->parts.heads->seen * (size_t)t->area;
	const size_t second = t->options.dropout > 0 ? all : 0;
	give_pictures(t, t->twin, &t->target, t->dropped + second, t->kept + second, rng, look);
	avl_heads_look(&t->target, t->n);
	return 0;
}

static int run_networks(struct avl_trainer *t, struct avl_rng *rng, enum avl_look look,
			struct avl_err *err)
{
	for (int i = 0; look != AVL_LOOK_EVALUATE && t->options.augment && i < t->n; i++)
		avl_variation_draw(t->options.augment, rng, &t->variation[i]);
	int code = run_backbone(t, t->parts.image, t->sample, look, err);
	if (!code)
		code = run_backbone(t, t->parts.sound, t->sample, look, err);
	if (!code)
		code = avl_heads_hear(&t->run, t->sample, t->n, err);
	if (code)
		return code;
	give_pictures(t, t->sample, &t->run, t->dropped, t->kept, rng, look);
	avl_heads_look(&t->run, t->n);
	return run_target(t, rng, look, err);
}

/* Where dropout has left nothing, no gradient goes on. */
static void mask_dropped(struct avl_trainer *t)
{
	const size_t each = (size_t)t->parts.heads->seen * (size_t)t->area;
	const float keep = (float)(1 - t->options.dropout);
	if (t->options.dropout == 0 || !t->run.grad_v)
		return;
	for (int i = 0; i < t->n; i++)
		for (size_t k = 0; k < each; k++)
			t->run.grad_v[i][k] =
			    t->kept[(size_t)i * each + k] ? t->run.grad_v[i][k] / keep : 0;
}

static void backward(struct avl_trainer *t)
{
	avl_objective_backward(t);
	avl_heads_look_backward(&t->run);
	avl_heads_hear_backward(&t->run, avl_objective_has_embeddings(t));
	mask_dropped(t);
	if (learns(t->parts.image))
		avl_backbone_backward(t->parts.image, t->run.grad_seen);
	if (learns(t->parts.sound))
		avl_backbone_backward(t->parts.sound, t->run.grad_x);
}

static void find_bad_gradient(const struct avl_trainer *t, struct avl_result *result)
{
	const size_t channels = (size_t)t->parts.heads->channels;
	for (int i = 0; i < t->n && result->bad < 0; i++)
		for (size_t c = 0; c < channels; c++)
			if (!isfinite(t->run.grad_h[(size_t)i * channels + c]))
				result->bad = i;
	if (result->bad < 0)
		result->bad = 0;
}

int avl_trainer_look(struct avl_trainer *t, struct avl_sample *sample, int n, struct avl_rng *rng,
		     enum avl_look look, struct avl_result *result, struct avl_err *err)
{
	*result = (struct avl_result){
	    .unsup = NAN, .sup = NAN, .grad_norm = NAN, .records = n, .bad = -1};
	t->sample = sample;
	t->n = n;
	const int code = run_networks(t, rng, look, err);
	if (code)
		return code;
	for (int i = 0; i < n; i++)
		t->group[i] = t->options.by_source ? sample[i].source : sample[i].sound;
	avl_objective_draw_others(t, rng);
	result->known = avl_objective_draw_truth(t, rng);
	avl_objective_score(t, look == AVL_LOOK_EVALUATE);
	avl_objective_run(t, result);
	avl_objective_measure(t, result);
	if (look != AVL_LOOK_GRADIENT || result->bad >= 0)
		return 0;
	backward(t);
	result->grad_norm = avl_grad_norm(t->param, t->nparams);
	if (!isfinite(result->grad_norm))
		find_bad_gradient(t, result);
	return 0;
}

static void follow_heads(struct avl_heads *heads, const struct avl_heads *of, double keep)
{
	const float stay = (float)keep, come = (float)(1 - keep);
	for (int i = 0; i < AVL_HEAD_PARAMS; i++)
		for (size_t k = 0; k < heads->param[i].count && !of->param[i].frozen; k++)
			heads->param[i].value[k] =
			    heads->param[i].value[k] * stay + of->param[i].value[k] * come;
}

static void follow(struct avl_trainer *t)
{
	if (!t->parts.target.heads)
		return;
	follow_heads(t->parts.target.heads, t->parts.heads, t->options.follow);
	if (t->parts.target.image)
		avl_backbone_follow(t->parts.target.image, t->parts.image, t->options.follow);
	if (t->parts.target.sound)
		avl_backbone_follow(t->parts.target.sound, t->parts.sound, t->options.follow);
}

static void settle(struct avl_trainer *t)
{
	struct avl_backbone *const all[] = {t->parts.image, t->parts.sound, t->parts.target.image,
					    t->parts.target.sound};
	for (int i = 0; i < 4; i++)
		if (all[i])
			avl_backbone_settle(all[i]);
}

int avl_trainer_step(struct avl_trainer *t, struct avl_sample *sample, int n, int64_t step,
		     double rate, struct avl_result *result, struct avl_err *err)
{
	struct avl_rng rng;
	avl_rng_init(&rng, t->options.seed, (uint64_t)step);
	follow(t);
	const int code = avl_trainer_look(t, sample, n, &rng, AVL_LOOK_GRADIENT, result, err);
	if (code || result->bad >= 0)
		return code;
	if (t->options.clip > 0 && result->grad_norm > t->options.clip)
		avl_grad_scale(t->param, t->nparams, t->options.clip / result->grad_norm);
	avl_optim_step(&t->options.optim, t->param, t->nparams, step, rate);
	settle(t);
	return 0;
}

static double mean_with(double all, double before, double one, double more)
{
	if (isnan(one) || more == 0)
		return all;
	return before == 0 || isnan(all) ? one : (all * before + one * more) / (before + more);
}

void avl_result_add(struct avl_result *all, const struct avl_result *one)
{
	const double before = all->records, more = one->records;
	/* a loss without --unsup is a mean over those with truth */
	if (isnan(one->unsup))
		all->loss = mean_with(all->loss, all->known, one->loss, one->known);
	else
		all->loss = mean_with(all->loss, before, one->loss, more);
	all->unsup = mean_with(all->unsup, before, one->unsup, more);
	all->right = mean_with(all->right, before, one->right, more);
	all->grad_norm = mean_with(all->grad_norm, before, one->grad_norm, more);
	all->sup = mean_with(all->sup, all->known, one->sup, one->known);
	all->pointing = mean_with(all->pointing, all->known, one->pointing, one->known);
	all->records += one->records;
	all->known += one->known;
	if (one->bad >= 0)
		all->bad = one->bad;
}
