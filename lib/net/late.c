/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "net/node.h"
#include "ops/winograd.h"

/* Of a command that sees one picture, most of the time would go into transforming weights that are
 * then used once. So the first run takes the large ones from the file as they are, and the second
 * makes them ready for itself and all that follow. */

void avl_graph_choose_late(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		node->attr.late = node->by == &avl_op_conv &&
				  avl_winograd_can_be_late(&node->attr, node->in_shape);
		graph->late |= node->attr.late;
	}
}

int avl_node_load_late(struct avl_graph *graph, int i, const struct avl_safetensors *file,
		       struct avl_err *err)
{
	struct avl_node *const node = &graph->node[i];
	struct avl_params params[AVL_NODE_PARTS] = {0};
	const int code = avl_node_fetch(node, graph->prefix, file, &graph->fetched, params, err);
	if (code)
		return code;
	node->raw = params[0];
	node->by->pack(&node->attr, node->in_shape, &node->raw, node->packed);
	return 0;
}

int avl_graph_is_late(const struct avl_graph *graph)
{
	return graph->late;
}

static void settle_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct avl_graph *const graph = argument;
	struct avl_node *const node = &graph->node[graph->count - 1 - item];
	if (node->raw.weight)
		node->by->pack(&node->attr, node->in_shape, &node->raw, node->packed);
	node->raw = (struct avl_params){0};
}

/* Floats of a late node's parameters when they are ready. */
static size_t ready_floats(const struct avl_node *node)
{
	struct avl_attr attr = node->attr;
	attr.late = 0;
	return node->by->packed(&attr, node->in_shape);
}

void avl_graph_settle(struct avl_graph *graph)
{
	size_t floats = 0;
	for (int i = 0; i < graph->count; i++)
		if (graph->node[i].attr.late)
			floats += ready_floats(&graph->node[i]);
	float *at = graph->late_params = avl_alloc(floats, sizeof *at);
	if (!at)
		return;
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		if (!node->attr.late)
			continue;
		node->packed = at;
		at += ready_floats(node);
		graph->param_floats -= node->by->packed(&node->attr, node->in_shape);
		node->attr.late = 0;
	}
	avl_par_for(graph->par, graph->count, settle_item, graph);
	avl_arena_release(&graph->fetched);
	graph->param_floats += floats;
	graph->late = 0;
}
