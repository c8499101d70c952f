/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "net/node.h"
#include "ops/bf16.h"

static size_t saved_floats(const struct avl_graph *graph, const struct avl_node *node)
{
	if (!node->op->saved || (graph->stored && node->op == &avl_op_batchnorm))
		return 0;
	return node->op->saved(&node->attr, node->in_shape);
}

static size_t trained_floats(const struct avl_node *node, size_t *first)
{
	*first = 0;
	return node->op->trained ? node->op->trained(&node->attr, node->in_shape, first)
				 : node->op->packed(&node->attr, node->in_shape);
}

static int is_reached(const struct avl_graph *graph, int node)
{
	return node >= 0 && graph->node[node].reached;
}

static void find_reached(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		node->reached = (node->op->packed && !node->frozen) ||
				is_reached(graph, node->in[0]) || is_reached(graph, node->in[1]);
	}
}

int avl_graph_plan_backward(struct avl_graph *graph, struct avl_err *err)
{
	size_t saved = 0, scratch = 0;
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		saved += saved_floats(graph, node);
		if (!node->by->grad_scratch)
			continue;
		const size_t need = node->by->grad_scratch(&node->attr, node->in_shape,
							   avl_par_threads(graph->par));
		scratch = need > scratch ? need : scratch;
	}
	find_reached(graph);
	graph->saved_floats = saved;
	graph->grad_scratch_floats = scratch;
	graph->gradient_floats = avl_graph_place_gradients(graph);
	graph->saved = avl_alloc(saved, sizeof(float));
	graph->gradients = avl_alloc(graph->gradient_floats, sizeof(float));
	graph->grad_scratch = avl_alloc(scratch, sizeof(float));
	if (!graph->saved || !graph->gradients || !graph->grad_scratch)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	float *at = graph->saved;
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		const size_t floats = saved_floats(graph, node);
		node->saved = floats ? at : NULL;
		at += floats;
	}
	return 0;
}

/* Whether the row's name in a checkpoint begins with NAME, or NAME is that of one of its tensors.
 */
static int is_named(const struct avl_graph *graph, const struct avl_node *node, const char *name)
{
	char full[256];
	if (!node->op->packed)
		return 0;
	snprintf(full, sizeof full, "%s%s", graph->prefix, node->param);
	const size_t length = strlen(full);
	return strncmp(full, name, strlen(name)) == 0 ||
	       (strncmp(full, name, length) == 0 && name[length] == '.');
}

int avl_graph_freeze(struct avl_graph *graph, const char *name)
{
	assert(graph->train);
	int rows = 0;
	for (int i = 0; i < graph->count; i++) {
		if (!is_named(graph, &graph->node[i], name))
			continue;
		graph->node[i].frozen = 1;
		rows++;
	}
	find_reached(graph);
	return rows;
}

void avl_graph_still(struct avl_graph *graph, const char *name)
{
	for (int i = 0; i < graph->count; i++)
		if (graph->node[i].op == &avl_op_batchnorm &&
		    is_named(graph, &graph->node[i], name))
			graph->node[i].still = 1;
}

void avl_graph_evaluate(struct avl_graph *graph, int on)
{
	graph->evaluates = on;
}

int avl_graph_ranges(const struct avl_graph *graph, struct avl_graph_range *ranges)
{
	int count = 0;
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (!node->op->packed || node->frozen)
			continue;
		size_t first;
		const size_t floats = trained_floats(node, &first);
		first += (size_t)(node->packed - graph->params);
		if (ranges)
			ranges[count] = (struct avl_graph_range){first, floats};
		count++;
	}
	return count;
}

struct avl_graph_parameters avl_graph_parameters(const struct avl_graph *graph)
{
	return (struct avl_graph_parameters){graph->params, graph->dparams, graph->param_floats};
}

static float *gradient_of(const struct avl_graph *graph, int node)
{
	if (!is_reached(graph, node) || graph->node[node].slot < 0)
		return NULL;
	return graph->gradients + graph->node[graph->node[node].slot].gradient;
}

void avl_graph_backward_begin(struct avl_graph *graph, const float *dout)
{
	const int last = graph->count - 1;
	const struct avl_map *const y = &graph->node[last].out;
	const struct avl_map to = avl_map_grad(y, gradient_of(graph, last));
	if (!graph->node[last].reached)
		return;
	if (to.layout == AVL_BLOCKED_BF16)
		avl_kern()->bf16.narrow(avl_map_bf16(&to), dout, avl_shape_floats(&y->shape));
	else
		memcpy(to.data, dout, avl_shape_floats(&y->shape) * sizeof(float));
}

struct gating {
	const struct avl_node *node;
	float *dout;
};

static void gate_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct gating *const g = argument;
	const struct avl_map *const y = &g->node->out;
	const struct avl_map dy = avl_map_grad(y, g->dout);
	const size_t n = (size_t)y->shape.h * (size_t)y->shape.w * AVL_BLOCK;
	const ptrdiff_t first = item * (ptrdiff_t)n;
	void *const dout = avl_map_at(&dy, first);
	if (y->layout == AVL_BLOCKED_BF16)
		avl_kern()->bf16.gate(dout, dout, avl_map_at(y, first), n, g->node->attr.lo,
				      g->node->attr.hi, 0);
	else
		avl_kern()->gate(dout, dout, avl_map_at(y, first), n, g->node->attr.lo,
				 g->node->attr.hi, 0);
}

/* Leaves of the gradient what passes the clamp that the node ends with, if it does. A clamp alone
 * and a batch norm see to that themselves. */
static void gate(const struct avl_graph *graph, const struct avl_node *node, float *dout)
{
	const int open = node->attr.lo == -INFINITY && node->attr.hi == INFINITY;
	const struct avl_shape *const out = &node->out.shape;
	if (!open && node->op != &avl_op_clamp && node->op != &avl_op_batchnorm)
		avl_par_for(graph->par, avl_blocks(out->c) * out->n, gate_item,
			    &(struct gating){node, dout});
}

void avl_node_backward(struct avl_graph *graph, int i)
{
	const struct avl_node *const node = &graph->node[i];
	float *const dout = gradient_of(graph, i);
	if (!dout)
		return;
	gate(graph, node, dout);
	const struct avl_op_run run = avl_node_run(graph, i);
	const int wanted = node->packed && !node->frozen;
	node->by->backward(
	    &run, &(struct avl_op_grad){
		      .dout = dout,
		      .din = {gradient_of(graph, node->in[0]), gradient_of(graph, node->in[1])},
		      .fresh = {node->fresh[0], node->fresh[1]},
		      .dpacked = wanted ? graph->dparams + (node->packed - graph->params) : NULL,
		      .scratch = graph->grad_scratch,
		  });
}

void avl_graph_backward(struct avl_graph *graph, const float *dout)
{
	assert(graph->train && !graph->evaluates);
	avl_graph_backward_begin(graph, dout);
	for (int i = graph->count - 1; i >= 0; i--)
		avl_node_backward(graph, i);
}

void avl_graph_move_statistics(struct avl_graph *graph, float momentum)
{
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (node->op != &avl_op_batchnorm || !node->saved || node->still)
			continue;
		const struct avl_op_run run = avl_node_run(graph, i);
		avl_batchnorm_update(&node->attr, &run.in[0].shape, node->saved, momentum,
				     node->packed);
	}
}
