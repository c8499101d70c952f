/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"
#include "train/softmax.h"

/* EZ-VSL's loss; MarginNCE's, which takes a margin off the right pairs; and one that looks where
 * the attention does, not at the largest alone. */

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

static size_t attended_scratch(const struct avl_loss_batch *b)
{
	return scratch(b) + 2 * (size_t)b->area;
}

/* sum alpha s of one map; GRAD, if any, gets SLOPE times its gradient. */
static double attend(const struct avl_loss_batch *b, const float *map, double slope, float *grad)
{
	double *const alpha = b->scratch + scratch(b), *const rise = alpha + b->area;
	double sum = 0;
	avl_softmax(map, b->area, b->temperature, alpha);
	for (int x = 0; x < b->area; x++)
		sum += alpha[x] * (double)map[x];
	for (int x = 0; grad && x < b->area; x++) {
		rise[x] = slope * (double)map[x];
		grad[x] = (float)(slope * alpha[x]);
	}
	if (grad)
		avl_softmax_backward(alpha, rise, b->area, b->temperature, grad);
	return sum;
}

static void run_attended(const struct avl_loss_batch *b, double *value)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	double *const logit = b->scratch, *const slope = logit + n * n;
	for (size_t i = 0; i < n * n; i++)
		logit[i] = avl_loss_leaves_out(b, i / n, i % n)
			       ? -INFINITY
			       : attend(b, b->score + i * area, 0, NULL) / b->tau;
	avl_cross_entropy_both(logit, b->n, b->scale / b->tau, slope, value, slope + n * n);
	for (size_t i = 0; i < n * n; i++)
		attend(b, b->score + i * area, slope[i], b->grad_score + i * area);
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

const struct avl_loss avl_loss_attended_nce = {.name = "attended-nce",
					       .kind = AVL_LOSS_PAIRS,
					       .margin = NAN,
					       .tau = 0.1,
					       .scratch = attended_scratch,
					       .run = run_attended};
