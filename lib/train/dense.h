/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_DENSE_H
#define AVL_TRAIN_DENSE_H

#include <stddef.h>

#include "base/par.h"

/* A fully connected layer for training: y = W x + b for the rows of a batch. The work is cut by
 * shape, so the result does not depend on the number of threads. */
struct avl_dense {
	int in, out;
	const float *weight;            /* (out, in) */
	const float *bias;              /* (out), NULL: zeros */
	float *grad_weight, *grad_bias; /* NULL: not wanted */
};

/* Y (rows, out) of X (rows, in). */
void avl_dense_forward(const struct avl_dense *dense, const float *x, int rows, float *y,
		       struct avl_par *par);

/* The gradients of weight and bias (overwritten) and of X (GRAD_X (rows, in), may be NULL), given
 * GRAD_Y (rows, out). TURNED: out * rows floats of working memory. */
void avl_dense_backward(const struct avl_dense *dense, const float *x, const float *grad_y,
			int rows, float *grad_x, float *turned, struct avl_par *par);

#endif
