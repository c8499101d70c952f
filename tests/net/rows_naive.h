/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_NET_ROWS_NAIVE_H
#define AVL_TESTS_NET_ROWS_NAIVE_H

#include "base/rng.h"
#include "files.h"
#include "net/graph.h"
#include "tests/ops/naive.h"

/* A table run as it is written: row after row, nothing fused, every output kept. */

enum { ROWS_MAX = 64 };

/* Tensors of the shapes that NET needs behind "net.", at random but tame. */
void rows_weights(struct parts *parts, const struct avl_network *net, struct avl_shape in,
		  struct avl_rng *rng);

/* OUT[r]: the output of row r for X, planar; naive_free each. */
void rows_run(const struct avl_network *net, struct parts *parts, const struct naive *x,
	      struct naive *out);

#endif
