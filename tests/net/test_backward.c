/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "files.h"
#include "net/node.h"
#include "net/rows.h"
#include "rows_naive.h"

/* Whole networks backward: with L = sum r y, the slope of L along the gradient g of one layer's
 * parameters must be |g|^2. Each op's gradient is held to its own forward in tests/ops; this is
 * about how the graph chains them. */

struct chain {
	struct avl_graph *graph;
	float *r;
	size_t floats; /* of the output */
};

static double loss(const struct chain *chain)
{
	const struct avl_map *const y = avl_graph_run(chain->graph, chain->graph->planned_n);
	double sum = 0;
	for (size_t i = 0; i < chain->floats; i++)
		sum += (double)chain->r[i] * (double)y->data[i];
	return sum;
}

static double slope_along(const struct chain *chain, float *value, const float *gradient, size_t n,
			  double step)
{
	float *const kept = malloc(n * sizeof *kept);
	memcpy(kept, value, n * sizeof *kept);
	for (size_t i = 0; i < n; i++)
		value[i] = (float)((double)kept[i] + step * (double)gradient[i]);
	const double above = loss(chain);
	for (size_t i = 0; i < n; i++)
		value[i] = (float)((double)kept[i] - step * (double)gradient[i]);
	const double below = loss(chain);
	memcpy(value, kept, n * sizeof *kept);
	free(kept);
	return (above - below) / (2 * step);
}

static double square(const float *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sum;
}

/* A step of a ten thousandth of the parameters' own length crosses few kinks of ReLU; 2 % covers
 * them and the curvature. */
static void check_layers(const struct chain *chain)
{
	const struct avl_graph_parameters all = avl_graph_parameters(chain->graph);
	int checked = 0;
	for (int i = 0; i < chain->graph->count; i++) {
		const struct avl_node *const node = &chain->graph->node[i];
		if (!node->packed)
			continue;
		const size_t n = node->op->packed(&node->attr, node->in_shape);
		const float *const gradient = all.gradient + (node->packed - all.value);
		const double expected = square(gradient, n);
		if (expected < 1e-12)
			continue;
		const double step = 1e-4 * sqrt(square(node->packed, n) / expected);
		const double slope = slope_along(chain, node->packed, gradient, n, step);
		cr_assert(fabs(slope - expected) <= 0.02 * expected, "%s (%s): slope %g, |g|^2 %g",
			  node->param, node->op->name, slope, expected);
		checked++;
	}
	cr_assert_gt(checked, 3);
}

