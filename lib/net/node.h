/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_NODE_H
#define AVL_NET_NODE_H

#include "base/arena.h"
#include "net/graph.h"

/* What graph.c, fuse.c, load.c and backward.c share of a graph. */

enum { AVL_NODE_INPUT = -1, AVL_NODE_NONE = -2, AVL_NODE_PARTS = 3 };

/* What an op is told and where its parameters are. */
struct avl_node_part {
	const struct avl_op *op;
	struct avl_attr attr;
	const char *param;
	const struct avl_layer *norm; /* a batch norm to be folded into the parameters, or NULL */
};

/* A step of a graph: a row of the table, with the rows that have been fused into it. */
struct avl_node {
	const struct avl_op *op;
	const struct avl_op *by; /* what runs: op, or its twin in bf16 */
	struct avl_attr attr;
	const char *param;
	const struct avl_layer *norm;
	/* Of an op that is several in one, what they are: the first is told ATTR. */
	struct avl_node_part part[AVL_NODE_PARTS];
	int parts; /* 0: the op is but one */
	const char *name;
	int row;   /* the last row that is part of it: the one others read */
	int in[2]; /* nodes, AVL_NODE_INPUT or AVL_NODE_NONE */
	struct avl_shape in_shape[2];
	struct avl_map out;
	float *packed;
	struct avl_params raw; /* where attr.late: in the file, or in graph->fetched */
	uint32_t *sums;        /* of the blocks of raw.weight, by the first run; or NULL */
	float *saved;          /* in training, what the op keeps for backward */
	int frozen;            /* the parameters have no gradient */
	int still;             /* a batch norm: uses its stored statistics */
	int reached;           /* backward gets here: something at or below it is trained */
	int slot;        /* the node whose memory for a gradient has that of the output; -1: none */
	int first;       /* of an own slot: the node that writes it first, backward from the last */
	int fresh[2];    /* whether this node does, of its inputs' */
	size_t gradient; /* where the slot is, in floats */
	int last_use;    /* the last node that reads the output */
	size_t offset;   /* of the output in the block of activations, in floats */
};

struct avl_graph {
	struct avl_shape in; /* n: of the last run */
	int planned_n;       /* 0: no plan */
	struct avl_node *node;
	int count, keep, direct, train, stored, evaluates;
	char prefix[64];
	enum avl_precision precision;
	struct avl_par *par;
	float *input, *activations, *scratch, *params;
	struct avl_arena fetched; /* what late nodes need beside the file's own tensors */
	float *late_params;       /* of nodes that were late */
	int late, has_run;        /* some nodes are late */
	float *saved, *gradients, *grad_scratch, *dparams; /* in training */
	size_t activation_floats, param_floats, scratch_floats;
	size_t saved_floats, gradient_floats, grad_scratch_floats;
	int widens; /* a run gives a copy in fp32 of the last node's map, which is in bf16 */
	struct avl_map output;
	size_t output_offset;
};

/* Additions into the batch norm before them, activations into what is before them; rows into the
 * convolution before them; then also a pool, and convolutions into one op. */
enum avl_fuse { AVL_FUSE_TRAINING, AVL_FUSE_ROWS, AVL_FUSE_CHAINS };

/* Where the gradients of all outputs go, when node.reached is known: sets slot, first, fresh and
 * gradient. Returns how many floats they take. */
size_t avl_graph_place_gradients(struct avl_graph *graph);

/* The nodes of NET, fused as FUSE says; at most net->count. Returns how many. */
int avl_node_fuse(const struct avl_network *net, enum avl_fuse fuse, struct avl_node *nodes);

/* One node forward; of a step backward, what comes before the last node, and one node, from the
 * last on. */
void avl_node_forward(struct avl_graph *graph, int i);
void avl_graph_backward_begin(struct avl_graph *graph, const float *dout);
void avl_node_backward(struct avl_graph *graph, int i);

/* options.late (late.c). Which nodes are late: sets attr.late and graph->late, once, when it is
 * known what runs a node. */
void avl_graph_choose_late(struct avl_graph *graph, const struct avl_safetensors *file);
/* In place of avl_node_load, for node I, which is late. */
int avl_node_load_late(struct avl_graph *graph, int i, const struct avl_safetensors *file,
		       struct avl_err *err);
/* Ends it; where there is no memory, things stay as they are. */
void avl_graph_settle(struct avl_graph *graph);

/* Which nodes run in bf16, and which maps are stored so: sets by and out.layout. Once, when shapes
 * and the choice of Winograd are known. */
void avl_graph_plan_precision(struct avl_graph *graph);

/* How node I is run. */
struct avl_op_run avl_node_run(const struct avl_graph *graph, int i);

/* The part of avl_graph_new and avl_graph_reshape that only training needs: memory for what is
 * saved and for gradients. */
int avl_graph_plan_backward(struct avl_graph *graph, struct avl_err *err);

/* The parameters of NODE in FILE, or in MEMORY where they had to be converted, and its batch norm
 * folded in: one for each part. */
int avl_node_fetch(const struct avl_node *node, const char *prefix,
		   const struct avl_safetensors *file, struct avl_arena *memory,
		   struct avl_params params[AVL_NODE_PARTS], struct avl_err *err);

/* Fetches the parameters of NODE and packs them into node->packed. MEMORY is reset. */
int avl_node_load(const struct avl_node *node, const char *prefix,
		  const struct avl_safetensors *file, struct avl_arena *memory,
		  struct avl_err *err);

#endif
