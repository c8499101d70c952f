/* SPDX-License-Identifier: MIT */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "kern/gemm.h"
#include "train/attend.h"
#include "train/softmax.h"

/* Channels that make one item of work when the gradient of h is summed over pictures. */
enum { CHANNEL_BLOCK = 128 };

static int has_pairs(const struct avl_trainer *t)
{
	return t->options.unsup && t->options.unsup->kind == AVL_LOSS_PAIRS;
}

static int has_embeddings(const struct avl_trainer *t)
{
	return t->options.unsup && t->options.unsup->kind == AVL_LOSS_EMBED;
}

static int is_cosine(const struct avl_trainer *t)
{
	return has_pairs(t) || t->options.score == AVL_ATTENTION_COSINE;
}

static size_t scratch_size(const struct avl_trainer *t, const struct avl_loss *loss)
{
	const struct avl_loss_batch like = {.n = t->room, .area = t->area, .d = t->heads->features};
	return loss && loss->scratch ? loss->scratch(&like) : 0;
}

int avl_trainer_init(struct avl_trainer *t, const struct avl_trainer_options *options,
		     struct avl_heads *heads, int batch, int rows, int cols, struct avl_par *par,
		     struct avl_err *err)
{
	*t = (struct avl_trainer){
	    .options = *options,
	    .heads = heads,
	    .par = par,
	    .room = batch,
	    .rows = rows,
	    .cols = cols,
	    .area = rows * cols,
	};
	t->sounds = has_pairs(t) ? batch : 2;
	avl_arena_init(&t->memory, 0);
	const int code = avl_heads_run_init(&t->run, heads, batch, par, err);
	if (code)
		return code;
	const size_t n = (size_t)batch, area = (size_t)t->area, sounds = (size_t)t->sounds,
		     channels = (size_t)heads->channels,
		     blocks = (channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
	size_t scratch = scratch_size(t, options->unsup);
	if (scratch_size(t, options->sup) > scratch)
		scratch = scratch_size(t, options->sup);
	const struct {
		void *at;
		size_t bytes;
	} block[] = {
	    {&t->group, n * sizeof(uint32_t)},
	    {&t->other, n * sizeof(int)},
	    {&t->negative, n * sizeof(int)},
	    {&t->norm, n * area * sizeof(float)},
	    {&t->unit, n * channels * sizeof(float)},
	    {&t->length, n * sizeof(float)},
	    {&t->score, n * sounds * area * sizeof(float)},
	    {&t->slope, n * sounds * area * sizeof(float)},
	    {&t->grad_score, n * sounds * area * sizeof(float)},
	    {&t->own, n * area * sizeof(float)},
	    {&t->grad_own, n * area * sizeof(float)},
	    {&t->alpha, n * area * sizeof(float)},
	    {&t->grad_alpha, n * area * sizeof(float)},
	    {&t->truth, n * area * sizeof(float)},
	    {&t->known, n * sizeof(float *)},
	    {&t->part, blocks * n * CHANNEL_BLOCK * sizeof(float)},
	    {&t->scratch, (scratch + area * (size_t)avl_par_threads(par)) * sizeof(double)},
	    {&t->value, n * sizeof(double)},
	};
	for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
		void *const memory = avl_arena_alloc(&t->memory, block[i].bytes);
		if (!memory) {
			avl_trainer_release(t);
			return avl_fail(err, AVL_ENOMEM, "no memory for batches of %d records",
					batch);
		}
		memcpy(block[i].at, &memory, sizeof memory);
	}
	return 0;
}

void avl_trainer_release(struct avl_trainer *t)
{
	avl_heads_run_release(&t->run);
	avl_arena_release(&t->memory);
	*t = (struct avl_trainer){0};
}

/* --- forward --- */

/* For each record one of those of other groups, drawn evenly. */
static void draw_others(struct avl_trainer *t, struct avl_rng *rng)
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
static int draw_truth(struct avl_trainer *t, struct avl_rng *rng)
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

/* The scores of picture ITEM for its sounds. */
static void score_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, channels = (size_t)t->heads->channels;
	const float *const v = t->sample[item].v;
	float *const score = t->score + (size_t)item * (size_t)t->sounds * area;
	float *const norm = is_cosine(t) ? t->norm + (size_t)item * area : NULL;
	const int c = t->heads->channels;
	(void)thread;
	if (norm)
		avl_attend_norms(v, c, t->area, norm);
	if (has_pairs(t)) {
		avl_attend_score(v, c, t->area, norm, t->unit, t->n, score);
	} else {
		avl_attend_score(v, c, t->area, norm, t->unit + (size_t)item * channels, 1, score);
		avl_attend_score(v, c, t->area, norm, t->unit + (size_t)t->other[item] * channels,
				 1, score + area);
	}
	const float *const own = has_pairs(t) ? score + (size_t)item * area : score;
	for (size_t i = 0; i < area; i++)
		t->own[(size_t)item * area + i] =
		    t->options.score == AVL_ATTENTION_RELU && own[i] < 0 ? 0 : own[i];
}

