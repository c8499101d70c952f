/* SPDX-License-Identifier: MIT */
#include "train/objective.h"

#include <math.h>
#include <string.h>

#include "train/attend.h"
#include "train/softmax.h"

int avl_objective_has_pairs(const struct avl_trainer *t)
{
	return t->options.unsup && t->options.unsup->kind == AVL_LOSS_PAIRS;
}

int avl_objective_has_embeddings(const struct avl_trainer *t)
{
	return t->options.unsup && t->options.unsup->kind == AVL_LOSS_EMBED;
}

int avl_objective_is_cosine(const struct avl_trainer *t)
{
	return avl_objective_has_pairs(t) || t->options.score == AVL_ATTENTION_COSINE ||
	       t->options.score == AVL_ATTENTION_COSINE_RELU;
}

static int drops_negatives(const struct avl_trainer *t)
{
	return t->options.score == AVL_ATTENTION_RELU ||
	       t->options.score == AVL_ATTENTION_COSINE_RELU;
}

static size_t scratch_of(const struct avl_trainer *t, const struct avl_loss *loss)
{
	const struct avl_loss_batch like = {
	    .n = t->room, .area = t->area, .d = t->parts.heads->features};
	return loss && loss->scratch ? loss->scratch(&like) : 0;
}

size_t avl_objective_scratch(const struct avl_trainer *t)
{
	const size_t unsup = scratch_of(t, t->options.unsup), sup = scratch_of(t, t->options.sup);
	return (unsup > sup ? unsup : sup) + (size_t)t->area * (size_t)avl_par_threads(t->par);
}

/* For each record one of those of other groups, drawn evenly. */
void avl_objective_draw_others(struct avl_trainer *t, struct avl_rng *rng)
{
	for (int i = 0; i < t->n; i++) {
		int candidates = 0;
		for (int k = 0; k < t->n; k++)
			candidates += t->group[k] != t->group[i];
		t->other[i] = i;
		if (!candidates)
			continue;
		int left = (int)avl_rng_below(rng, (uint32_t)candidates);
		for (int k = 0; k < t->n; k++)
			if (t->group[k] != t->group[i] && left-- == 0)
				t->other[i] = k;
	}
}

/* What the loss wants to know of where the source is. */
int avl_objective_draw_truth(struct avl_trainer *t, struct avl_rng *rng)
{
	int known = 0;
	for (int i = 0; i < t->n; i++) {
		const struct avl_sample *const s = &t->sample[i];
		float *const map = t->truth + (size_t)i * (size_t)t->area;
		double sum = 0;
		if (s->truth.annotators && t->options.sup == &avl_loss_ce)
			sum = avl_truth_map(&s->truth,
					    (int)avl_rng_below(rng, (uint32_t)s->truth.annotators),
					    s->region, t->rows, t->cols, map);
		else if (s->truth.annotators)
			sum = avl_truth_normalised(&s->truth, s->region, t->rows, t->cols, map);
		t->known[i] = sum > 0 ? map : NULL;
		known += sum > 0;
	}
	return known;
}

/* --- forward --- */

/* The loss looks at each head's maps; else at their mean. */
static int looks_at_heads(const struct avl_trainer *t)
{
	return t->parts.heads->count == 1 || t->options.unsup == &avl_loss_slavc;
}

/* The mean over heads of picture I's map for sound K of those it is scored for. */
static void mean_map(const struct avl_trainer *t, int i, int k, float *map)
{
	const int count = t->parts.heads->count;
	const size_t area = (size_t)t->area;
	memcpy(map, avl_match_map(&t->match[0], t->match[0].score, i, k), area * sizeof *map);
	for (int head = 1; head < count; head++) {
		const float *const more =
		    avl_match_map(&t->match[head], t->match[head].score, i, k);
		for (size_t x = 0; x < area; x++)
			map[x] += more[x];
	}
	for (size_t x = 0; count > 1 && x < area; x++)
		map[x] /= (float)count;
}

/* The map of picture ITEM that the rest of the step looks at. */
static void own_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area;
	const int sounds = t->match[0].sounds;
	float *const own = t->own + (size_t)item * area;
	(void)thread;
	mean_map(t, item, avl_objective_has_pairs(t) ? item : 0, own);
	for (size_t i = 0; drops_negatives(t) && i < area; i++)
		own[i] = own[i] < 0 ? 0 : own[i];
	for (int k = 0; t->mean && k < sounds; k++)
		mean_map(t, item, k, avl_match_map(&t->match[0], t->mean, item, k));
}

void avl_objective_score(struct avl_trainer *t, int evaluate)
{
	const struct avl_heads *const heads = t->parts.heads;
	const int has_target = t->parts.target.heads != NULL;
	const struct avl_heads_run *const pictures = has_target && evaluate ? &t->target : &t->run;
	const struct avl_heads_run *const sounds = has_target ? &t->target : &t->run;
	for (int k = 0; k < heads->count; k++) {
		const size_t first = (size_t)k * (size_t)t->n;
		avl_match_run(&t->match[k], t->n, pictures->u + first,
			      sounds->h + first * (size_t)heads->channels, t->other);
		t->back[k].n = 0;
		if (has_target && !evaluate)
			avl_match_run(&t->back[k], t->n, t->target.u + first,
				      t->run.h + first * (size_t)heads->channels, t->other);
	}
	avl_par_for(t->par, t->n, own_item, t);
}

