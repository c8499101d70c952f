/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_LINEAR_H
#define AVL_NET_LINEAR_H

#include "io/safetensors.h"
#include "ops/ops.h"

/* A fully connected layer that a model keeps beside its two networks, applied to the feature at
 * each position of a map: the 1x1 convolution, so that a position's result does not depend on what
 * it is computed together with. */
struct avl_linear {
	int in, out;
	struct avl_attr attr;
	float *packed, *scratch; /* owned */
};

/* NAME.weight (out, in), or (out, in, 1, 1), and, where it is there, NAME.bias (out) of FILE.
 * AVL_ENONE where there is no NAME.weight; AVL_ESHAPE where IN (0: any) is not its second
 * dimension. */
int avl_linear_init(struct avl_linear *linear, const struct avl_safetensors *file, const char *name,
		    int in, struct avl_err *err);
void avl_linear_release(struct avl_linear *linear);

/* Y: blocked, the positions of X with linear->out channels; its data must be there. */
void avl_linear_run(const struct avl_linear *linear, const struct avl_map *x, struct avl_map *y,
		    struct avl_par *par);

#endif
