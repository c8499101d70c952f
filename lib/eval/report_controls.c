/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval/report_rows.h"
#include "eval/sums.h"

/* Controls, and what Juanola et al. (2025) make of them: with one threshold for all maps, whatever
 * their sound, the share of the picture that is active for a sound which says nothing (pIA), and
 *
 *	F_LOC  harmonic mean of the mean cIoU at that threshold and of 1 - pIA
 *	F_AUC  the same of the areas under the two curves
 *
 * with pIA averaged over the kinds silence, noise and offscreen, as far as they are there. */

struct kind {
	int n, visible;
	double ciou, pointing, right_of_two; /* means; NaN where there is nothing */
	double active, active_auc;           /* at the universal threshold */
	double quartile;                     /* the third of the largest values */
};

static int compare(const void *one, const void *two)
{
	const double a = *(const double *)one, b = *(const double *)two;
	return (a > b) - (a < b);
}

/* With linear interpolation, as NumPy's percentile. Sorts VALUE. */
static double third_quartile(double *value, int n)
{
	if (!n)
		return NAN;
	qsort(value, (size_t)n, sizeof *value, compare);
	const double at = 0.75 * (n - 1);
	const int i = (int)at;
	return i + 1 < n ? value[i] + (at - i) * (value[i + 1] - value[i]) : value[i];
}

static double mean_of(const struct avl_evaluation *e, enum avl_control control, size_t field,
		      double *value, int *count)
{
	int n = 0;
	for (int i = 0; i < e->n; i++) {
		const double *const at =
		    (const double *)(const void *)((const char *)&e->result[i] + field);
		if (e->result[i].control == control && !isnan(*at))
			value[n++] = *at;
	}
	*count = n;
	return avl_mean(value, n);
}

static struct kind measure(const struct avl_evaluation *e, enum avl_control control, double *value)
{
	struct kind k = {0};
	int n, hits = 0;
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		if (r->control != control)
			continue;
		value[k.n++] = (double)r->largest;
		k.visible += r->visible;
		hits += r->visible && r->ciou >= 0.5;
	}
	k.quartile = third_quartile(value, k.n);
	k.ciou = k.visible ? (double)hits / k.visible : NAN;
	k.pointing = mean_of(e, control, offsetof(struct avl_result, pointing), value, &n);
	k.right_of_two = mean_of(e, control, offsetof(struct avl_result, right_of_two), value, &n);
	k.active = mean_of(e, control, offsetof(struct avl_result, universal_share), value, &n);
	k.active_auc = avl_auc_below(value, n);
	return k;
}

static void add(struct avl_report *report, const char *kind, const char *what, const char *label,
		double value, enum avl_report_unit unit, int n)
{
	char key[40];
	snprintf(key, sizeof key, "%s%s%s", kind, *kind ? "_" : "", what);
	avl_report_add(report, AVL_REPORT_CONTROLS, key, label, unit, value)->n = n;
}

static void add_kind(struct avl_report *report, const char *name, const struct kind *k)
{
	add(report, name, "n", "records", k->n, AVL_REPORT_COUNT, k->n);
	add(report, name, "ciou", "cIoU >= 0.5", k->ciou, AVL_REPORT_SHARE, k->visible);
	add(report, name, "pointing", "pointing", k->pointing, AVL_REPORT_SHARE, k->visible);
	if (!isnan(k->right_of_two))
		add(report, name, "right_of_two", "right of two", k->right_of_two, AVL_REPORT_SHARE,
		    k->n);
	add(report, name, "pia", "pIA", k->active, AVL_REPORT_SHARE, k->n);
	add(report, name, "largest", "third quartile of the largest scores", k->quartile,
	    AVL_REPORT_NUMBER, k->n);
}

static double harmonic(double a, double b)
{
	return a + b > 0 ? 2 * a * b / (a + b) : a + b;
}

static void add_f(struct avl_report *report, const struct avl_evaluation *e,
		  const struct kind kind[AVL_CONTROLS], double *value)
{
	double active = 0, below = 0;
	int kinds = 0, n = 0;
	for (int c = AVL_CONTROL_SILENCE; c <= AVL_CONTROL_OFFSCREEN; c++) {
		if (!kind[c].n || isnan(kind[c].active))
			continue;
		active += kind[c].active;
		below += kind[c].active_auc;
		kinds++;
	}
	for (int i = 0; i < e->n; i++)
		if (e->result[i].control == AVL_CONTROL_NONE && e->result[i].visible &&
		    !isnan(e->result[i].universal_ciou))
			value[n++] = e->result[i].universal_ciou;
	add(report, "", "universal_threshold", "universal threshold", e->options.protocol.universal,
	    AVL_REPORT_NUMBER, 0);
	if (!kinds || !n)
		return;
	add(report, "", "f_loc", "F_LOC", harmonic(avl_mean(value, n), 1 - active / kinds),
	    AVL_REPORT_SHARE, n);
	add(report, "", "f_auc", "F_AUC", harmonic(avl_auc(value, n), below / kinds),
	    AVL_REPORT_SHARE, n);
}

int avl_report_controls(struct avl_report *report, const struct avl_evaluation *e,
			struct avl_err *err)
{
	struct kind kind[AVL_CONTROLS];
	int n = 0;
	double *const value = malloc(((size_t)e->n + 1) * sizeof *value);
	if (!value)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int c = AVL_CONTROL_SILENCE; c < AVL_CONTROLS; c++) {
		kind[c] = measure(e, (enum avl_control)c, value);
		n += kind[c].n;
		if (kind[c].n)
			add_kind(report, avl_control_name((enum avl_control)c), &kind[c]);
	}
	if (n)
		add_f(report, e, kind, value);
	free(value);
	return 0;
}
