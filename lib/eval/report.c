/* SPDX-License-Identifier: MIT */
#include "eval/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/report_rows.h"
#include "eval/sums.h"

struct avl_report_row *avl_report_add(struct avl_report *report, enum avl_report_section section,
				      const char *key, const char *label, enum avl_report_unit unit,
				      double value)
{
	struct avl_report_row *const row = &report->row[report->nrows];
	if (report->nrows < AVL_REPORT_ROWS_MAX - 1)
		report->nrows++;
	*row = (struct avl_report_row){.section = section,
				       .label = label,
				       .unit = unit,
				       .value = value,
				       .low = NAN,
				       .high = NAN};
	snprintf(row->key, sizeof row->key, "%s", key);
	return row;
}

const struct avl_report_row *avl_report_find(const struct avl_report *report,
					     enum avl_report_section section, const char *key)
{
	for (int i = 0; i < report->nrows; i++)
		if (report->row[i].section == section && !strcmp(report->row[i].key, key))
			return &report->row[i];
	return NULL;
}

double avl_report_value(const struct avl_report *report, enum avl_report_section section,
			const char *key)
{
	const struct avl_report_row *const row = avl_report_find(report, section, key);
	return row ? row->value : NAN;
}

void avl_report_note(struct avl_report *report, const char *format, ...)
{
	va_list args;
	if (report->nnotes == AVL_REPORT_NOTES_MAX)
		return;
	va_start(args, format);
	vsnprintf(report->note[report->nnotes++], AVL_REPORT_NOTE_SIZE, format, args);
	va_end(args);
}

/* --- numbers -----------------------------------------------------------------------------------
 */

static struct avl_report_row *add_share(struct avl_report *report, const char *key,
					const char *label, double value,
					const struct avl_interval *interval)
{
	struct avl_report_row *const row =
	    avl_report_add(report, AVL_REPORT_MAIN, key, label, AVL_REPORT_SHARE, value);
	if (interval && !isnan(value)) {
		row->low = interval->low;
		row->high = interval->high;
	}
	return row;
}

/* The records of one kind, as the statistics want them. Masks are all judged, empty or not. */
static int collect(const struct avl_evaluation *e, struct avl_outcome *outcome, double least,
		   double most, int use_median)
{
	int n = 0;
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		if (r->control != AVL_CONTROL_NONE || !(r->area >= least && r->area < most))
			continue;
		outcome[n++] =
		    (struct avl_outcome){.ciou = use_median ? r->median_ciou : r->ciou,
					 .confidence = r->confidence,
					 .visible = r->visible || e->options.protocol.is_mask};
	}
	return n;
}

static int add_main(struct avl_report *report, const struct avl_evaluation *e,
		    struct avl_outcome *outcome, struct avl_err *err)
{
	const struct avl_evaluation_options *const o = &e->options;
	const int is_mask = o->protocol.is_mask;
	struct avl_statistics s;
	struct avl_intervals b;
	const int n = collect(e, outcome, 0, INFINITY, 0);
	int rc = avl_statistics_compute(outcome, n, &s, err);
	if (!rc)
		rc = avl_bootstrap(outcome, n, o->resamples, o->seed, &b, err);
	if (rc)
		return rc;
	add_share(report, "ciou", is_mask ? "IoU >= 0.5" : "cIoU >= 0.5", s.ciou, &b.ciou);
	add_share(report, "mean_ciou", is_mask ? "mean IoU (mIoU)" : "mean cIoU", s.mean_ciou,
		  &b.mean_ciou);
	add_share(report, "auc", "AUC", s.auc, &b.auc);
	add_share(report, "ap", "AP", is_mask ? NAN : s.ap, &b.ap);
	add_share(report, "max_f1", "max F1", is_mask ? NAN : s.max_f1, &b.max_f1);
	add_share(report, "loc_acc", is_mask ? "IoU > 0.5" : "LocAcc", s.loc_acc, &b.loc_acc);
	if (is_mask) {
		add_share(report, "miou", "mIoU", s.mean_ciou, &b.mean_ciou);
		add_share(report, "fmeasure", "F", avl_mask_f(&e->masks), NULL);
	}
	if (o->protocol.rule != AVL_RULE_ADAPTIVE)
		return 0;
	rc = avl_statistics_compute(outcome, collect(e, outcome, 0, INFINITY, 1), &s, err);
	if (!rc)
		rc = avl_bootstrap(outcome, n, o->resamples, o->seed, &b, err);
	if (rc)
		return rc;
	add_share(report, "median_ciou", "cIoU >= 0.5, median", s.ciou, &b.ciou);
	add_share(report, "median_auc", "AUC, median", s.auc, &b.auc);
	return 0;
}