/* alpha and z of picture ITEM. */
static void pool_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area;
	double *const exact = t->scratch + (size_t)thread * area;
	float *const alpha = t->alpha + (size_t)item * area;
	avl_softmax(t->own + (size_t)item * area, t->area, t->options.temperature, exact);
	for (size_t i = 0; i < area; i++)
		alpha[i] = (float)exact[i];
	avl_attend_pool(t->sample[item].v, t->heads->channels, t->area, alpha,
			t->run.z + (size_t)item * (size_t)t->heads->channels);
}

static double distance_between(const struct avl_trainer *t, int picture, int sound)
{
	const size_t d = (size_t)t->heads->features;
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

static void run_unsup(struct avl_trainer *t, struct avl_result *result)
{
	const struct avl_loss_batch batch = {
	    .n = t->n,
	    .area = t->area,
	    .d = t->heads->features,
	    .score = t->score,
	    .grad_score = t->grad_score,
	    .picture = t->run.fv,
	    .sound = t->run.mean_fs,
	    .negative = t->negative,
	    .group = t->group,
	    .grad_picture = t->run.grad_fv,
	    .margin = t->options.margin,
	    .tau = t->options.tau,
	    .scale = 1.0 / t->n,
	    .scratch = t->scratch,
	};
	t->options.unsup->run(&batch, t->value);
	result->unsup = mean_of(t->value, t->n, t->n);
	find_bad(t->value, t->n, result);
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

static void measure(const struct avl_trainer *t, struct avl_result *result)
{
	const size_t area = (size_t)t->area;
	double right = 0, pointing = 0;
	int compared = 0;
	for (int i = 0; i < t->n; i++) {
		const float *const score = t->score + (size_t)i * (size_t)t->sounds * area;
		const float *const own = has_pairs(t) ? score + (size_t)i * area : score;
		const float *const other =
		    has_pairs(t) ? score + (size_t)t->other[i] * area : score + area;
		const int peak = find_peak(own, t->area);
		if (t->known[i])
			pointing += t->known[i][peak] > 0;
		if (t->other[i] == i)
			continue;
		compared++;
		right += has_embeddings(t) ? preference(-distance_between(t, i, i),
							-distance_between(t, i, t->other[i]))
					   : preference((double)own[peak],
							(double)other[find_peak(other, t->area)]);
	}
	result->right = compared ? right / compared : NAN;
	result->pointing = result->known ? pointing / result->known : NAN;
}

/* --- backward --- */

/* The gradient of picture ITEM's scores that comes by way of z. */
static void unpool_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area;
	double *const exact = t->scratch + (size_t)thread * area;
	float *const grad_alpha = t->grad_alpha + (size_t)item * area;
	float *const alpha = t->alpha + (size_t)item * area;
	float *const grad = t->grad_own + (size_t)item * area;
	double mean = 0;
	avl_attend_pool_backward(t->sample[item].v, t->heads->channels, t->area, alpha,
				 t->run.grad_z + (size_t)item * (size_t)t->heads->channels,
				 grad_alpha, NULL);
	avl_softmax(t->own + (size_t)item * area, t->area, t->options.temperature, exact);
	for (size_t i = 0; i < area; i++)
		mean += exact[i] * (double)grad_alpha[i];
	for (size_t i = 0; i < area; i++)
		grad[i] +=
		    (float)(exact[i] * ((double)grad_alpha[i] - mean) / t->options.temperature);
}

/* Negative scores that ReLU has dropped have no gradient. */
static void mask_relu(struct avl_trainer *t)
{
	const size_t n = (size_t)t->n * (size_t)t->area;
	for (size_t i = 0; i < n && t->options.score == AVL_ATTENTION_RELU; i++)
		if (t->own[i] <= 0)
			t->grad_own[i] = 0;
}

static void own_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, channels = (size_t)t->heads->channels;
	(void)thread;
	avl_attend_score_backward(
	    t->sample[item].v, t->heads->channels, t->area,
	    is_cosine(t) ? t->norm + (size_t)item * area : NULL, t->grad_own + (size_t)item * area,
	    1, t->slope + (size_t)item * area, t->run.grad_h + (size_t)item * channels);
}

/* A block of channels of the gradients of all embeddings: the sum over pictures, in their order.
 * The rows of V for a block follow each other, so each picture gives one product. */
