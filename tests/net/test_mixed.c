/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "material.h"
#include "net/networks.h"
#include "net/node.h"
#include "net/rows.h"
#include "rows_naive.h"
#include "tests/kern/fenced.h"

/* Networks in training in bf16 against themselves in fp32, on weights and inputs at random. */

enum { RANGES_MAX = 128 };

struct trainee {
	struct avl_graph *graph;
	float *dout;
	struct avl_graph_range range[RANGES_MAX]; /* of the parameters */
	int ranges;
	struct avl_shape out;
	const float *y; /* of the last step */
};

static void open_trainee(struct trainee *t, const struct avl_network *net, struct avl_shape in,
			 const struct avl_safetensors *file, const char *prefix,
			 enum avl_precision precision, struct avl_par *par)
{
	struct avl_rng rng;
	struct avl_err err = {0};
	const struct avl_graph_options options = {
	    .in = in, .prefix = prefix, .precision = precision, .train = 1, .par = par};
	cr_assert_eq(avl_graph_new(&t->graph, net, &options, file, &err), 0, "%s", err.text);
	avl_rng_init(&rng, 91, 0);
	float *const x = avl_graph_input(t->graph);
	for (int i = 0; i < in.n * in.c * in.h * in.w; i++)
		x[i] = avl_rng_normal(&rng);
	t->out = avl_graph_output(t->graph);
	t->out.n = in.n;
	t->dout = calloc(avl_shape_floats(&t->out), sizeof *t->dout);
	t->ranges = avl_graph_ranges(t->graph, t->range);
	cr_assert_leq(t->ranges, RANGES_MAX);
}

static void close_trainee(struct trainee *t)
{
	avl_graph_free(t->graph);
	free(t->dout);
}

static double square(const float *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sum;
}

/* Each parameter goes a hundredth of its own length down. */
static void descend(struct trainee *t)
{
	const struct avl_graph_parameters all = avl_graph_parameters(t->graph);
	for (int i = 0; i < t->ranges; i++) {
		float *const value = all.value + t->range[i].first;
		const float *const gradient = all.gradient + t->range[i].first;
		const size_t n = t->range[i].count;
		const double rate = 0.01 * sqrt(square(value, n) / square(gradient, n));
		for (size_t k = 0; k < n; k++)
			value[k] -= (float)rate * gradient[k];
	}
}

/* The mean square of the output, and the gradients of the parameters. */
static double step(struct trainee *t)
{
	const struct avl_graph_parameters all = avl_graph_parameters(t->graph);
	const struct avl_map *const y = avl_graph_run(t->graph, t->graph->planned_n);
	const size_t n = avl_shape_floats(&t->out);
	cr_assert_eq(y->layout, AVL_BLOCKED);
	for (size_t i = 0; i < n; i++)
		t->dout[i] = 2 * y->data[i] / (float)n;
	t->y = y->data;
	memset(all.gradient, 0, all.count * sizeof *all.gradient);
	avl_graph_backward(t->graph, t->dout);
	return square(y->data, n) / (double)n;
}

static double cosine(const float *a, const float *b, size_t n)
{
	double aa = 0, ab = 0, bb = 0;
	for (size_t i = 0; i < n; i++) {
		aa += (double)a[i] * (double)a[i];
		ab += (double)a[i] * (double)b[i];
		bb += (double)b[i] * (double)b[i];
	}
	return ab / sqrt(aa * bb);
}

static int maps_in_bf16(const struct avl_graph *graph)
{
	int n = 0;
	for (int i = 0; i < graph->count; i++)
		n += graph->node[i].out.layout == AVL_BLOCKED_BF16;
	return n;
}

/* The same bits with three threads. */
static void check_threads(const struct avl_network *net, struct avl_shape in,
			  const struct avl_safetensors *file, const char *prefix,
			  const struct trainee *single)
{
	struct trainee t;
	struct avl_par *par;
	cr_assert_eq(avl_par_new(&par, 3, NULL), 0);
	open_trainee(&t, net, in, file, prefix, AVL_BF16, par);
	step(&t);
	const struct avl_graph_parameters a = avl_graph_parameters(t.graph);
	const struct avl_graph_parameters b = avl_graph_parameters(single->graph);
	cr_expect(same_bits(t.y, single->y, avl_shape_floats(&t.out)), "%s", net->name);
	cr_expect(same_bits(a.gradient, b.gradient, a.count), "%s", net->name);
	close_trainee(&t);
	avl_par_free(par);
}

