/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "io/record.h"
#include "net/node.h"
#include "ops/conv.h"

/* Of a command that sees one picture, most of the time would go into transforming weights that are
 * then used once. So the first run takes the large ones from the file as they are, and the second
 * makes them ready for itself and all that follow. */

static const struct avl_safetensor *find_weights(const struct avl_graph *graph,
						 const struct avl_node *node,
						 const struct avl_safetensors *file)
{
	char name[256];
	snprintf(name, sizeof name, "%s%s.weight", graph->prefix, node->param);
	return avl_safetensors_find(file, name);
}

/* Of 16 bits each they have to be copied, which is as dear as to pack them. */
static int are_floats(const struct avl_graph *graph, const struct avl_node *node,
		      const struct avl_safetensors *file)
{
	const struct avl_safetensor *const weights = find_weights(graph, node, file);
	return weights && weights->tensor.dtype == AVL_F4;
}

void avl_graph_choose_late(struct avl_graph *graph, const struct avl_safetensors *file)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		node->attr.late = node->by == &avl_op_conv &&
				  avl_conv_can_be_late(&node->attr, node->in_shape) &&
				  (node->attr.winograd || are_floats(graph, node, file));
		graph->late |= node->attr.late;
	}
}

static void sum_block(void *sums, int block, const float *weight, size_t n)
{
	((uint32_t *)sums)[block] = avl_crc32(0, weight, n * sizeof *weight);
}

int avl_node_load_late(struct avl_graph *graph, int i, const struct avl_safetensors *file,
		       struct avl_err *err)
{
	struct avl_node *const node = &graph->node[i];
	struct avl_params params[AVL_NODE_PARTS] = {0};
	const int code = avl_node_fetch(node, graph->prefix, file, &graph->fetched, params, err);
	if (code)
		return code;
	if (are_floats(graph, node, file) && avl_safetensors_meta(file, "avl.digest")) {
		node->sums = calloc((size_t)avl_blocks(node->attr.out), sizeof *node->sums);
		if (!node->sums)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		params[0].reads = sum_block;
		params[0].reader = node->sums;
	}
	node->raw = params[0];
	node->by->pack(&node->attr, node->in_shape, &node->raw, node->packed);
	return 0;
}

static uint32_t join_sums(const struct avl_node *node)
{
	const size_t each = (size_t)node->in_shape[0].c * (size_t)node->attr.kernel_h *
			    (size_t)node->attr.kernel_w * sizeof(float);
	uint32_t sum = 0;
	for (int b = 0; b < avl_blocks(node->attr.out); b++) {
		const int left = node->attr.out - b * AVL_BLOCK;
		sum = avl_crc32_join(sum, node->sums[b],
				     each * (size_t)(left < AVL_BLOCK ? left : AVL_BLOCK));
	}
	return sum;
}

void avl_graph_say_sums(const struct avl_graph *graph, struct avl_safetensors *file)
{
	for (int i = 0; i < graph->count && graph->has_run; i++)
		if (graph->node[i].sums)
			avl_safetensors_summed(file, find_weights(graph, &graph->node[i], file),
					       join_sums(&graph->node[i]));
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
	node->raw.reads = NULL;
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