static void pairs_item(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, channels = (size_t)t->heads->channels,
		     n = (size_t)t->n, first = (size_t)item * CHANNEL_BLOCK;
	const size_t width = channels - first < CHANNEL_BLOCK ? channels - first : CHANNEL_BLOCK;
	float *const part = t->part + (size_t)item * (size_t)t->room * CHANNEL_BLOCK;
	(void)thread;
	for (size_t i = 0; i < n; i++)
		avl_gemm(0, 1, t->n, (int)width, t->area, t->slope + i * n * area,
			 t->sample[i].v + first * area, i ? 1 : 0, part);
	for (size_t i = 0; i < n; i++)
		memcpy(t->run.grad_h + i * channels + first, part + i * width,
		       width * sizeof *part);
}

static void pairs_slopes(void *arg, int item, int thread)
{
	struct avl_trainer *const t = arg;
	const size_t area = (size_t)t->area, n = (size_t)t->n;
	const float *const norm = t->norm + (size_t)item * area;
	const float *const own = t->grad_own + (size_t)item * area;
	(void)thread;
	for (size_t m = 0; m < n; m++)
		for (size_t i = 0; i < area; i++) {
			const size_t at = ((size_t)item * n + m) * area + i;
			const float grad = t->grad_score[at] + (m == (size_t)item ? own[i] : 0);
			t->slope[at] = norm[i] == 0 ? 0 : grad / norm[i];
		}
}

static void backward(struct avl_trainer *t)
{
	if (has_embeddings(t)) {
		avl_heads_see_backward(&t->run);
		avl_par_for(t->par, t->n, unpool_item, t);
	}
	mask_relu(t);
	if (has_pairs(t)) {
		avl_par_for(t->par, t->n, pairs_slopes, t);
		avl_par_for(t->par, (t->heads->channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK,
			    pairs_item, t);
	} else {
		avl_par_for(t->par, t->n, own_item, t);
	}
	if (is_cosine(t))
		avl_unit_backward(t->unit, t->length, t->n, t->heads->channels, t->run.grad_h);
	avl_heads_hear_backward(&t->run);
}

static void find_bad_gradient(const struct avl_trainer *t, struct avl_result *result)
{
	const size_t channels = (size_t)t->heads->channels;
	for (int i = 0; i < t->n && result->bad < 0; i++)
		for (size_t c = 0; c < channels; c++)
			if (!isfinite(t->run.grad_h[(size_t)i * channels + c]))
				result->bad = i;
	if (result->bad < 0)
		result->bad = 0;
}

int avl_trainer_look(struct avl_trainer *t, const struct avl_sample *sample, int n,
		     struct avl_rng *rng, int gradient, struct avl_result *result,
		     struct avl_err *err)
{
	const size_t channels = (size_t)t->heads->channels;
	*result = (struct avl_result){
	    .unsup = NAN, .sup = NAN, .grad_norm = NAN, .records = n, .bad = -1};
	t->sample = sample;
	t->n = n;
	t->sounds = has_pairs(t) ? n : 2;
	const int code = avl_heads_hear(&t->run, sample, n, err);
	if (code)
		return code;
	for (int i = 0; i < n; i++)
		t->group[i] = t->options.by_source ? sample[i].source : sample[i].sound;
	draw_others(t, rng);
	result->known = draw_truth(t, rng);
	if (is_cosine(t))
		avl_unit(t->run.h, n, t->heads->channels, t->unit, t->length);
	else
		memcpy(t->unit, t->run.h, (size_t)n * channels * sizeof *t->unit);
	avl_par_for(t->par, n, score_item, t);
	memset(t->grad_own, 0, (size_t)n * (size_t)t->area * sizeof *t->grad_own);
	if (t->options.sup)
		run_sup(t, result);
	if (has_embeddings(t)) {
		avl_par_for(t->par, n, pool_item, t);
		avl_heads_see(&t->run);
		choose_negatives(t);
	}
	if (t->options.unsup)
		run_unsup(t, result);
	result->loss = t->options.unsup ? result->unsup : result->sup;
	if (t->options.unsup && result->known && t->options.sup)
		result->loss += t->options.lambda * result->sup;
	measure(t, result);
	if (!gradient || result->bad >= 0)
		return 0;
	backward(t);
	result->grad_norm = avl_grad_norm(t->heads->param, AVL_HEAD_PARAMS);
	if (!isfinite(result->grad_norm))
		find_bad_gradient(t, result);
	return 0;
}

int avl_trainer_step(struct avl_trainer *t, const struct avl_sample *sample, int n, int64_t step,
		     double rate, struct avl_result *result, struct avl_err *err)
{
	struct avl_rng rng;
	avl_rng_init(&rng, t->options.seed, (uint64_t)step);
	const int code = avl_trainer_look(t, sample, n, &rng, 1, result, err);
	if (code || result->bad >= 0)
		return code;
	if (t->options.clip > 0 && result->grad_norm > t->options.clip)
		avl_grad_scale(t->heads->param, AVL_HEAD_PARAMS,
			       t->options.clip / result->grad_norm);
	avl_optim_step(&t->options.optim, t->heads->param, AVL_HEAD_PARAMS, step, rate);
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
