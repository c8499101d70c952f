/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_OPS_CHAIN_H
#define AVL_TESTS_OPS_CHAIN_H

#include "base/rng.h"
#include "ops/ops.h"

/* An op that is several in one, held against those one after the other, bit for bit, and against
 * naive.h in double precision: at every CPU level and for one, two and three threads. */
struct chain {
	const struct avl_op *op;
	int count; /* of the ops that it is */
	const struct avl_op *part[3];
	struct avl_attr attr[3]; /* .then is set by chain_check */
	struct avl_shape in;
	int with_residual; /* of the last */
};

/* Fails the test that calls it with what differs. Does nothing where no output can be. */
void chain_check(struct chain *chain, struct avl_rng *rng);

#endif