/* COSINE_MIN: at least so near are the gradients of all parameters. */
static void check(const struct avl_network *net, struct avl_shape in, const char *prefix,
		  const struct avl_safetensors *file, double cosine_min)
{
	struct trainee wide, half;
	open_trainee(&wide, net, in, file, prefix, AVL_FP32, NULL);
	open_trainee(&half, net, in, file, prefix, AVL_BF16, NULL);
	cr_expect(maps_in_bf16(half.graph) > 4 && !maps_in_bf16(wide.graph), "%s: %d", net->name,
		  maps_in_bf16(half.graph));
	cr_expect_lt(avl_graph_bytes(half.graph), avl_graph_bytes(wide.graph), "%s", net->name);
	step(&wide);
	step(&half);
	const struct avl_graph_parameters a = avl_graph_parameters(wide.graph);
	const struct avl_graph_parameters b = avl_graph_parameters(half.graph);
	cr_assert_eq(a.count, b.count);
	const double near = cosine(wide.y, half.y, avl_shape_floats(&wide.out));
	const double turned = cosine(a.gradient, b.gradient, a.count);
	cr_expect_gt(near, 0.999, "%s at %s: %g", net->name, avl_kern()->level, near);
	cr_expect_gt(turned, cosine_min, "%s at %s: %g", net->name, avl_kern()->level, turned);
	for (int i = 0; i < wide.ranges; i++) {
		const size_t first = wide.range[i].first;
		const double one =
		    cosine(a.gradient + first, b.gradient + first, wide.range[i].count);
		cr_expect_gt(one, 2 * cosine_min - 1, "%s at %s, parameter %d: %g", net->name,
			     avl_kern()->level, i, one);
	}
	check_threads(net, in, file, prefix, &half);
	close_trainee(&wide);
	close_trainee(&half);
}

static struct avl_safetensors *model_of(const struct avl_network *net, int is_image)
{
	char arch[128], path[256];
	struct avl_safetensors *file;
	struct avl_err err = {0};
	snprintf(arch, sizeof arch, "%s+%s", is_image ? net->name : "efficientnet_lite0",
		 is_image ? "yamnet" : net->name);
	cr_assert_eq(material_model(arch, path, sizeof path), 0, "%s", arch);
	cr_assert_eq(avl_safetensors_open(&file, path, &err), 0, "%s", err.text);
	unlink(path);
	return file;
}

static void check_levels(const struct avl_network *net, struct avl_shape in, int is_image,
			 double cosine_min)
{
	struct avl_safetensors *const file = model_of(net, is_image);
	for (int k = 0; avl_kern_level(k); k++) {
		avl_kern_use(avl_kern_level(k), NULL);
		check(net, in, is_image ? "image." : "sound.", file, cosine_min);
	}
	avl_safetensors_close(file);
}

/* A residual network in small. */
static const struct avl_layer rows[] = {
    CONV("stem", 20, KERNEL(7), STRIDE(2), PAD(3)),
    BATCHNORM("stem_bn", NULL, .eps = 1e-3F),
    RELU(NULL),
    MAXPOOL(NULL, KERNEL(3), STRIDE(2), PAD(1)),
    CONV("a", 20, KERNEL(3), STRIDE(1), PAD(1)),
    BATCHNORM("a_bn", NULL, .eps = 1e-3F),
    ADD(2, NULL),
    RELU(NULL),
    CONV("b", 33, KERNEL(3), STRIDE(2), PAD(1), .bias = 1),
    RELU(NULL),
};

static const struct avl_network small = {
    .name = "small", .planar_channels = 3, .layers = rows, .count = sizeof rows / sizeof rows[0]};

/* The loss falls along the gradient as fast as its length says: steps of a hundredth of the
 * parameters' length drown what is rounded, and bend the slope by little. */
static void check_slope(struct trainee *t)
{
	const struct avl_graph_parameters all = avl_graph_parameters(t->graph);
	float *const value = calloc(all.count, sizeof *value);
	float *const gradient = calloc(all.count, sizeof *gradient);
	double loss[2];
	step(t);
	memcpy(value, all.value, all.count * sizeof *value);
	memcpy(gradient, all.gradient, all.count * sizeof *gradient);
	const double length = square(gradient, all.count);
	const double far = 0.01 * sqrt(square(value, all.count) / length);
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < all.count; i++)
			all.value[i] = value[i] + (float)(k ? -far : far) * gradient[i];
		loss[k] = step(t);
	}
	const double slope = (loss[0] - loss[1]) / (2 * far);
	cr_expect_float_eq(slope / length, 1, 0.03, "%s: slope %g, |g|^2 %g", avl_kern()->level,
			   slope, length);
	free(value);
	free(gradient);
}

