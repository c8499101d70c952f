/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "net/node.h"

/* The parameters of a graph as a checkpoint names and shapes them. */

struct list {
	const struct avl_graph *graph;
	struct avl_graph_tensor *at; /* NULL: they are only counted */
	int count;
	size_t floats;
};

/* DIM is ended by 0. */
static void append(struct list *list, const struct avl_node *node, const char *suffix,
		   int statistic, const int *dim)
{
	struct avl_graph_tensor t = {
	    .first = list->floats,
	    .count = 1,
	    .statistic = statistic,
	    .frozen = node->frozen,
	};
	snprintf(t.name, sizeof t.name, "%s%s.%s", list->graph->prefix, node->param, suffix);
	for (; dim[t.ndim]; t.ndim++) {
		t.dim[t.ndim] = dim[t.ndim];
		t.count *= (size_t)dim[t.ndim];
	}
	list->floats += t.count;
	if (list->at)
		list->at[list->count] = t;
	list->count++;
}

static void append_node(struct list *list, const struct avl_node *node)
{
	const struct avl_attr *const attr = &node->attr;
	const int c = node->in_shape[0].c;
	if (node->op == &avl_op_batchnorm) {
		const int dim[] = {c, 0};
		if (!attr->no_scale)
			append(list, node, "weight", 0, dim);
		append(list, node, "bias", 0, dim);
		append(list, node, "running_mean", 1, dim);
		append(list, node, "running_var", 1, dim);
		return;
	}
	const int inputs = node->op == &avl_op_depthwise ? 1 : c;
	append(list, node, "weight", 0,
	       (const int[]){attr->out, inputs, attr->kernel_h, attr->kernel_w, 0});
	if (attr->bias)
		append(list, node, "bias", 0, (const int[]){attr->out, 0});
}

int avl_graph_tensors(const struct avl_graph *graph, struct avl_graph_tensor *tensors,
		      size_t *floats)
{
	struct list list = {.graph = graph, .at = tensors};
	for (int i = 0; i < graph->count; i++)
		if (graph->node[i].packed)
			append_node(&list, &graph->node[i]);
	if (floats)
		*floats = list.floats;
	return list.count;
}

/* Where a node's tensors lie in FLAT, in the order of append_node; *FLAT moves behind them. */
static struct avl_params_out places(const struct avl_node *node, float **flat)
{
	const struct avl_attr *const attr = &node->attr;
	const size_t c = (size_t)node->in_shape[0].c;
	struct avl_params_out out = {0};
	if (node->op == &avl_op_batchnorm) {
		out.weight = attr->no_scale ? NULL : *flat;
		*flat += attr->no_scale ? 0 : c;
		out.bias = *flat;
		out.mean = out.bias + c;
		out.var = out.mean + c;
		*flat = out.var + c;
		return out;
	}
	const size_t outputs = (size_t)attr->out;
	out.weight = *flat;
	*flat += outputs * (node->op == &avl_op_depthwise ? 1 : c) * (size_t)attr->kernel_h *
		 (size_t)attr->kernel_w;
	out.bias = attr->bias ? *flat : NULL;
	*flat += attr->bias ? outputs : 0;
	return out;
}

void avl_graph_unpack(const struct avl_graph *graph, const float *block, float *flat)
{
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (!node->packed)
			continue;
		const struct avl_params_out to = places(node, &flat);
		node->op->unpack(&node->attr, node->in_shape,
				 block + (node->packed - graph->params), &to);
	}
}

void avl_graph_pack(const struct avl_graph *graph, const float *flat, float *block)
{
	float *at = (float *)(uintptr_t)flat; /* places() is for writing, too */
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (!node->packed)
			continue;
		const struct avl_params_out from = places(node, &at);
		node->op->pack(&node->attr, node->in_shape,
			       &(struct avl_params){.weight = from.weight,
						    .bias = from.bias,
						    .mean = from.mean,
						    .var = from.var},
			       block + (node->packed - graph->params));
	}
}
