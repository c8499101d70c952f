/* SPDX-License-Identifier: MIT */
#include "net/graph.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/node.h"
#include "ops/bf16.h"
#include "ops/winograd.h"

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static struct avl_shape shape_of(const struct avl_graph *graph, int node)
{
	return node == AVL_NODE_INPUT ? graph->in : graph->node[node].out.shape;
}

static int plan_shapes(struct avl_graph *graph, struct avl_err *err)
{
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		for (int k = 0; k < 2 && node->in[k] != AVL_NODE_NONE; k++) {
			/* nothing else can read planar pictures */
			assert(
			    node->in[k] != AVL_NODE_INPUT ||
			    (k == 0 && (node->op == &avl_op_conv || node->op == &avl_op_convpool)));
			node->in_shape[k] = shape_of(graph, node->in[k]);
		}
		const int code =
		    node->op->shape(&node->attr, node->in_shape, &node->out.shape, err);
		if (code)
			return code;
		if (!graph->train && !graph->params && node->op == &avl_op_conv && !graph->direct)
			node->attr.winograd = avl_winograd_fits(&node->attr, node->in_shape);
		if (graph->train && !graph->direct && node->op == &avl_op_conv) {
			node->attr.winograd = avl_winograd_trains(&node->attr, node->in_shape);
			node->attr.plain = 1;
		}
	}
	return 0;
}

static void plan_sizes(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (node->by->packed)
			graph->param_floats += node->by->packed(&node->attr, node->in_shape);
		graph->scratch_floats = larger(graph->scratch_floats,
					       avl_op_scratch(node->by, &node->attr, node->in_shape,
							      avl_par_threads(graph->par)));
	}
}

static void find_last_uses(struct avl_graph *graph)
{
	for (int i = 0; i < graph->count; i++) {
		graph->node[i].last_use = graph->keep ? graph->count : i;
		for (int k = 0; k < 2; k++)
			if (graph->node[i].in[k] >= 0 && !graph->keep)
				graph->node[graph->node[i].in[k]].last_use = i;
	}
	graph->node[graph->count - 1].last_use = graph->count;
}

/* The lowest place that no output alive while node I runs takes up. */
static size_t place(const struct avl_graph *graph, int i)
{
	const size_t size = avl_map_floats(&graph->node[i].out);
	size_t at = 0;
	for (int moved = 1; moved;) {
		moved = 0;
		for (int k = 0; k < i; k++) {
			const struct avl_node *const other = &graph->node[k];
			const size_t end = other->offset + avl_map_floats(&other->out);
			if (other->last_use < i || at >= end || at + size <= other->offset)
				continue;
			at = end;
			moved = 1;
		}
	}
	return at;
}

/* Behind all maps the last one's copy in fp32, if it is in bf16. */
static void plan_output(struct avl_graph *graph)
{
	const struct avl_map *const last = &graph->node[graph->count - 1].out;
	graph->widens = last->layout == AVL_BLOCKED_BF16;
	if (!graph->widens)
		return;
	graph->output = (struct avl_map){last->shape, AVL_BLOCKED, NULL};
	graph->output_offset = graph->activation_floats;
	graph->activation_floats += avl_map_floats(&graph->output);
}

static void plan_memory(struct avl_graph *graph)
{
	find_last_uses(graph);
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		node->offset = place(graph, i);
		const size_t end = node->offset + avl_map_floats(&node->out);
		if (end > graph->activation_floats)
			graph->activation_floats = end;
	}
	plan_output(graph);
}

struct loading {
	const struct avl_graph *graph;
	const char *prefix;
	const struct avl_safetensors *file;
	struct avl_err *err;      /* a node each */
	struct avl_arena *memory; /* a thread each */
};

/* The large layers lie at a network's end and come first, so that no thread is left alone with
 * one. */
static void load_item(void *argument, int item, int thread)
{
	const struct loading *const loading = argument;
	const int i = loading->graph->count - 1 - item;
	const struct avl_node *const node = &loading->graph->node[i];
	if (node->by->packed && !node->attr.late)
		avl_node_load(node, loading->prefix, loading->file, &loading->memory[thread],
			      &loading->err[i]);
}

