/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_OPS_TRIAL_H
#define AVL_TESTS_OPS_TRIAL_H

#include "base/rng.h"
#include "ops/ops.h"

/* An op with operands at random, held against naive.h at every CPU level, for one, two and three
 * threads, and for the pictures of the batch together and alone. */
struct trial {
	const struct avl_op *op;
	struct avl_attr attr;
	struct avl_shape in;
	int with_other; /* a residual, or the second operand of an addition */
	int bf16;       /* which maps are in bf16; then it is the op's twin in ops/bf16.h */
};

enum { TRIAL_IN = 1, TRIAL_OTHER = 2, TRIAL_OUT = 4 };

/* Fails the test that calls it with what differs. Where no output can be, the op must say so. */
void trial_check(const struct trial *trial, struct avl_rng *rng);

/* One of the N numbers. */
int trial_pick(struct avl_rng *rng, const int *of, int n);

/* n, c, h and w: 1..3, channels about the size of a block, sides of 1..13. */
struct avl_shape trial_shape(struct avl_rng *rng);

/* ReLU, ReLU6, none or a narrow one; 0 lies in all of them. */
void trial_clamp(struct avl_rng *rng, struct avl_attr *attr);

#endif
