/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_NODE_H
#define AVL_NET_NODE_H

#include "net/graph.h"

/* A step of a graph: a row of the table, with the rows that have been fused into it. */

enum { AVL_NODE_INPUT = -1, AVL_NODE_NONE = -2 };

struct avl_node {
	const struct avl_op *op;
	struct avl_attr attr;
	const char *param;
	const struct avl_layer *norm; /* a batch norm to be folded into the parameters, or NULL */
	const char *name;
	int row;   /* the last row that is part of it: the one others read */
	int in[2]; /* nodes, AVL_NODE_INPUT or AVL_NODE_NONE */
	struct avl_shape in_shape[2];
	struct avl_map out;
	float *packed;
	int last_use;  /* the last node that reads the output */
	size_t offset; /* of the output in the block of activations, in floats */
};

/* The nodes of NET, rows fused; at most net->count. Returns how many. */
int avl_node_fuse(const struct avl_network *net, struct avl_node *nodes);

/* Reads the parameters of NODE from FILE, folds its batch norm, packs them into node->packed. */
int avl_node_load(const struct avl_node *node, const char *prefix,
		  const struct avl_safetensors *file, struct avl_err *err);

#endif