static int add_mean(struct avl_report *report, const struct avl_evaluation *e, double *value, int n,
		    const char *key, const char *label, struct avl_err *err)
{
	struct avl_interval interval;
	if (!n)
		return 0;
	const int rc =
	    avl_bootstrap_mean(value, n, e->options.resamples, e->options.seed, &interval, err);
	if (!rc)
		add_share(report, key, label, avl_mean(value, n), &interval)->n = n;
	return rc;
}

static int add_places(struct avl_report *report, const struct avl_evaluation *e, double *value,
		      struct avl_err *err)
{
	int n = 0;
	for (int i = 0; i < e->n; i++)
		if (e->result[i].control == AVL_CONTROL_NONE && !isnan(e->result[i].pointing))
			value[n++] = e->result[i].pointing;
	const int rc = add_mean(report, e, value, n, "pointing", "pointing", err);
	if (rc)
		return rc;
	n = 0;
	for (int i = 0; i < e->n; i++)
		if (e->result[i].control == AVL_CONTROL_NONE && !isnan(e->result[i].right_of_two))
			value[n++] = e->result[i].right_of_two;
	return add_mean(report, e, value, n, "right_of_two", "right of two", err);
}

/* --- two sounds in a picture ---------------------------------------------------------------------
 */

struct pair {
	uint64_t group;
	double ciou;
};

static int compare_pairs(const void *one, const void *two)
{
	const struct pair *const a = one, *const b = two;
	return (a->group > b->group) - (a->group < b->group);
}

/* iIoU: a picture is right when all of its sounds are. The least cIoU of a picture decides. */
static int add_pairs(struct avl_report *report, const struct avl_evaluation *e, double *value,
		     struct avl_err *err)
{
	int n = 0, groups = 0, wanted = e->options.pairs;
	struct pair *const pair = malloc(((size_t)e->n + 1) * sizeof *pair);
	if (!pair)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		wanted |= r->data_set == AVL_DATA_IS3;
		if (r->control == AVL_CONTROL_NONE && r->visible)
			pair[n++] = (struct pair){r->group, r->ciou};
	}
	if (wanted && n) {
		qsort(pair, (size_t)n, sizeof *pair, compare_pairs);
		for (int i = 0; i < n; i++) {
			if (i == 0 || pair[i].group != pair[i - 1].group)
				value[groups++] = pair[i].ciou;
			else
				value[groups - 1] = fmin(value[groups - 1], pair[i].ciou);
		}
		add_share(report, "iauc", "iAUC", avl_auc(value, groups), NULL)->n = groups;
		for (int i = 0; i < groups; i++)
			value[i] = value[i] >= 0.5;
	}
	free(pair);
	return groups ? add_mean(report, e, value, groups, "iiou", "iIoU", err) : 0;
}

/* --- by size, and baselines
 * ------------------------------------------------------------------------ */

static int add_sizes(struct avl_report *report, const struct avl_evaluation *e,
		     struct avl_outcome *outcome, struct avl_err *err)
{
	static const struct {
		const char *name;
		double least, most;
	} sizes[] = {{"small", 0, 32 * 32},
		     {"medium", 32 * 32, 96 * 96},
		     {"large", 96 * 96, 144 * 144},
		     {"huge", 144 * 144, INFINITY}};
	for (int k = 0; k < 4 && !e->options.protocol.is_mask; k++) {
		struct avl_statistics s;
		char key[40];
		int n = collect(e, outcome, sizes[k].least, sizes[k].most, 0), visible = 0;
		for (int i = 0; i < n; i++)
			if (outcome[i].visible)
				outcome[visible++] = outcome[i];
		const int rc = avl_statistics_compute(outcome, visible, &s, err);
		if (rc)
			return rc;
		const struct {
			const char *name;
			double value;
		} column[] = {{"ciou", s.ciou}, {"auc", s.auc}, {"ap", s.ap}, {"max_f1", s.max_f1}};
		for (int c = 0; c < 4; c++) {
			snprintf(key, sizeof key, "%s_%s", sizes[k].name, column[c].name);
			avl_report_add(report, AVL_REPORT_SIZES, key, sizes[k].name,
				       AVL_REPORT_SHARE, column[c].value)
			    ->n = visible;
		}
	}
	return 0;
}

