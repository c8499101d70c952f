/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_SUMS_H
#define AVL_EVAL_SUMS_H

/* Sums in the order in which NumPy adds a contiguous array, so that they round as published numbers
 * did: eight running sums over blocks of at most 128, the blocks joined as a binary tree. */
float avl_sum_float(const float *value, int n);
double avl_sum(const double *value, int n);

/* avl_sum / n; NaN for none. */
double avl_mean(const double *value, int n);

#endif
