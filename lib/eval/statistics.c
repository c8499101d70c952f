/* SPDX-License-Identifier: MIT */
#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "eval/sums.h"
#include "eval/sorted.h"

#define STEPS 21

static double trapezoid(const int count[STEPS], int n)
{
	double part[STEPS - 1];
	for (int i = 0; i + 1 < STEPS; i++) {
		const double width = 0.05 * (i + 1) - 0.05 * i;
		part[i] = width * ((double)count[i + 1] / n + (double)count[i] / n) / 2.0;
	}
	return avl_sum(part, STEPS - 1);
}

double avl_auc(const double *value, int n)
{
	int count[STEPS] = {0};
	if (!n)
		return NAN;
	for (int i = 0; i < STEPS; i++)
		for (int k = 0; k < n; k++)
			count[i] += value[k] >= 0.05 * i;
	return trapezoid(count, n);
}

double avl_auc_below(const double *value, int n)
{
	int count[STEPS] = {0};
	if (!n)
		return NAN;
	for (int i = 0; i < STEPS; i++)
		for (int k = 0; k < n; k++)
			count[i] += value[k] <= 0.05 * i;
	return trapezoid(count, n);
}

static int compare(const void *one, const void *two)
{
	const struct avl_outcome *const a = one, *const b = two;
	return (a->confidence > b->confidence) - (a->confidence < b->confidence);
}

/* Of the records from FIRST on, in the order of their confidence: those that are detected when the
 * threshold is theirs. */
static void rates(const struct avl_sorted *s, int first, double *precision, double *recall)
{
	const int detected = s->n - first;
	const int hits = s->hits - s->hits_before[first];
	const int missed = s->visible_before[first];
	*precision = detected ? (double)hits / detected : 1;
	*recall = hits + missed ? (double)hits / (hits + missed) : 1;
}

/* Thresholds are confidences, and all records that share one are detected together. */
static int first_of(const struct avl_sorted *s, int i)
{
	while (i > 0 && s->outcome[i - 1].confidence == s->outcome[i].confidence)
		i--;
	return i;
}

double avl_sorted_ap(const struct avl_sorted *s)
{
	const int step = s->n / 200 > 1 ? s->n / 200 : 1;
	int k = 0;
	for (int i = s->n - 2; i >= 0; i -= step)
		rates(s, first_of(s, i), &s->precision[k], &s->recall[k]), k++;
	for (int i = k - 2; i >= 0; i--)
		s->precision[i] = fmax(s->precision[i], s->precision[i + 1]);
	double ap = 0;
	for (int i = 0; i + 1 < k; i++)
		ap += s->precision[i] * (s->recall[i + 1] - s->recall[i]);
	return ap;
}

double avl_sorted_max_f1(const struct avl_sorted *s)
{
	const int step = s->n / 10 > 1 ? s->n / 10 : 1;
	double most = 0;
	for (int i = 0; i < s->n; i += step) {
		double p, r;
		rates(s, first_of(s, i), &p, &r);
		most = fmax(most, r + p > 0 ? 2 * r * p / (r + p) : 0);
	}
	return most;
}

void avl_sorted_count(struct avl_sorted *s)
{
	int hits = 0, visible = 0;
	for (int i = 0; i < s->n; i++) {
		const struct avl_outcome *const o = &s->outcome[i];
		s->hits_before[i] = hits;
		s->visible_before[i] = visible;
		hits += o->visible && o->ciou >= 0.5;
		visible += o->visible != 0;
	}
	s->hits_before[s->n] = s->hits = hits;
	s->visible_before[s->n] = s->visible = visible;
}

int avl_sorted_new(struct avl_sorted *s, const struct avl_outcome *outcome, int n,
		   struct avl_err *err)
{
	const size_t room = (size_t)n + 1;
	*s = (struct avl_sorted){
	    .n = n,
	    .outcome = malloc(room * sizeof *s->outcome),
	    .hits_before = malloc(room * sizeof *s->hits_before),
	    .visible_before = malloc(room * sizeof *s->visible_before),
	    .precision = malloc(room * sizeof *s->precision),
	    .recall = malloc(room * sizeof *s->recall),
	};
	if (!s->outcome || !s->hits_before || !s->visible_before || !s->precision || !s->recall) {
		avl_sorted_free(s);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	for (int i = 0; i < n; i++)
		s->outcome[i] = outcome[i];
	if (n)
		qsort(s->outcome, (size_t)n, sizeof *s->outcome, compare);
	avl_sorted_count(s);
	return 0;
}

void avl_sorted_free(struct avl_sorted *s)
{
	free(s->outcome);
	free(s->hits_before);
	free(s->visible_before);
	free(s->precision);
	free(s->recall);
	*s = (struct avl_sorted){0};
}

int avl_statistics_compute(const struct avl_outcome *outcome, int n, struct avl_statistics *result,
			   struct avl_err *err)
{
	struct avl_sorted sorted;
	double *const ciou = malloc(((size_t)n + 1) * sizeof *ciou);
	int rc = ciou ? avl_sorted_new(&sorted, outcome, n, err)
		      : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc) {
		free(ciou);
		return rc;
	}
	int visible = 0, hits = 0, above = 0;
	for (int i = 0; i < n; i++) {
		if (!outcome[i].visible)
			continue;
		ciou[visible++] = outcome[i].ciou;
		hits += outcome[i].ciou >= 0.5;
		above += outcome[i].ciou > 0.5;
	}
	*result = (struct avl_statistics){
	    .n = n,
	    .visible = visible,
	    .ciou = visible ? (double)hits / visible : NAN,
	    .mean_ciou = avl_mean(ciou, visible),
	    .auc = avl_auc(ciou, visible),
	    .loc_acc = visible ? (double)above / visible : NAN,
	    .ap = n ? avl_sorted_ap(&sorted) : NAN,
	    .max_f1 = n ? avl_sorted_max_f1(&sorted) : NAN,
	};
	avl_sorted_free(&sorted);
	free(ciou);
	return 0;
}