/* alpha and z of picture ITEM. */
static void pool_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, seen = (size_t)t->parts.heads->seen;
	double *const exact = t->scratch + (size_t)thread * area;
	float *const alpha = t->alpha + (size_t)item * area;
	avl_softmax(t->own + (size_t)item * area, t->area, t->options.temperature, exact);
	for (size_t i = 0; i < area; i++)
		alpha[i] = (float)exact[i];
	avl_attend_pool(t->run.v[item], (int)seen, t->area, alpha, t->run.z + (size_t)item * seen);
}

static double distance_between(const struct avl_trainer *t, int picture, int sound)
{
	const size_t d = (size_t)t->parts.heads->features;
	const float *const f = t->run.fv + (size_t)picture * d;
	const float *const s = t->run.mean_fs + (size_t)sound * d;
	double dot = 0, ff = 0, ss = 0, sum = 0;
	for (size_t i = 0; i < d; i++) {
		const double off = (double)f[i] - (double)s[i];
		sum += off * off;
		dot += (double)f[i] * (double)s[i];
		ff += (double)f[i] * (double)f[i];
		ss += (double)s[i] * (double)s[i];
	}
	if (t->options.unsup == &avl_loss_hinge)
		return ff > 0 && ss > 0 ? -dot / sqrt(ff * ss) : 0;
	return sum;
}

static void choose_negatives(struct avl_trainer *t)
{
	for (int i = 0; i < t->n; i++) {
		double nearest = INFINITY;
		t->negative[i] = t->other[i];
		for (int k = 0; k < t->n && t->options.hardest; k++) {
			if (t->group[k] == t->group[i])
				continue;
			const double distance = distance_between(t, i, k);
			if (distance < nearest) {
				nearest = distance;
				t->negative[i] = k;
			}
		}
	}
}

/* --- losses --- */

static double mean_of(const double *value, int n, int terms)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += value[i];
	return terms ? sum / terms : NAN;
}

static void find_bad(const double *value, int n, struct avl_result *result)
{
	for (int i = n - 1; i >= 0; i--)
		if (!isfinite(value[i]))
			result->bad = i;
}

static void run_sup(struct avl_trainer *t, struct avl_result *result)
{
	const struct avl_loss_batch batch = {
	    .n = t->n,
	    .area = t->area,
	    .score = t->own,
	    .grad_score = t->grad_own,
	    .truth = t->known,
	    .temperature = t->options.temperature,
	    .scale = result->known ? (t->options.unsup ? t->options.lambda : 1) / result->known : 0,
	    .scratch = t->scratch,
	};
	t->options.sup->run(&batch, t->value);
	result->sup = mean_of(t->value, t->n, result->known);
	find_bad(t->value, t->n, result);
}

/* The maps that a loss of pairs looks at. */
static void set_maps(struct avl_trainer *t, struct avl_loss_batch *batch)
{
	const int last = t->parts.heads->count - 1;
	const int has_back = t->parts.target.heads != NULL && t->back[0].n == t->n;
	batch->score = looks_at_heads(t) ? t->match[0].score : t->mean;
	batch->grad_score = looks_at_heads(t) ? t->match[0].grad_score : t->grad_mean;
	if (t->options.unsup != &avl_loss_slavc)
		return;
	batch->over = t->match[last].score;
	batch->grad_over = t->match[last].grad_score;
	if (!has_back)
		return;
	batch->back = t->back[0].score;
	batch->grad_back = t->back[0].grad_score;
	batch->back_over = t->back[last].score;
	batch->grad_back_over = t->back[last].grad_score;
}

static void run_unsup(struct avl_trainer *t, struct avl_result *result)
{
	struct avl_loss_batch batch = {
	    .n = t->n,
	    .area = t->area,
	    .d = t->parts.heads->features,
	    .picture = t->run.fv,
	    .sound = t->run.mean_fs,
	    .negative = t->negative,
	    .group = t->group,
	    .grad_picture = t->run.grad_fv,
	    .grad_sound = t->run.hears ? t->run.grad_mean_fs : NULL,
	    .margin = t->options.margin,
	    .temperature = t->options.temperature,
	    .tau = t->options.tau,
	    .scale = 1.0 / t->n,
	    .scratch = t->scratch,
	};
	if (avl_objective_has_pairs(t))
		set_maps(t, &batch);
	t->options.unsup->run(&batch, t->value);
	result->unsup = mean_of(t->value, t->n, t->n);
	find_bad(t->value, t->n, result);
}

