/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_MASK_SCORE_H
#define AVL_EVAL_MASK_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "eval/upsample.h"

/* Maps as segmentations, as AVSBench (Zhou et al., 2022) measures them, on the grid of the mask.
 * With p = 1 / (1 + exp(-s)), A = [p > 0.5]:
 *
 *	IoU = |A m| / (|A + m| + 1e-7), and of an empty mask |not A| / (pixels + 1e-7)
 *	F(t) = 1.3 P R / (0.3 P + R), A = [p >= t], at 255 t from 0 to 1; empty masks are left out
 *
 * The F of a data set is the largest of its mean over all masks: not, as in the published code, the
 * mean over batches of the largest, which depends on the batch. */
#define AVL_MASK_THRESHOLDS 255

struct avl_mask_scorer {
	struct avl_upsampler upsampler;
	float *up;
	size_t room;
	double f[AVL_MASK_THRESHOLDS]; /* sums over the masks so far */
	int masks;                     /* that were not empty */
};

/* HEAT f4 (rows, cols) against MASK u1 (mask_rows, mask_cols), not 0 on the source; *IOU is set.
 * HEAT is NULL for a map that is not to be used: its IoU and F are 0. F_COUNTS: whether the record
 * is part of F. */
int avl_mask_score(struct avl_mask_scorer *scorer, const float *heat, int rows, int cols,
		   const uint8_t *mask, int mask_rows, int mask_cols, double threshold,
		   int f_counts, double *iou, struct avl_err *err);
/* NaN where there was no mask. */
double avl_mask_f(const struct avl_mask_scorer *scorer);
void avl_mask_scorer_release(struct avl_mask_scorer *scorer);

#endif
