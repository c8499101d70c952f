/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/sorted.h"
#include "eval/statistics.h"

#define STEPS 21

enum { CIOU, MEAN_CIOU, AUC, LOC_ACC, AP, MAX_F1, KINDS };

static int compare(const void *one, const void *two)
{
	const double a = *(const double *)one, b = *(const double *)two;
	return (a > b) - (a < b);
}

/* Draws without any visible record have no value and are left out. */
static struct avl_interval interval_of(double *value, int n)
{
	int kept = 0;
	for (int i = 0; i < n; i++)
		if (!isnan(value[i]))
			value[kept++] = value[i];
	if (!kept)
		return (struct avl_interval){NAN, NAN};
	qsort(value, (size_t)kept, sizeof *value, compare);
	const int low = (int)(0.025 * kept), high = (int)ceil(0.975 * kept) - 1;
	return (struct avl_interval){value[low], value[high]};
}

static void draw(struct avl_rng *rng, int *times, int n)
{
	memset(times, 0, (size_t)n * sizeof *times);
	for (int i = 0; i < n; i++)
		times[avl_rng_below(rng, (uint32_t)n)]++;
}

/* How many of the 21 levels 0, 0.05, ... 1 a cIoU reaches. */
static int level_of(double ciou)
{
	int level = 0;
	while (level < STEPS && ciou >= 0.05 * level)
		level++;
	return level;
}

static double auc_of(const int reached[STEPS + 1], int visible)
{
	double above = visible, sum = 0, last = 0;
	for (int i = 0; i < STEPS; i++) {
		above -= reached[i];
		const double share = above / visible;
		if (i)
			sum += 0.05 * (last + share) / 2;
		last = share;
	}
	return sum;
}

struct resampling {
	struct avl_sorted base, drawn;
	int *times, *level;
	double *value[KINDS];
};

static void release(struct resampling *r)
{
	avl_sorted_free(&r->base);
	avl_sorted_free(&r->drawn);
	free(r->times);
	free(r->level);
	for (int k = 0; k < KINDS; k++)
		free(r->value[k]);
}

static int prepare(struct resampling *r, const struct avl_outcome *outcome, int n, int resamples,
		   struct avl_err *err)
{
	*r = (struct resampling){0};
	int rc = avl_sorted_new(&r->base, outcome, n, err);
	if (!rc)
		rc = avl_sorted_new(&r->drawn, outcome, n, err);
	if (rc)
		return rc;
	r->times = malloc((size_t)n * sizeof *r->times);
	r->level = malloc((size_t)n * sizeof *r->level);
	int missing = !r->times || !r->level;
	for (int k = 0; k < KINDS; k++) {
		r->value[k] = malloc((size_t)resamples * sizeof(double));
		missing |= !r->value[k];
	}
	if (missing)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < n; i++)
		r->level[i] = level_of(r->base.outcome[i].ciou);
	return 0;
}

static void measure(struct resampling *r, int sample)
{
	int reached[STEPS + 1] = {0}, hits = 0, above = 0, visible = 0, at = 0;
	double sum = 0;
	for (int i = 0; i < r->base.n; i++) {
		const struct avl_outcome *const o = &r->base.outcome[i];
		const int times = r->times[i];
		for (int k = 0; k < times; k++)
			r->drawn.outcome[at++] = *o;
		if (!o->visible)
			continue;
		visible += times;
		hits += o->ciou >= 0.5 ? times : 0;
		above += o->ciou > 0.5 ? times : 0;
		sum += times * o->ciou;
		reached[r->level[i]] += times;
	}
	avl_sorted_count(&r->drawn);
	r->value[CIOU][sample] = visible ? (double)hits / visible : NAN;
	r->value[MEAN_CIOU][sample] = visible ? sum / visible : NAN;
	r->value[AUC][sample] = visible ? auc_of(reached, visible) : NAN;
	r->value[LOC_ACC][sample] = visible ? (double)above / visible : NAN;
	r->value[AP][sample] = avl_sorted_ap(&r->drawn);
	r->value[MAX_F1][sample] = avl_sorted_max_f1(&r->drawn);
}

int avl_bootstrap(const struct avl_outcome *outcome, int n, int resamples, uint64_t seed,
		  struct avl_intervals *result, struct avl_err *err)
{
	static const struct avl_interval none = {NAN, NAN};
	struct resampling r;
	struct avl_rng rng;
	*result = (struct avl_intervals){none, none, none, none, none, none};
	if (!n || !resamples)
		return 0;
	const int rc = prepare(&r, outcome, n, resamples, err);
	avl_rng_init(&rng, seed, 0);
	for (int sample = 0; !rc && sample < resamples; sample++) {
		draw(&rng, r.times, n);
		measure(&r, sample);
	}
	if (!rc)
		*result = (struct avl_intervals){
		    .ciou = interval_of(r.value[CIOU], resamples),
		    .mean_ciou = interval_of(r.value[MEAN_CIOU], resamples),
		    .auc = interval_of(r.value[AUC], resamples),
		    .loc_acc = interval_of(r.value[LOC_ACC], resamples),
		    .ap = interval_of(r.value[AP], resamples),
		    .max_f1 = interval_of(r.value[MAX_F1], resamples),
		};
	release(&r);
	return rc;
}

int avl_bootstrap_mean(const double *value, int n, int resamples, uint64_t seed,
		       struct avl_interval *result, struct avl_err *err)
{
	struct avl_rng rng;
	*result = (struct avl_interval){NAN, NAN};
	if (!n || !resamples)
		return 0;
	double *const mean = malloc((size_t)resamples * sizeof *mean);
	if (!mean)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_rng_init(&rng, seed, 0);
	for (int sample = 0; sample < resamples; sample++) {
		double sum = 0;
		int count = 0;
		for (int i = 0; i < n; i++) {
			const double drawn = value[avl_rng_below(&rng, (uint32_t)n)];
			count += !isnan(drawn);
			sum += isnan(drawn) ? 0 : drawn;
		}
		mean[sample] = count ? sum / count : NAN;
	}
	*result = interval_of(mean, resamples);
	free(mean);
	return 0;
}
