/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_TRAIN_INPUTS_H
#define AVL_TESTS_TRAIN_INPUTS_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

/* What the tests of training share. */

/* N floats, uniform from LOW to HIGH, as scripts/golden-train.py draws them. */
static inline void fill(struct avl_rng *rng, float low, float high, size_t n, float *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = low + (high - low) * avl_rng_uniform(rng);
}

/* Moves X along DIRECTION by STEP into Y. Rounding moves it a little otherwise: MOVE (n) gets what
 * was really added, so that a slope can be compared to many digits. */
static inline void displace(const float *x, const float *direction, double step, size_t n, float *y,
			    double *move)
{
	for (size_t i = 0; i < n; i++) {
		y[i] = (float)((double)x[i] + step * (double)direction[i]);
		move[i] = (double)y[i] - (double)x[i];
	}
}

#endif
