/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"
#include "train/softmax.h"

static size_t scratch(const struct avl_loss_batch *b)
{
	return 2 * (size_t)b->area;
}

static void run(const struct avl_loss_batch *b, double *value)
{
	double *const alpha = b->scratch, *const slope = alpha + b->area;
	memset(b->grad_score, 0, (size_t)b->n * (size_t)b->area * sizeof *b->grad_score);
	for (int n = 0; n < b->n; n++) {
		const float *const p = b->truth[n];
		value[n] = 0;
		if (!p)
			continue;
		avl_softmax(b->score + (size_t)n * (size_t)b->area, b->area, b->temperature, alpha);
		for (int i = 0; i < b->area; i++) {
			const double off = alpha[i] - (double)p[i];
			value[n] += off * off;
			slope[i] = 2 * b->scale * off;
		}
		avl_softmax_backward(alpha, slope, b->area, b->temperature,
				     b->grad_score + (size_t)n * (size_t)b->area);
	}
}

const struct avl_loss avl_loss_l2 = {
    .name = "l2", .kind = AVL_LOSS_MAP, .margin = NAN, .tau = NAN, .scratch = scratch, .run = run};
