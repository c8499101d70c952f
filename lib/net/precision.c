/* SPDX-License-Identifier: MIT */
#include "net/node.h"
#include "ops/bf16.h"

/* A convolution in bf16 reads and writes maps of either type; every other op takes maps as they
 * come, and so does the convolution in training. Such an op runs in bf16 where all its maps can be
 * in bf16. A map can be where the node that writes it and all that read it run in bf16; in
 * inference the network's output cannot. */

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
	/* of one value a channel: in fp32, it costs nothing */
	return op == &avl_op_mean || op == &avl_op_globalmax;
}

static int mixes_types(const struct avl_graph *graph, const struct avl_node *node)
{
	return node->op == &avl_op_conv && !graph->train;
}

static void choose_layouts(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const int may_be = graph->train || i < graph->count - 1;
		const int in_bf16 = node->by != node->op && !is_pool(node->op) && may_be;
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
		if (node->by == node->op || mixes_types(graph, node) || !has_fp32_map(graph, node))
			continue;
		node->by = node->op;
		changed = 1;
	}
	return changed;
}

/* What NODE would run by in bf16; NULL: nothing, or it had better not. */
static const struct avl_op *twin_of(const struct avl_graph *graph, const struct avl_node *node)
{
	const struct avl_op *const twin = avl_op_bf16(node->op);
	if (graph->precision != AVL_BF16 || !twin)
		return NULL;
	if (graph->train)
		return twin->backward ? twin : NULL;
	return is_faster_in_fp32(node) ? NULL : twin;
}

void avl_graph_plan_precision(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const struct avl_op *const twin = twin_of(graph, node);
		node->by = twin ? twin : node->op;
	}
	do
		choose_layouts(graph);
	while (give_up(graph));
	/* in training, pairs of bf16 only where the CPU multiplies them at once */
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const int direct =
		    graph->train ? avl_kern()->bf16.is_fast && !is_faster_in_fp32(node) : 1;
		if (node->by != node->op && direct)
			node->attr.winograd = 0;
	}
}