/* The first node that fails is reported, whatever the threads. */
static int load(struct avl_graph *graph, const char *prefix, const struct avl_safetensors *file,
		struct avl_err *err)
{
	const int threads = avl_par_threads(graph->par);
	struct avl_err *const errs = calloc((size_t)graph->count, sizeof *errs);
	struct avl_arena *const memory = calloc((size_t)threads, sizeof *memory);
	int code = errs && memory ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < threads && !code; i++)
		avl_arena_init(&memory[i], 0);
	if (!code)
		avl_par_for(graph->par, graph->count, load_item,
			    &(struct loading){graph, prefix, file, errs, memory});
	for (int i = 0; i < graph->count && !code; i++)
		if (graph->node[i].attr.late)
			avl_node_load_late(graph, i, file, &errs[i]);
	for (int i = 0; i < graph->count && !code; i++)
		if (errs[i].code)
			code = avl_fail(err, errs[i].code, "%s", errs[i].text);
	for (int i = 0; memory && i < threads; i++)
		avl_arena_release(&memory[i]);
	free(memory);
	free(errs);
	return code;
}

static int place_parameters(struct avl_graph *graph, const char *prefix,
			    const struct avl_safetensors *file, struct avl_err *err)
{
	float *params = graph->params;
	for (int i = 0; i < graph->count; i++) {
		struct avl_node *const node = &graph->node[i];
		node->packed = node->by->packed ? params : NULL;
		if (node->packed)
			params += node->by->packed(&node->attr, node->in_shape);
	}
	if (file)
		return load(graph, prefix, file, err);
	memset(graph->params, 0, graph->param_floats * sizeof(float));
	return 0;
}

/* Shapes, places and memory of everything but the parameters, for the input graph->in. LATE: the
 * file, by the options. */
static int plan(struct avl_graph *graph, const struct avl_safetensors *late, struct avl_err *err)
{
	graph->param_floats = graph->activation_floats = graph->scratch_floats = 0;
	const int code = plan_shapes(graph, err);
	if (code)
		return code;
	if (!graph->params || graph->train)
		avl_graph_plan_precision(graph);
	if (!graph->params && late)
		avl_graph_choose_late(graph, late);
	plan_sizes(graph);
	plan_memory(graph);
	const size_t floats = graph->activation_floats + graph->scratch_floats;
	if (floats > AVL_GRAPH_FLOATS_MAX)
		return avl_fail(err, AVL_ELIMIT, "an input of %d x %d x %d x %d needs %zu MiB",
				graph->in.n, graph->in.c, graph->in.h, graph->in.w,
				floats / (1024 * 1024 / sizeof(float)));
	graph->input = avl_alloc((size_t)graph->in.n * (size_t)graph->in.c * (size_t)graph->in.h,
				 (size_t)graph->in.w * sizeof(float));
	graph->activations = avl_alloc(graph->activation_floats, sizeof(float));
	graph->scratch = avl_alloc(graph->scratch_floats, sizeof(float));
	if (!graph->input || !graph->activations || !graph->scratch)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < graph->count; i++)
		graph->node[i].out.data = graph->activations + graph->node[i].offset;
	graph->output.data = graph->activations + graph->output_offset;
	graph->planned_n = graph->in.n;
	return graph->train ? avl_graph_plan_backward(graph, err) : 0;
}

static void free_plan(struct avl_graph *graph)
{
	free(graph->input);
	free(graph->activations);
	free(graph->scratch);
	free(graph->saved);
	free(graph->gradients);
	free(graph->grad_scratch);
	graph->input = graph->activations = graph->scratch = NULL;
	graph->saved = graph->gradients = graph->grad_scratch = NULL;
	graph->planned_n = 0;
}