Test(mixed, a_small_network_stays_near_fp32)
{
	struct avl_rng rng;
	struct parts parts;
	struct trainee t;
	const struct avl_shape in = {3, 3, 62, 66};
	avl_rng_init(&rng, 92, 0);
	rows_weights(&parts, &small, in, &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	for (int k = 0; avl_kern_level(k); k++) {
		avl_kern_use(avl_kern_level(k), NULL);
		check(&small, in, "net.", file, 0.998);
		open_trainee(&t, &small, in, file, "net.", AVL_BF16, NULL);
		check_slope(&t);
		close_trainee(&t);
	}
	avl_safetensors_close(file);
	parts_release(&parts);
}

Test(mixed, vgg16_stays_near_fp32)
{
	check_levels(&avl_net_vgg16, (struct avl_shape){2, 3, 64, 48}, 1, 0.99);
}

/* Batch norms of random maps make much of what is rounded on the way: torch's autocast turns the
 * gradients of ResNet-18 as far, to a cosine of 0.93 to 0.95. */
Test(mixed, resnet18_stays_near_fp32)
{
	check_levels(&avl_net_resnet18, (struct avl_shape){4, 3, 64, 48}, 1, 0.92);
}

Test(mixed, sound_networks_stay_near_fp32)
{
	check_levels(&avl_net_sound_resnet18, (struct avl_shape){4, 1, 64, 48}, 0, 0.9);
	check_levels(&avl_net_sound_resnet18_mean, (struct avl_shape){4, 1, 64, 48}, 0, 0.9);
}

/* What has no backward in bf16 stays in fp32, with all that is joined to it. */
Test(mixed, networks_of_depthwise_convolutions_train_in_fp32)
{
	struct trainee wide, half;
	const struct avl_shape in = {2, 3, 48, 40};
	struct avl_safetensors *const file = model_of(&avl_net_efficientnet_lite0, 1);
	open_trainee(&wide, &avl_net_efficientnet_lite0, in, file, "image.", AVL_FP32, NULL);
	open_trainee(&half, &avl_net_efficientnet_lite0, in, file, "image.", AVL_BF16, NULL);
	step(&wide);
	step(&half);
	const struct avl_graph_parameters a = avl_graph_parameters(wide.graph);
	const struct avl_graph_parameters b = avl_graph_parameters(half.graph);
	cr_expect_eq(maps_in_bf16(half.graph), 0);
	cr_expect(same_bits(a.gradient, b.gradient, a.count));
	close_trainee(&wide);
	close_trainee(&half);
	avl_safetensors_close(file);
}

/* Steps down go the same way; what is rounded in one is there in the next. */
Test(mixed, losses_of_some_steps_are_those_of_fp32)
{
	struct trainee wide, half;
	const struct avl_shape in = {4, 3, 64, 64};
	struct avl_safetensors *const file = model_of(&avl_net_resnet18, 1);
	open_trainee(&wide, &avl_net_resnet18, in, file, "image.", AVL_FP32, NULL);
	open_trainee(&half, &avl_net_resnet18, in, file, "image.", AVL_BF16, NULL);
	double first = 0, a = 0, b = 0;
	for (int i = 1; i <= 4; i++) {
		a = step(&wide);
		b = step(&half);
		descend(&wide);
		descend(&half);
		first = i == 1 ? a : first;
		cr_expect_leq(fabs(a - b), (i == 1 ? 0.02 : 0.05) * fabs(a), "step %d: %g and %g",
			      i, a, b);
	}
	cr_expect_lt(a, first - 0.5 * fabs(first));
	close_trainee(&wide);
	close_trainee(&half);
	avl_safetensors_close(file);
}

/* A reshape chooses anew what is convolved how, and finds the parameters where they were. */
Test(mixed, a_reshaped_graph_gives_the_same_as_a_new_one)
{
	struct trainee once, again;
	const struct avl_shape other = {1, 3, 40, 40}, in = {4, 3, 64, 64};
	struct avl_safetensors *const file = model_of(&avl_net_resnet18, 1);
	open_trainee(&once, &avl_net_resnet18, in, file, "image.", AVL_BF16, NULL);
	open_trainee(&again, &avl_net_resnet18, other, file, "image.", AVL_BF16, NULL);
	cr_assert_eq(avl_graph_reshape(again.graph, &in, NULL), 0);
	memcpy(avl_graph_input(again.graph), avl_graph_input(once.graph),
	       (size_t)(in.n * in.c * in.h * in.w) * sizeof(float));
	free(again.dout);
	again.out = once.out;
	again.dout = calloc(avl_shape_floats(&once.out), sizeof *again.dout);
	step(&once);
	step(&again);
	const struct avl_graph_parameters a = avl_graph_parameters(once.graph);
	const struct avl_graph_parameters b = avl_graph_parameters(again.graph);
	cr_expect(same_bits(a.gradient, b.gradient, a.count));
	close_trainee(&once);
	close_trainee(&again);
	avl_safetensors_close(file);
}
