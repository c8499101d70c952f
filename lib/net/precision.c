/* SPDX-License-Identifier: MIT */
#include "net/node.h"
#include "ops/bf16.h"

/* A convolution in bf16 reads and writes maps of either type. Every other op takes maps as they
 * come, so it runs in bf16 where all its maps can be in bf16. A map can be where the node that
 * writes it and all that read it run in bf16; the network's output cannot. */

/* Tiles of 4 x 4 outputs from which on Winograd in fp32 is faster than pairs of bf16, which are a
 * direct convolution at twice the speed: fewer do not pay for reading the larger weights. */
#define WINOGRAD_TILES_MIN 25

static int is_faster_in_fp32(const struct avl_node *node)
{
	const struct avl_shape *const out = &node->out.shape;
	return node->attr.winograd >= 4 &&
	       (out->h + 3) / 4 * ((out->w + 3) / 4) >= WINOGRAD_TILES_MIN;
}

static int is_pool(const struct avl_op *op)
{
	return op == &avl_op_mean; /* of one value a channel: in fp32, it costs nothing */
}

static void choose_layouts(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const int in_bf16 =
		    node->by != node->op && !is_pool(node->op) && i < graph->count - 1;
		node->out.layout = in_bf16 ? AVL_BLOCKED_BF16 : AVL_BLOCKED;
	}
	for (int i = 0; i < graph->count; i++)
		for (int k = 0; k < 2 && graph->node[i].by == graph->node[i].op; k++)
			if (graph->node[i].in[k] >= 0)
				graph->node[graph->node[i].in[k]].out.layout = AVL_BLOCKED;
}

static int has_fp32_map(const struct avl_graph *graph, const struct avl_node *node)
{
	int found = !is_pool(node->op) && node->out.layout == AVL_BLOCKED;
	for (int k = 0; k < 2; k++)
		found |= node->in[k] >= 0 && graph->node[node->in[k]].out.layout == AVL_BLOCKED;
	return found;
}

/* Nodes that must go back to fp32 take their neighbours with them: until none is left. */
static int give_up(struct avl_graph *graph)
{
	int changed = 0;
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		if (node->by == node->op || node->op == &avl_op_conv || !has_fp32_map(graph, node))
			continue;
		node->by = node->op;
		changed = 1;
	}
	return changed;
}

void avl_graph_plan_precision(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const struct avl_op *const twin =
		    graph->precision == AVL_BF16 && !is_faster_in_fp32(node) ? avl_op_bf16(node->op)
									     : NULL;
		if (twin)
			node->attr.winograd = 0;
		node->by = twin ? twin : node->op;
	}
	do
		choose_layouts(graph);
	while (give_up(graph));
}
