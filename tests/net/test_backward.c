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

static void check(const struct avl_network *net, struct avl_shape in)
{
	struct avl_rng rng;
	struct avl_err err = {0};
	struct parts parts;
	struct chain chain;
	avl_rng_init(&rng, 77, 0);
	rows_weights(&parts, net, in, &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	const struct avl_graph_options options = {.in = in, .prefix = "net.", .train = 1};
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
	check(&networks[0], (struct avl_shape){3, 3, 30, 34});
}

Test(backward, mobile_network)
{
	check(&networks[1], (struct avl_shape){2, 1, 31, 26});
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
