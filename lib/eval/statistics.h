/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_STATISTICS_H
#define AVL_EVAL_STATISTICS_H

#include <stdint.h>

#include "base/err.h"

/* What is said of many records, computed in the order of the published codes. A hit is a cIoU of
 * at least 0.5. */

/* One record, as far as these statistics look. */
struct avl_outcome {
	double ciou;
	float confidence;
	int visible; /* 0: a negative, whose cIoU means nothing */
};

struct avl_statistics {
	int n, visible;
	double ciou;      /* share of hits among the visible */
	double mean_ciou; /* of the visible */
	double auc;       /* trapezoid over the shares that reach 0, 0.05, ... 1; of the visible */
	double loc_acc;   /* share above 0.5 of the visible */
	double ap, max_f1;
};

/* Undefined numbers are NaN: those of the visible where there are none, all where n is 0.
 *
 * AP and F1 (Mo and Morgado, "A Closer Look at Weakly-Supervised Audio-Visual Source Localization",
 * 2022) take a record of confidence >= t as detected: a true positive where it is visible and a
 * hit, a false positive otherwise; a visible one that is not detected is a false negative. A
 * precision or recall of 0/0 is 1. With s the sorted confidences,
 *
 *	AP      t from s[n-2] down in steps of max(1, n / 200); the sum of (R[i+1] - R[i]) times
 *	        the largest precision from i on; nothing for R from 0 to R[0]
 *	max F1  over t = s[0], s[k], s[2k], ..., k = max(1, n / 10)
 */
int avl_statistics_compute(const struct avl_outcome *outcome, int n, struct avl_statistics *result,
			   struct avl_err *err);

/* The trapezoid over the shares of N values that are >= 0.05 i, i = 0..20; NaN for none. */
double avl_auc(const double *value, int n);
/* The same of the values that are <= 0.05 i: for shares that ought to be small. */
double avl_auc_below(const double *value, int n);

struct avl_interval {
	double low, high;
};

struct avl_intervals {
	struct avl_interval ciou, mean_ciou, auc, loc_acc, ap, max_f1;
};

/* 95 % intervals: the 2.5th and 97.5th percentile over RESAMPLES draws of n records with
 * replacement, by the shared generator. The same seed gives the same bits. */
int avl_bootstrap(const struct avl_outcome *outcome, int n, int resamples, uint64_t seed,
		  struct avl_intervals *result, struct avl_err *err);

/* The same for the mean of N values, NaNs left out. */
int avl_bootstrap_mean(const double *value, int n, int resamples, uint64_t seed,
		       struct avl_interval *result, struct avl_err *err);

#endif
