/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "net/node.h"

int avl_graph_plan_backward(struct avl_graph *graph, struct avl_err *err)
{
	size_t saved = 0, scratch = 0;
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (node->op->saved)
			saved += node->op->saved(&node->attr, node->in_shape);
		if (!node->op->grad_scratch)
			continue;
		const size_t need = node->op->grad_scratch(&node->attr, node->in_shape);
		scratch = need > scratch ? need : scratch;
	}
	graph->saved = avl_alloc(saved, sizeof(float));
	graph->gradients = avl_alloc(graph->activation_floats, sizeof(float));
	graph->grad_scratch = avl_alloc(scratch, sizeof(float));
	if (!graph->saved || !graph->gradients || !graph->grad_scratch)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	float *at = graph->saved;
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		if (!node->op->saved)
			continue;
		node->saved = at;
		at += node->op->saved(&node->attr, node->in_shape);
	}
	return 0;
}

struct avl_graph_parameters avl_graph_parameters(const struct avl_graph *graph)
{
	return (struct avl_graph_parameters){graph->params, graph->dparams, graph->param_floats};
}

static float *gradient_of(const struct avl_graph *graph, int node)
{
	return node >= 0 ? graph->gradients + graph->node[node].offset : NULL;
}

void avl_graph_backward(struct avl_graph *graph, const float *dout)
{
	assert(graph->train);
	const int last = graph->count - 1;
	memset(graph->gradients, 0, graph->activation_floats * sizeof(float));
	memcpy(gradient_of(graph, last), dout,
	       avl_shape_floats(&graph->node[last].out.shape) * sizeof(float));
	for (int i = last; i >= 0; i--) {
		const struct avl_node *const node = &graph->node[i];
		const struct avl_op_run run = avl_node_run(graph, i);
		const struct avl_op_grad grad = {
		    .dout = gradient_of(graph, i),
		    .din = {gradient_of(graph, node->in[0]), gradient_of(graph, node->in[1])},
		    .dpacked =
			node->packed ? graph->dparams + (node->packed - graph->params) : NULL,
		    .scratch = graph->grad_scratch,
		};
		node->op->backward(&run, &grad);
	}
}

void avl_graph_move_statistics(struct avl_graph *graph, float momentum)
{
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (node->op != &avl_op_batchnorm)
			continue;
		const struct avl_op_run run = avl_node_run(graph, i);
		avl_batchnorm_update(&node->attr, &run.in[0].shape, node->saved, momentum,
				     node->packed);
	}
}