static void check(const struct avl_network *net, struct avl_shape in, int stored)
{
	struct avl_rng rng;
	struct avl_err err = {0};
	struct parts parts;
	struct chain chain;
	avl_rng_init(&rng, 77, 0);
	rows_weights(&parts, net, in, &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	const struct avl_graph_options options = {
	    .in = in, .prefix = "net.", .train = 1, .stored = stored};
	cr_assert_eq(avl_graph_new(&chain.graph, net, &options, file, &err), 0, "%s", err.text);
	avl_safetensors_close(file);
	parts_release(&parts);
	float *const x = avl_graph_input(chain.graph);
	for (int i = 0; i < in.n * in.c * in.h * in.w; i++)
		x[i] = avl_rng_normal(&rng);
	const struct avl_map *const y = avl_graph_run(chain.graph, in.n);
	chain.floats = avl_shape_floats(&y->shape);
	chain.r = calloc(chain.floats, sizeof *chain.r);
	for (int c = 0; c < y->shape.c; c++)
		for (int p = 0; p < y->shape.n * y->shape.h * y->shape.w; p++)
			chain.r[c / AVL_BLOCK * avl_block_stride(&y->shape) + p * AVL_BLOCK +
				c % AVL_BLOCK] = avl_rng_normal(&rng);
	avl_graph_backward(chain.graph, chain.r);
	check_layers(&chain);
	avl_graph_free(chain.graph);
	free(chain.r);
}

/* A residual network in small: stem, a plain block, a block that changes size, as ResNet-18's. */
static const struct avl_layer residual[] = {
    CONV("stem", 20, KERNEL(7), STRIDE(2), PAD(3)),
    BATCHNORM("stem_bn", NULL, .eps = 1e-3F),
    RELU(NULL),
    MAXPOOL(NULL, KERNEL(3), STRIDE(2), PAD(1)),
    CONV("a1", 20, KERNEL(3), STRIDE(1), PAD(1)),
    BATCHNORM("a1_bn", NULL, .eps = 1e-3F),
    RELU(NULL),
    CONV("a2", 20, KERNEL(3), STRIDE(1), PAD(1)),
    BATCHNORM("a2_bn", NULL, .eps = 1e-3F),
    ADD(5, NULL),
    RELU(NULL),
    CONV("b1", 33, KERNEL(3), STRIDE(2), PAD(1), .bias = 1),
    RELU(NULL),
    {.op = &avl_op_conv,
     .param = "skip",
     .attr = {.out = 33, KERNEL(1), STRIDE(2), PAD(0)},
     .back = 2},
    ADD(1, NULL),
    RELU6(NULL),
    MEAN(NULL),
};

/* Depthwise convolutions with TensorFlow's padding, as in EfficientNet-Lite0 and YAMNet. */
static const struct avl_layer mobile[] = {
    CONV("stem", 18, KERNEL(3), STRIDE(2), SAME),
    BATCHNORM("stem_bn", NULL, .eps = 1e-3F),
    RELU6(NULL),
    DEPTHWISE("deep1", 18, KERNEL(3), STRIDE(1), SAME),
    BATCHNORM("deep1_bn", NULL, .eps = 1e-3F, .no_scale = 1),
    RELU(NULL),
    CONV("point1", 40, KERNEL(1), STRIDE(1), SAME),
    BATCHNORM("point1_bn", NULL, .eps = 1e-3F),
    RELU(NULL),
    DEPTHWISE("deep2", 40, KERNEL(5), STRIDE(2), SAME),
    CONV("point2", 17, KERNEL(1), STRIDE(1), SAME, .bias = 1),
};

#define NETWORK(rows, planes)                                                                      \
	{                                                                                          \
		.name = #rows, .planar_channels = (planes), .layers = (rows),                      \
		.count = sizeof(rows) / sizeof(rows)[0]                                            \
	}

static const struct avl_network networks[] = {NETWORK(residual, 3), NETWORK(mobile, 1)};

Test(backward, residual_network)
{
	check(&networks[0], (struct avl_shape){3, 3, 30, 34}, 0);
}

Test(backward, mobile_network)
{
	check(&networks[1], (struct avl_shape){2, 1, 31, 26}, 0);
}

Test(backward, stored_statistics)
{
	check(&networks[0], (struct avl_shape){3, 3, 30, 34}, 1);
	check(&networks[1], (struct avl_shape){2, 1, 31, 26}, 1);
}

/* A graph of networks[I] after one run on noise, the same every time. */
static struct avl_graph *trained(int i, int stored, struct parts *parts)
{
	static const struct avl_shape in[] = {{3, 3, 30, 34}, {2, 1, 31, 26}};
	struct avl_rng rng;
	struct avl_graph *graph;
	avl_rng_init(&rng, 79, (uint64_t)i);
	rows_weights(parts, &networks[i], in[i], &rng);
	struct avl_safetensors *const file = parts_open(parts);
	const struct avl_graph_options options = {
	    .in = in[i], .prefix = "net.", .train = 1, .stored = stored};
	cr_assert_eq(avl_graph_new(&graph, &networks[i], &options, file, NULL), 0);
	avl_safetensors_close(file);
	for (int k = 0; k < in[i].n * in[i].c * in[i].h * in[i].w; k++)
		avl_graph_input(graph)[k] = avl_rng_normal(&rng);
	avl_graph_run(graph, in[i].n);
	return graph;
}

static void step_back(struct avl_graph *graph)
{
	const struct avl_shape one = avl_graph_output(graph);
	const struct avl_shape all = {graph->in.n, one.c, one.h, one.w};
	float *const dout = calloc(avl_shape_floats(&all), sizeof *dout);
	for (size_t i = 0; i < avl_shape_floats(&all); i += AVL_BLOCK)
		dout[i] = i % 3 ? 1 : -0.5F;
	avl_graph_backward(graph, dout);
	free(dout);
}

static int in_ranges(const struct avl_graph *graph, size_t at)
{
	struct avl_graph_range range[64];
	const int n = avl_graph_ranges(graph, range);
	for (int i = 0; i < n; i++)
		if (at >= range[i].first && at < range[i].first + range[i].count)
			return 1;
	return 0;
}

Test(backward, frozen_rows_get_no_gradient_and_the_others_the_same)
{
	struct parts parts;
	struct avl_graph *const free_graph = trained(0, 0, &parts);
	parts_release(&parts);
	struct avl_graph *const frozen = trained(0, 0, &parts);
	parts_release(&parts);
	cr_assert_eq(avl_graph_freeze(frozen, "net.nothing"), 0);
	cr_assert_eq(avl_graph_freeze(frozen, "net.stem"), 2);
	cr_assert_eq(avl_graph_freeze(frozen, "net.a2"), 2);
	step_back(free_graph);
	step_back(frozen);
	const struct avl_graph_parameters a = avl_graph_parameters(free_graph);
	const struct avl_graph_parameters b = avl_graph_parameters(frozen);
	size_t still = 0, moved = 0;
	for (size_t i = 0; i < a.count; i++)
		if (in_ranges(frozen, i)) {
			cr_assert(a.gradient[i] == b.gradient[i]);
			moved += b.gradient[i] != 0;
		} else {
			cr_assert(b.gradient[i] == 0);
			still += a.gradient[i] != 0;
		}
	cr_assert(still > 1000 && moved > 1000);
	cr_assert_eq(avl_graph_freeze(frozen, ""), 8);
	memset(b.gradient, 0, b.count * sizeof *b.gradient);
	step_back(frozen);
	for (size_t i = 0; i < b.count; i++)
		cr_assert(b.gradient[i] == 0);
	cr_assert_eq(avl_graph_ranges(frozen, NULL), 0);
	avl_graph_free(free_graph);
	avl_graph_free(frozen);
}

Test(backward, stored_statistics_stay)
{
	struct parts parts;
	struct avl_graph *const graph = trained(1, 1, &parts);
	const struct avl_graph_parameters all = avl_graph_parameters(graph);
	float *const before = malloc(all.count * sizeof *before);
	memcpy(before, all.value, all.count * sizeof *before);
	avl_graph_move_statistics(graph, 0.1F);
	cr_assert_eq(memcmp(before, all.value, all.count * sizeof *before), 0);
	free(before);
	avl_graph_free(graph);
	parts_release(&parts);
}

/* Every tensor as the file had it, by name; and back again. */
Test(backward, tensors_are_those_of_the_checkpoint)
{
	for (int i = 0; i < 2; i++) {
		struct parts parts;
		struct avl_graph_tensor tensor[64];
		size_t floats;
		struct avl_graph *const graph = trained(i, 0, &parts);
		const struct avl_graph_parameters all = avl_graph_parameters(graph);
		const int n = avl_graph_tensors(graph, NULL, NULL);
		cr_assert_eq(n, parts.n);
		cr_assert_eq(avl_graph_tensors(graph, tensor, &floats), n);
		float *const flat = malloc(floats * sizeof *flat);
		avl_graph_unpack(graph, all.value, flat);
		for (int k = 0; k < n; k++) {
			const struct avl_safetensor *const part =
			    parts_find(&parts, tensor[k].name);
			cr_assert_eq(avl_tensor_count(&part->tensor), tensor[k].count);
			cr_assert_eq(part->tensor.ndim, tensor[k].ndim);
			for (int d = 0; d < tensor[k].ndim; d++)
				cr_assert_eq(part->tensor.dim[d], tensor[k].dim[d]);
			cr_assert_eq(memcmp(flat + tensor[k].first, part->tensor.data,
					    tensor[k].count * sizeof *flat),
				     0, "%s", tensor[k].name);
			cr_assert_eq(tensor[k].statistic,
				     strstr(tensor[k].name, ".running_") != NULL);
		}
		float *const packed = calloc(all.count, sizeof *packed);
		avl_graph_pack(graph, flat, packed);
		cr_assert_eq(memcmp(packed, all.value, all.count * sizeof *packed), 0);
		free(packed);
		free(flat);
		avl_graph_free(graph);
		parts_release(&parts);
	}
}

Test(backward, statistics_move_only_when_asked)
{
	static const struct avl_shape in = {2, 1, 16, 16};
	struct avl_rng rng;
	struct parts parts;
	struct avl_graph *graph;
	avl_rng_init(&rng, 78, 0);
	rows_weights(&parts, &networks[1], in, &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	const struct avl_graph_options options = {.in = in, .prefix = "net.", .train = 1};
	cr_assert_eq(avl_graph_new(&graph, &networks[1], &options, file, NULL), 0);
	const struct avl_graph_parameters all = avl_graph_parameters(graph);
	float *const before = malloc(all.count * sizeof *before);
	memcpy(before, all.value, all.count * sizeof *before);
	for (int i = 0; i < in.n * in.h * in.w; i++)
		avl_graph_input(graph)[i] = avl_rng_normal(&rng);
	avl_graph_run(graph, in.n);
	cr_assert_eq(memcmp(before, all.value, all.count * sizeof *before), 0);
	avl_graph_move_statistics(graph, 0.1F);
	cr_assert_neq(memcmp(before, all.value, all.count * sizeof *before), 0);
	free(before);
	avl_graph_free(graph);
	avl_safetensors_close(file);
	parts_release(&parts);
}
