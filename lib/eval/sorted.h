/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_SORTED_H
#define AVL_EVAL_SORTED_H

#include "eval/statistics.h"

/* Records in ascending order of their confidence, with running counts: what detection statistics
 * and their resampling work on. Arrays have n + 1 elements. */
struct avl_sorted {
	int n, hits, visible;
	struct avl_outcome *outcome;
	int *hits_before, *visible_before;
	double *precision, *recall; /* scratch memory */
};

int avl_sorted_new(struct avl_sorted *sorted, const struct avl_outcome *outcome, int n,
		   struct avl_err *err);
void avl_sorted_free(struct avl_sorted *sorted);
/* Counts again, after the outcomes were changed (in order). */
void avl_sorted_count(struct avl_sorted *sorted);

double avl_sorted_ap(const struct avl_sorted *sorted);
double avl_sorted_max_f1(const struct avl_sorted *sorted);

#endif
