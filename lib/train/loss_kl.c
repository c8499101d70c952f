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
		const float *const p = b->truth[n], *const s =
							b->score + (size_t)n * (size_t)b->area;
		float *const grad = b->grad_score + (size_t)n * (size_t)b->area;
		double all = 0;
		value[n] = 0;
		if (!p)
			continue;
		const double log_sum = avl_softmax(s, b->area, b->temperature, b->scratch);
		for (int i = 0; i < b->area; i++) {
			const double log_alpha = (double)s[i] / b->temperature - log_sum;
			all += (double)p[i];
			if (p[i] > 0)
				value[n] += (double)p[i] * (log((double)p[i]) - log_alpha);
		}
		for (int i = 0; i < b->area; i++)
			grad[i] = (float)(b->scale / b->temperature *
					  (all * b->scratch[i] - (double)p[i]));
	}
}

const struct avl_loss avl_loss_kl = {
    .name = "kl", .kind = AVL_LOSS_MAP, .margin = NAN, .tau = NAN, .scratch = scratch, .run = run};
