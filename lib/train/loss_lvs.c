/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"

/* The tri-map of Chen et al., CVPR 2021: surely positive, surely negative, and between them a
 * region that counts for neither. */
#define POSITIVE_AT 0.65
#define NEGATIVE_AT 0.4
#define SHARPNESS   0.03
/* The official mask, 1 - 100 on the diagonal, drives each picture's own sound out of the list of
 * negatives. */
#define OWN_FACTOR -99

static double sigmoid(double x)
{
	return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/* Weight of a position: sigmoid((s - at) / sharpness), or one minus that. */
static double weight_at(double s, double at, int inverse)
{
	return sigmoid((inverse ? at - s : s - at) / SHARPNESS);
}

static double weighted_mean(const float *map, int area, double at, int inverse, double *weights)
{
	double sum = 0, all = 0;
	for (int i = 0; i < area; i++) {
		const double w = weight_at((double)map[i], at, inverse);
		all += w;
		sum += w * (double)map[i];
	}
	*weights = all;
	return sum / all;
}

/* Adds SLOPE times the gradient of the weighted mean MEAN: (w + w' (s - mean)) / sum of w. */
static void add_slope(const float *map, int area, double at, int inverse, double mean,
		      double weights, double slope, float *grad)
{
	for (int i = 0; i < area; i++) {
		const double s = (double)map[i], w = weight_at(s, at, inverse);
		const double steep = (inverse ? -1 : 1) * w * (1 - w) / SHARPNESS;
		grad[i] += (float)(slope * (w + steep * (s - mean)) / weights);
	}
}

static size_t scratch(const struct avl_loss_batch *b)
{
	return 4 * ((size_t)b->n + 2);
}

static void run(const struct avl_loss_batch *b, double *value)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	double *const mean = b->scratch, *const weights = mean + n + 1,
		      *const logit = weights + n + 1, *const slope = logit + n + 2;
	memset(b->grad_score, 0, n * n * area * sizeof *b->grad_score);
	for (size_t i = 0; i < n; i++) {
		const float *const maps = b->score + i * n * area;
		float *const grads = b->grad_score + i * n * area;
		for (size_t m = 0; m < n; m++) {
			mean[m] =
			    weighted_mean(maps + m * area, b->area, POSITIVE_AT, 0, &weights[m]);
			logit[m + 1] = (m == i ? OWN_FACTOR : 1) * mean[m] / b->tau;
			if (avl_loss_leaves_out(b, i, m))
				logit[m + 1] = -INFINITY;
		}
		mean[n] = weighted_mean(maps + i * area, b->area, NEGATIVE_AT, 1, &weights[n]);
		logit[0] = mean[i] / b->tau;
		logit[n + 1] = mean[n] / b->tau;
		memset(slope, 0, (n + 2) * sizeof *slope);
		value[i] = avl_cross_entropy(logit, b->n + 2, 0, b->scale / b->tau, slope);
		for (size_t m = 0; m < n; m++)
			add_slope(maps + m * area, b->area, POSITIVE_AT, 0, mean[m], weights[m],
				  m == i ? slope[0] + OWN_FACTOR * slope[m + 1] : slope[m + 1],
				  grads + m * area);
		add_slope(maps + i * area, b->area, NEGATIVE_AT, 1, mean[n], weights[n],
			  slope[n + 1], grads + i * area);
	}
}

const struct avl_loss avl_loss_lvs = {.name = "lvs",
				      .kind = AVL_LOSS_PAIRS,
				      .margin = NAN,
				      .tau = 0.07,
				      .scratch = scratch,
				      .run = run};
