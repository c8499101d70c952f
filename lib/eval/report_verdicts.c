/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/report_rows.h"
#include "eval/sums.h"

/* Whether a model looks and whether it listens, as differences between the same records judged
 * twice: with their own map and with that of another clip, with their own sound and with one that
 * is not the picture's. */

/* Fewer pairs than this show nothing, whatever they say. */
#define FEW_PAIRS 10

struct entry {
	uint64_t key;
	double value;
};

struct paired {
	int n;
	double own, other; /* means */
	const char *word;
};

static int compare(const void *one, const void *two)
{
	const struct entry *const a = one, *const b = two;
	return (a->key > b->key) - (a->key < b->key);
}

/* What the difference is of: hits, or where the protocol has masks the IoU. */
static double value_of(const struct avl_evaluation *e, double ciou)
{
	if (isnan(ciou) || e->options.protocol.is_mask)
		return ciou;
	return ciou >= 0.5;
}

/* The visible records of one kind in the order of their keys. */
static int collect(const struct avl_evaluation *e, enum avl_control control, struct entry *entry)
{
	int n = 0;
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		if (r->control == control && r->visible)
			entry[n++] = (struct entry){r->key, value_of(e, r->ciou)};
	}
	if (n)
		qsort(entry, (size_t)n, sizeof *entry, compare);
	return n;
}

static double mean_of(const struct entry *entry, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += entry[i].value;
	return n ? sum / n : NAN;
}

/* Yes where all of the interval of the difference is above 0, no where the difference is not. */
static int judge(const struct avl_evaluation *e, const double *difference, int n,
		 struct paired *paired, struct avl_err *err)
{
	struct avl_interval interval;
	const double mean = avl_mean(difference, n);
	const int rc = avl_bootstrap_mean(difference, n, e->options.resamples, e->options.seed,
					  &interval, err);
	const double low = isnan(interval.low) ? mean : interval.low;
	paired->n = n;
	paired->word = n < FEW_PAIRS ? "not shown"
		       : !(mean > 0) ? "no"
		       : low > 0     ? "yes"
				     : "not shown";
	return rc;
}

/* Records of CONTROL beside those of their keys; where no key is among them, the two means. */
static int pair_control(const struct avl_evaluation *e, enum avl_control control,
			struct paired *paired, struct avl_err *err)
{
	const size_t room = (size_t)e->n + 1;
	struct entry *const own = malloc(2 * room * sizeof *own), *const other = own + room;
	double *const difference = malloc(room * sizeof *difference);
	int rc = own && difference ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	const int n = rc ? 0 : collect(e, AVL_CONTROL_NONE, own);
	const int m = rc ? 0 : collect(e, control, other);
	int pairs = 0;
	*paired = (struct paired){0};
	double sum_own = 0, sum_other = 0;
	for (int i = 0, k = 0; i < n && k < m;) {
		if (own[i].key == other[k].key) {
			sum_own += own[i].value;
			sum_other += other[k].value;
			difference[pairs++] = own[i].value - other[k].value;
		}
		const int step = compare(&own[i], &other[k]);
		i += step <= 0;
		k += step >= 0;
	}
	if (!rc && pairs) {
		rc = judge(e, difference, pairs, paired, err);
		paired->own = sum_own / pairs;
		paired->other = sum_other / pairs;
	} else if (!rc && n && m) {
		*paired =
		    (struct paired){.n = m, .own = mean_of(own, n), .other = mean_of(other, m)};
		paired->word = paired->own > paired->other ? "not shown" : "no";
	}
	free(own);
	free(difference);
	return rc;
}

static int pair_maps(const struct avl_evaluation *e, struct paired *paired, struct avl_err *err)
{
	double *const difference = malloc(((size_t)e->n + 1) * sizeof *difference);
	int n = 0, rc = difference ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	double own = 0, other = 0;
	*paired = (struct paired){0};
	for (int i = 0; i < e->n && !rc; i++) {
		const struct avl_result *const r = &e->result[i];
		if (r->control != AVL_CONTROL_NONE || !r->visible || isnan(r->other_map))
			continue;
		own += value_of(e, r->ciou);
		other += value_of(e, r->other_map);
		difference[n++] = value_of(e, r->ciou) - value_of(e, r->other_map);
	}
	if (!rc && n) {
		rc = judge(e, difference, n, paired, err);
		paired->own = own / n;
		paired->other = other / n;
	}
	free(difference);
	return rc;
}

static void set(struct avl_verdict *verdict, const char *name, const char *word)
{
	verdict->name = name;
	verdict->word = word;
	verdict->why[0] = 0;
}

static int add_looks(struct avl_report *report, const struct avl_evaluation *e, struct avl_err *err)
{
	struct avl_verdict *const looks = &report->verdict[AVL_VERDICT_LOOKS];
	struct paired p;
	set(looks, "looks", "not tested");
	if (e->options.protocol.is_mask) {
		snprintf(looks->why, sizeof looks->why, "masks are not judged with other maps");
		return 0;
	}
	const int rc = pair_maps(e, &p, err);
	if (rc)
		return rc;
	if (!p.n) {
		snprintf(looks->why, sizeof looks->why, "there is one clip only");
		return 0;
	}
	looks->word = p.word;
	snprintf(looks->why, sizeof looks->why, "own map %.1f, another clip's %.1f", 100 * p.own,
		 100 * p.other);
	report->maps_word = p.word;
	return 0;
}

static const char *weaker(const char *one, const char *two)
{
	if (!strcmp(one, "yes") || !strcmp(two, "no"))
		return two;
	return one;
}

/* Every control has to be told from the own sound. */
static int add_listens(struct avl_report *report, const struct avl_evaluation *e,
		       struct avl_err *err)
{
	static const char *const words[AVL_CONTROLS] = {
	    [AVL_CONTROL_SILENCE] = "silence",
	    [AVL_CONTROL_NOISE] = "noise",
	    [AVL_CONTROL_OFFSCREEN] = "one from off screen",
	    [AVL_CONTROL_SHUFFLED] = "another clip's",
	};
	struct avl_verdict *const listens = &report->verdict[AVL_VERDICT_LISTENS];
	set(listens, "listens", "not tested");
	for (int c = AVL_CONTROL_SILENCE; c < AVL_CONTROLS; c++) {
		struct paired p;
		const int rc = pair_control(e, (enum avl_control)c, &p, err);
		if (rc)
			return rc;
		if (!p.n)
			continue;
		report->control_word[c] = p.word;
		listens->word = listens->why[0] ? weaker(listens->word, p.word) : p.word;
		const size_t at = strlen(listens->why);
		snprintf(listens->why + at, sizeof listens->why - at, "%s %.1f, %s %.1f",
			 at ? "; own sound" : "own sound", 100 * p.own, words[c], 100 * p.other);
	}
	if (!listens->why[0])
		snprintf(listens->why, sizeof listens->why,
			 "no controls in the stream: avl-truth --control");
	return 0;
}

int avl_report_verdicts(struct avl_report *report, const struct avl_evaluation *e,
			struct avl_err *err)
{
	const int rc = add_looks(report, e, err);
	return rc ? rc : add_listens(report, e, err);
}