static void add_baseline(struct avl_report *report, const struct avl_evaluation *e, double *value,
			 size_t field, const char *name, const char *label)
{
	char key[40];
	int n = 0, hits = 0;
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		double ciou;
		memcpy(&ciou, (const char *)r + field, sizeof ciou);
		if (r->control != AVL_CONTROL_NONE || !r->visible || isnan(ciou))
			continue;
		value[n++] = ciou;
		hits += ciou >= 0.5;
	}
	const struct {
		const char *name;
		double value;
	} column[] = {{"ciou", n ? (double)hits / n : NAN},
		      {"mean_ciou", avl_mean(value, n)},
		      {"auc", avl_auc(value, n)}};
	for (int c = 0; c < 3; c++) {
		snprintf(key, sizeof key, "%s_%s", name, column[c].name);
		avl_report_add(report, AVL_REPORT_BASELINES, key, label, AVL_REPORT_SHARE,
			       column[c].value)
		    ->n = n;
	}
}

static void add_baselines(struct avl_report *report, const struct avl_evaluation *e, double *value)
{
	add_baseline(report, e, value, offsetof(struct avl_result, disc), "centre_disc",
		     "centre disc, half of the frame");
	add_baseline(report, e, value, offsetof(struct avl_result, full), "full_frame",
		     "the full frame");
	if (e->options.protocol.rule == AVL_RULE_MEDIAN)
		add_baseline(report, e, value, offsetof(struct avl_result, ceiling), "ceiling",
			     "ceiling of the median rule");
	if (!e->options.protocol.is_mask)
		add_baseline(report, e, value, offsetof(struct avl_result, other_map), "other_map",
			     "the map of another clip");
}

/* --- all of it
 * --------------------------------------------------------------------------------------- */

static void add_counts(struct avl_report *report, const struct avl_evaluation *e)
{
	static const char *const keys[] = {"",          "no_map",          "no_truth",
					   "no_source", "unknown_control", "bad_members"};
	report->protocol = e->options.protocol.name;
	report->words = e->options.protocol.words;
	for (int i = 0; i < e->n; i++) {
		const int is_ours = e->result[i].control == AVL_CONTROL_NONE;
		report->positives += is_ours && e->result[i].visible;
		report->negatives += is_ours && !e->result[i].visible;
	}
	report->n = report->positives + report->negatives;
	for (int why = 1; why < AVL_LEFT_KINDS; why++) {
		report->left_out += e->left_out[why];
		if (e->left_out[why])
			avl_report_add(report, AVL_REPORT_LEFT_OUT, keys[why],
				       avl_left_out_words((enum avl_left_out)why), AVL_REPORT_COUNT,
				       e->left_out[why]);
	}
	avl_report_add(report, AVL_REPORT_MAIN, "n", "records", AVL_REPORT_COUNT, report->n);
	avl_report_add(report, AVL_REPORT_MAIN, "positives", "with a visible source",
		       AVL_REPORT_COUNT, report->positives);
	avl_report_add(report, AVL_REPORT_MAIN, "negatives", "without", AVL_REPORT_COUNT,
		       report->negatives);
	avl_report_add(report, AVL_REPORT_MAIN, "left_out", "left out", AVL_REPORT_COUNT,
		       report->left_out);
}

int avl_report_make(struct avl_report *report, const struct avl_evaluation *e, struct avl_err *err)
{
	const size_t room = (size_t)e->n + 1;
	*report = (struct avl_report){0};
	add_counts(report, e);
	if (!report->n)
		return avl_fail(err, AVL_ENONE, "no record could be evaluated");
	struct avl_outcome *const outcome = malloc(room * sizeof *outcome);
	double *const value = malloc(room * sizeof *value);
	int rc = outcome && value ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (!rc)
		rc = add_main(report, e, outcome, err);
	if (!rc)
		rc = add_places(report, e, value, err);
	if (!rc)
		rc = add_pairs(report, e, value, err);
	if (!rc)
		rc = add_sizes(report, e, outcome, err);
	if (!rc) {
		add_baselines(report, e, value);
		rc = avl_report_controls(report, e, err);
	}
	if (!rc)
		rc = avl_report_verdicts(report, e, err);
	if (!rc)
		avl_report_notes(report, e);
	free(outcome);
	free(value);
	return rc;
}
