/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"

/* EZ-VSL's loss, and MarginNCE's, which takes a margin off the right pairs. */

static size_t scratch(const struct avl_loss_batch *b)
{
	return 2 * (size_t)b->n * (size_t)b->n + 2 * (size_t)b->n;
}

/* Where the map is largest; NaN counts as largest, so that it is not lost. */
static int find_peak(const float *map, int area)
{
	int best = 0;
	for (int i = 1; i < area; i++)
		if (!(map[i] <= map[best]) && map[best] == map[best])
			best = i;
	return best;
}

static void run_with(const struct avl_loss_batch *b, double margin, double *value)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	double *const logit = b->scratch, *const slope = logit + n * n;
	for (size_t i = 0; i < n * n; i++) {
		const float *const map = b->score + i * area;
		const double peak = (double)map[find_peak(map, b->area)];
		logit[i] = (peak - (i % (n + 1) ? 0 : margin)) / b->tau;
		if (avl_loss_leaves_out(b, i / n, i % n))
			logit[i] = -INFINITY;
	}
	avl_cross_entropy_both(logit, b->n, b->scale / b->tau, slope, value, slope + n * n);
	memset(b->grad_score, 0, n * n * area * sizeof *b->grad_score);
	for (size_t i = 0; i < n * n; i++)
		b->grad_score[i * area + (size_t)find_peak(b->score + i * area, b->area)] =
		    (float)slope[i];
}

static void run(const struct avl_loss_batch *b, double *value)
{
	run_with(b, 0, value);
}

static void run_margin(const struct avl_loss_batch *b, double *value)
{
	run_with(b, b->margin, value);
}

const struct avl_loss avl_loss_nce = {.name = "nce",
				      .kind = AVL_LOSS_PAIRS,
				      .margin = NAN,
				      .tau = 0.03,
				      .scratch = scratch,
				      .run = run};

const struct avl_loss avl_loss_margin_nce = {.name = "margin-nce",
					     .kind = AVL_LOSS_PAIRS,
					     .margin = -0.2,
					     .tau = 0.03,
					     .scratch = scratch,
					     .run = run_margin};