void avl_objective_run(struct avl_trainer *t, struct avl_result *result)
{
	memset(t->grad_own, 0, (size_t)t->n * (size_t)t->area * sizeof *t->grad_own);
	if (t->options.sup)
		run_sup(t, result);
	if (avl_objective_has_embeddings(t)) {
		avl_par_for(t->par, t->n, pool_item, t);
		avl_heads_see(&t->run);
		choose_negatives(t);
	}
	if (t->options.unsup)
		run_unsup(t, result);
	result->loss = t->options.unsup ? result->unsup : result->sup;
	if (t->options.unsup && result->known && t->options.sup)
		result->loss += t->options.lambda * result->sup;
}

static int find_peak(const float *map, int area)
{
	int best = 0;
	for (int i = 1; i < area; i++)
		if (map[i] > map[best])
			best = i;
	return best;
}

/* A tie is half a point. */
static double preference(double own, double other)
{
	return own > other ? 1 : own < other ? 0 : 0.5;
}

void avl_objective_measure(struct avl_trainer *t, struct avl_result *result)
{
	double right = 0, pointing = 0;
	int compared = 0;
	for (int i = 0; i < t->n; i++) {
		float *const own = t->alpha + (size_t)i * (size_t)t->area;
		float *const other = t->grad_alpha + (size_t)i * (size_t)t->area;
		const int pairs = avl_objective_has_pairs(t);
		mean_map(t, i, pairs ? i : 0, own);
		mean_map(t, i, pairs ? t->other[i] : 1, other);
		const int peak = find_peak(own, t->area);
		if (t->known[i])
			pointing += t->known[i][peak] > 0;
		if (t->other[i] == i)
			continue;
		compared++;
		right +=
		    avl_objective_has_embeddings(t)
			? preference(-distance_between(t, i, i),
				     -distance_between(t, i, t->other[i]))
			: preference((double)own[peak], (double)other[find_peak(other, t->area)]);
	}
	result->right = compared ? right / compared : NAN;
	result->pointing = result->known ? pointing / result->known : NAN;
}

/* --- backward --- */

/* The gradient of picture ITEM's scores that comes by way of z. */
static void unpool_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, seen = (size_t)t->parts.heads->seen;
	double *const exact = t->scratch + (size_t)thread * area;
	float *const grad_alpha = t->grad_alpha + (size_t)item * area;
	float *const alpha = t->alpha + (size_t)item * area;
	float *const grad = t->grad_own + (size_t)item * area;
	double mean = 0;
	avl_softmax(t->own + (size_t)item * area, t->area, t->options.temperature, exact);
	for (size_t i = 0; i < area; i++)
		alpha[i] = (float)exact[i];
	avl_attend_pool_backward(t->run.v[item], (int)seen, t->area, alpha,
				 t->run.grad_z + (size_t)item * seen, grad_alpha,
				 t->run.grad_v ? t->run.grad_v[item] : NULL);
	for (size_t i = 0; i < area; i++)
		mean += exact[i] * (double)grad_alpha[i];
	for (size_t i = 0; i < area; i++)
		grad[i] +=
		    (float)(exact[i] * ((double)grad_alpha[i] - mean) / t->options.temperature);
}

/* Negative scores that were dropped have no gradient. */
static void mask_negatives(struct avl_trainer *t)
{
	const size_t n = (size_t)t->n * (size_t)t->area;
	for (size_t i = 0; drops_negatives(t) && i < n; i++)
		if (t->own[i] <= 0)
			t->grad_own[i] = 0;
}

/* The gradient of one head's scores of picture ITEM: from the loss of pairs, and from the own map.
 */
static void share_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area;
	const float *const from = t->grad_own + (size_t)item * area;
	const int count = t->parts.heads->count;
	(void)thread;
	for (int k = 0; k < count; k++) {
		const struct avl_match *const m = &t->match[k];
		float *const own = avl_match_own(m, m->grad_score, item);
		const size_t maps = (size_t)m->sounds * area;
		if (avl_objective_has_pairs(t) && !looks_at_heads(t))
			for (size_t i = 0; i < maps; i++)
				avl_match_map(m, m->grad_score, item, 0)[i] =
				    avl_match_map(m, t->grad_mean, item, 0)[i] / (float)count;
		for (size_t i = 0; i < area; i++)
			own[i] = (avl_objective_has_pairs(t) ? own[i] : 0) + from[i] / (float)count;
	}
}

void avl_objective_backward(struct avl_trainer *t)
{
	const struct avl_heads *const heads = t->parts.heads;
	const int has_target = t->parts.target.heads != NULL;
	if (avl_objective_has_embeddings(t)) {
		avl_heads_see_backward(&t->run);
		avl_par_for(t->par, t->n, unpool_item, t);
	}
	mask_negatives(t);
	avl_par_for(t->par, t->n, share_item, t);
	for (int k = 0; k < heads->count; k++) {
		const size_t first = (size_t)k * (size_t)t->n;
		float *const grad_h = t->run.grad_h + first * (size_t)heads->channels;
		float **const grad_u = t->run.grad_u ? t->run.grad_u + first : NULL;
		/* what the target gives has no gradient */
		avl_match_backward(&t->match[k], has_target ? NULL : grad_h, grad_u);
		if (has_target)
			avl_match_backward(&t->back[k], grad_h, NULL);
	}
}
