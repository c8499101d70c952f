/* SPDX-License-Identifier: MIT */
#include "net/node.h"

/* Where gradients lie. That of a node's output is written and added to by the nodes that read the
 * output, the last of them first, and is done with when the node itself has run backward. It has a
 * slot of its own, or takes over that of a node that can run backward in place. So at any time each
 * slot has one owner to come, and its memory is used again after the last. */

/* Whether a node before I, which has not run backward yet, has SLOT. */
static int is_taken(const struct avl_graph *graph, int slot, int i)
{
	for (int k = 0; k < i; k++)
		if (graph->node[k].slot == slot)
			return 1;
	return 0;
}

static void give_slots(struct avl_graph *graph)
{
	const int last = graph->count - 1;
	for (int i = 0; i <= last; i++)
		graph->node[i].slot = -1;
	graph->node[last].slot = graph->node[last].first = last;
	for (int i = last; i >= 0; i--) {
		struct avl_node *const node = &graph->node[i];
		for (int k = 1; k >= 0 && node->slot >= 0; k--) {
			const int in = node->in[k];
			node->fresh[k] = 0;
			if (in < 0 || !graph->node[in].reached || graph->node[in].slot >= 0)
				continue;
			node->fresh[k] = 1;
			const int own = !node->op->in_place || is_taken(graph, node->slot, i);
			graph->node[in].slot = own ? in : node->slot;
			graph->node[in].first = i;
		}
	}
}

/* The last node, backward, that a slot is of. */
static int end_of(const struct avl_graph *graph, int slot)
{
	int i = 0;
	while (graph->node[i].slot != slot)
		i++;
	return i;
}

/* The lowest place that no slot takes up which is in use when SLOT is first written or later. */
static size_t place(const struct avl_graph *graph, int slot)
{
	const size_t size = avl_map_floats(&graph->node[slot].out);
	size_t at = 0;
	for (int moved = 1; moved;) {
		moved = 0;
		for (int k = graph->count - 1; k > slot; k--) {
			const struct avl_node *const other = &graph->node[k];
			const size_t end = other->gradient + avl_map_floats(&other->out);
			if (other->slot != k || end_of(graph, k) > graph->node[slot].first ||
			    at >= end || at + size <= other->gradient)
				continue;
			at = end;
			moved = 1;
		}
	}
	return at;
}

size_t avl_graph_place_gradients(struct avl_graph *graph)
{
	size_t floats = 0;
	give_slots(graph);
	for (int i = graph->count - 1; i >= 0; i--) {
		struct avl_node *const node = &graph->node[i];
		if (node->slot != i)
			continue;
		node->gradient = place(graph, i);
		const size_t end = node->gradient + avl_map_floats(&node->out);
		floats = end > floats ? end : floats;
	}
	return floats;
}
