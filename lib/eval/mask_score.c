/* SPDX-License-Identifier: MIT */
#include "eval/mask_score.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"

#define THRESHOLDS AVL_MASK_THRESHOLDS
#define LAST       (THRESHOLDS - 1)

void avl_mask_scorer_release(struct avl_mask_scorer *scorer)
{
	avl_upsampler_release(&scorer->upsampler);
	free(scorer->up);
	*scorer = (struct avl_mask_scorer){0};
}

static float probability(float score)
{
	return 1 / (1 + expf(-score));
}

/* The K-th of 255 from 0 to 1, as torch.linspace counts: from both ends. */
static float threshold_at(int k)
{
	const float step = 1.0f / LAST;
	return k < THRESHOLDS / 2 ? step * (float)k : 1.0f - step * (float)(LAST - k);
}

/* Thresholds that P reaches. */
static int level_of(float p)
{
	int k = (int)(p * LAST);
	while (k > 0 && p < threshold_at(k))
		k--;
	while (k < LAST && p >= threshold_at(k + 1))
		k++;
	return k + 1;
}

static void add_f(struct avl_mask_scorer *scorer, const int active[THRESHOLDS + 1],
		  const int right[THRESHOLDS + 1], int pixels)
{
	int predicted = 0, inside = 0;
	for (int k = THRESHOLDS; k > 0; k--) {
		predicted += active[k];
		inside += right[k];
		const float p = (float)inside / ((float)predicted + 1e-20f);
		const float r = (float)inside / ((float)pixels + 1e-20f);
		const float f = (float)(1 + 0.3) * p * r / (0.3f * p + r);
		scorer->f[k - 1] += isnan(f) ? 0 : (double)f;
	}
}

static double iou_of(int inside, int joint)
{
	return (double)((float)inside / ((float)joint + 1e-7f));
}

/* One pass: the IoU at THRESHOLD, and how many pixels reach each of the 255. */
static void judge(struct avl_mask_scorer *scorer, const uint8_t *mask, size_t n, double threshold,
		  int f_counts, double *iou)
{
	int active[THRESHOLDS + 1] = {0}, right[THRESHOLDS + 1] = {0};
	int inside = 0, outside = 0, pixels = 0;
	for (size_t i = 0; i < n; i++) {
		const float p = probability(scorer->up[i]);
		const int on = mask[i] != 0, level = level_of(p);
		pixels += on;
		active[level]++;
		right[level] += on;
		if (p > (float)threshold) {
			inside += on;
			outside += !on;
		}
	}
	*iou = pixels ? iou_of(inside, pixels + outside) : iou_of((int)n - outside, (int)n);
	if (pixels && f_counts)
		add_f(scorer, active, right, pixels);
}

int avl_mask_score(struct avl_mask_scorer *scorer, const float *heat, int rows, int cols,
		   const uint8_t *mask, int mask_rows, int mask_cols, double threshold,
		   int f_counts, double *iou, struct avl_err *err)
{
	const size_t n = (size_t)mask_rows * (size_t)mask_cols;
	size_t pixels = 0;
	for (size_t i = 0; i < n; i++)
		pixels += mask[i] != 0;
	scorer->masks += pixels > 0 && f_counts;
	*iou = 0;
	if (!heat)
		return 0;
	if (n > scorer->room) {
		free(scorer->up);
		scorer->up = avl_alloc(n, sizeof *scorer->up);
		scorer->room = scorer->up ? n : 0;
		if (!scorer->up)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	const int rc = avl_upsample(&scorer->upsampler, AVL_UPSAMPLE_TORCH_LINEAR, heat, rows, cols,
				    scorer->up, mask_rows, mask_cols, err);
	if (!rc)
		judge(scorer, mask, n, threshold, f_counts, iou);
	return rc;
}

double avl_mask_f(const struct avl_mask_scorer *scorer)
{
	double most = NAN;
	for (int k = 0; k < THRESHOLDS && scorer->masks > 0; k++)
		most = fmax(most, scorer->f[k] / scorer->masks);
	return most;
}
