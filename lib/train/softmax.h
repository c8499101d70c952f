/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_SOFTMAX_H
#define AVL_TRAIN_SOFTMAX_H

/* alpha_i = exp(s_i / temperature) / sum over i, in double; returns the logarithm of the sum, with
 * which log alpha_i = s_i / temperature - it. */
double avl_softmax(const float *score, int n, double temperature, double *alpha);

/* GRAD_SCORE += the gradient of the scores, where SLOPE is that of alpha:
 * alpha_i (slope_i - sum_j alpha_j slope_j) / temperature. */
void avl_softmax_backward(const double *alpha, const double *slope, int n, double temperature,
			  float *grad_score);

#endif
