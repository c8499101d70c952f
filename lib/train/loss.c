/* SPDX-License-Identifier: MIT */
#include "train/loss.h"

#include <math.h>
#include <string.h>

static const struct avl_loss *const losses[] = {
    &avl_loss_ce,  &avl_loss_kl,         &avl_loss_l2,  &avl_loss_triplet, &avl_loss_hinge,
    &avl_loss_nce, &avl_loss_margin_nce, &avl_loss_lvs, &avl_loss_slavc,   &avl_loss_attended_nce,
};

const struct avl_loss *avl_loss_find(const char *name)
{
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
		if (!strcmp(losses[i]->name, name))
			return losses[i];
	return NULL;
}

int avl_loss_leaves_out(const struct avl_loss_batch *b, size_t i, size_t k)
{
	return i != k && b->group && b->group[i] == b->group[k];
}

double avl_cross_entropy(const double *logit, int n, int right, double scale, double *grad)
{
	double largest = logit[0], sum = 0;
	for (int i = 1; i < n; i++)
		largest = logit[i] > largest ? logit[i] : largest;
	for (int i = 0; i < n; i++)
		sum += exp(logit[i] - largest);
	for (int i = 0; i < n; i++)
		grad[i] += scale * (exp(logit[i] - largest) / sum - (i == right));
	return largest + log(sum) - logit[right];
}

void avl_cross_entropy_both(const double *logit, int n, double scale, double *grad, double *value,
			    double *column)
{
	double *const slope = column + n;
	memset(grad, 0, (size_t)n * (size_t)n * sizeof *grad);
	for (int i = 0; i < n; i++)
		value[i] = avl_cross_entropy(logit + (size_t)i * (size_t)n, n, i, scale,
					     grad + (size_t)i * (size_t)n);
	for (int j = 0; j < n; j++) {
		for (int i = 0; i < n; i++)
			column[i] = logit[(size_t)i * (size_t)n + (size_t)j];
		memset(slope, 0, (size_t)n * sizeof *slope);
		value[j] += avl_cross_entropy(column, n, j, scale, slope);
		for (int i = 0; i < n; i++)
			grad[(size_t)i * (size_t)n + (size_t)j] += slope[i];
	}
}
