/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"
#include "train/softmax.h"

static size_t scratch(const struct avl_loss_batch *b)
{
	return (size_t)b->area;
}

static void run(const struct avl_loss_batch *b, double *value)
{
	memset(b->grad_score, 0, (size_t)b->n * (size_t)b->area * sizeof *b->grad_score);
	for (int n = 0; n < b->n; n++) {
		const float *const g = b->truth[n], *const s =
							b->score + (size_t)n * (size_t)b->area;
		float *const grad = b->grad_score + (size_t)n * (size_t)b->area;
		double all = 0;
		value[n] = 0;
		if (!g)
			continue;
		const double log_sum = avl_softmax(s, b->area, b->temperature, b->scratch);
		for (int i = 0; i < b->area; i++) {
			all += (double)g[i];
			value[n] -= (double)g[i] * ((double)s[i] / b->temperature - log_sum);
		}
		for (int i = 0; i < b->area; i++)
			grad[i] = (float)(b->scale / b->temperature *
					  (all * b->scratch[i] - (double)g[i]));
	}
}

const struct avl_loss avl_loss_ce = {
    .name = "ce", .kind = AVL_LOSS_MAP, .margin = NAN, .tau = NAN, .scratch = scratch, .run = run};