int avl_graph_new(struct avl_graph **out, const struct avl_network *net,
		  const struct avl_graph_options *options, const struct avl_safetensors *file,
		  struct avl_err *err)
{
	int code = AVL_ENOMEM;
	struct avl_graph *const graph = calloc(1, sizeof *graph);
	if (!graph)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	graph->in = options->in;
	graph->train = options->train;
	graph->keep = options->keep || options->train;
	graph->direct = options->direct;
	graph->stored = options->stored;
	graph->precision = options->precision;
	graph->par = options->par;
	snprintf(graph->prefix, sizeof graph->prefix, "%s", options->prefix);
	graph->node = calloc((size_t)net->count, sizeof *graph->node);
	if (!graph->node)
		goto memory;
	graph->count = avl_node_fuse(net,
				     graph->train                   ? AVL_FUSE_TRAINING
				     : graph->precision == AVL_BF16 ? AVL_FUSE_ROWS
								    : AVL_FUSE_CHAINS,
				     graph->node);
	avl_arena_init(&graph->fetched, 0);
	code = plan(graph, options->late ? file : NULL, err);
	if (code)
		goto fail;
	graph->params = avl_alloc(graph->param_floats, sizeof(float));
	if (graph->train)
		graph->dparams = avl_alloc(graph->param_floats, sizeof(float));
	if (!graph->params || (graph->train && !graph->dparams))
		goto memory;
	if (graph->train)
		memset(graph->dparams, 0, graph->param_floats * sizeof(float));
	code = place_parameters(graph, options->prefix, file, err);
	if (code)
		goto fail;
	*out = graph;
	return 0;
memory:
	code = avl_fail(err, AVL_ENOMEM, "out of memory");
fail:
	avl_graph_free(graph);
	return code;
}

int avl_graph_reshape(struct avl_graph *graph, const struct avl_shape *in, struct avl_err *err)
{
	assert(in->c == graph->in.c);
	if (in->n == graph->planned_n && in->h == graph->in.h && in->w == graph->in.w)
		return 0;
	free_plan(graph);
	graph->in = *in;
	return plan(graph, NULL, err);
}

void avl_graph_free(struct avl_graph *graph)
{
	if (!graph)
		return;
	free_plan(graph);
	free(graph->params);
	free(graph->late_params);
	free(graph->dparams);
	avl_arena_release(&graph->fetched);
	for (int i = 0; graph->node && i < graph->count; i++)
		free(graph->node[i].sums);
	free(graph->node);
	free(graph);
}

float *avl_graph_input(struct avl_graph *graph)
{
	return graph->input;
}

static struct avl_map map_of(const struct avl_graph *graph, int node)
{
	if (node == AVL_NODE_INPUT)
		return (struct avl_map){graph->in, AVL_PLANAR, graph->input};
	return node >= 0 ? graph->node[node].out : (struct avl_map){0};
}

struct avl_op_run avl_node_run(const struct avl_graph *graph, int i)
{
	const struct avl_node *const node = &graph->node[i];
	return (struct avl_op_run){
	    .attr = &node->attr,
	    .in = {map_of(graph, node->in[0]), map_of(graph, node->in[1])},
	    .out = node->out,
	    .packed = node->packed,
	    .raw = &node->raw,
	    .scratch = graph->scratch,
	    .saved = graph->evaluates || node->still ? NULL : node->saved,
	    .par = graph->par,
	};
}

void avl_node_forward(struct avl_graph *graph, int i)
{
	graph->node[i].out.shape.n = graph->in.n;
	const struct avl_op_run run = avl_node_run(graph, i);
	graph->node[i].by->forward(&run);
}

const struct avl_map *avl_graph_run(struct avl_graph *graph, int n)
{
	assert(n >= 1 && n <= graph->planned_n);
	graph->in.n = n;
	if (graph->late && graph->has_run)
		avl_graph_settle(graph);
	graph->has_run = 1;
	for (int i = 0; i < graph->count; i++)
		avl_node_forward(graph, i);
	const struct avl_map *const last = &graph->node[graph->count - 1].out;
	if (!graph->widens)
		return last;
	graph->output.shape = last->shape;
	avl_kern()->bf16.widen(graph->output.data, avl_map_bf16(last),
			       avl_shape_floats(&last->shape));
	return &graph->output;
}

struct avl_shape avl_graph_output(const struct avl_graph *graph)
{
	struct avl_shape shape = graph->node[graph->count - 1].out.shape;
	shape.n = 1;
	return shape;
}

const struct avl_map *avl_graph_find(const struct avl_graph *graph, const char *name)
{
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		if (node->last_use == graph->count && node->name && !strcmp(node->name, name))
			return &node->out;
	}
	return NULL;
}

size_t avl_graph_bytes(const struct avl_graph *graph)
{
	size_t floats = graph->activation_floats + graph->param_floats;
	if (graph->train)
		floats += graph->param_floats + graph->gradient_floats + graph->saved_floats +
			  graph->grad_scratch_floats;
	return floats * sizeof(float);
}
