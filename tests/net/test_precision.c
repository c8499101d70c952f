/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "material.h"
#include "net/networks.h"
#include "tests/kern/fenced.h"

/* The networks in bf16 against themselves in fp32, on weights and inputs at random. What the first
 * of the 50 layers of EfficientNet-Lite0 round grows through ReLU6 and depthwise layers: 0.09 was
 * seen, 0.01 at most for the others. */
static double tolerance(const struct avl_network *net)
{
	return net == &avl_net_efficientnet_lite0 ? 0.15 : 0.02;
}

static struct avl_graph *graph_of(const struct avl_network *net, struct avl_shape in,
				  const char *prefix, const struct avl_safetensors *file,
				  enum avl_precision precision, struct avl_par *par)
{
	struct avl_graph *graph;
	struct avl_err err = {0};
	const struct avl_graph_options options = {
	    .in = in, .prefix = prefix, .precision = precision, .par = par};
	cr_assert_eq(avl_graph_new(&graph, net, &options, file, &err), 0, "%s", err.text);
	return graph;
}

static const struct avl_map *run(struct avl_graph *graph, const float *x, size_t n)
{
	memcpy(avl_graph_input(graph), x, n * sizeof *x);
	return avl_graph_run(graph, 1);
}

/* The root of the mean square of the difference, relative to that of A. */
static double difference(const struct avl_map *a, const struct avl_map *b)
{
	double sum = 0, of_a = 0;
	for (size_t i = 0; i < avl_shape_floats(&a->shape); i++) {
		const double d = (double)a->data[i] - (double)b->data[i];
		sum += d * d;
		of_a += (double)a->data[i] * (double)a->data[i];
	}
	return sqrt(sum / of_a);
}

static void check(const struct avl_network *net, struct avl_shape in, const char *prefix,
		  const struct avl_safetensors *file)
{
	struct avl_par *par;
	struct avl_rng rng;
	const size_t n = (size_t)in.c * (size_t)in.h * (size_t)in.w;
	avl_rng_init(&rng, 81, n);
	float *const x = random_floats(&rng, n);
	struct avl_graph *const wide = graph_of(net, in, prefix, file, AVL_FP32, NULL);
	struct avl_graph *const graph = graph_of(net, in, prefix, file, AVL_BF16, NULL);
	const struct avl_map *const reference = run(wide, x, n);
	const struct avl_map *const map = run(graph, x, n);
	const double d = difference(reference, map);
	cr_expect_eq(map->layout, AVL_BLOCKED, "%s", net->name);
	cr_expect_leq(d, tolerance(net), "%s at %s: %g", net->name, avl_kern()->level, d);
	cr_expect_geq(d, 1e-6, "%s at %s: nothing was rounded", net->name, avl_kern()->level);
	for (int threads = 2; threads <= 3; threads++) {
		cr_assert_eq(avl_par_new(&par, threads, NULL), 0);
		struct avl_graph *const team = graph_of(net, in, prefix, file, AVL_BF16, par);
		cr_expect(
		    same_bits(run(team, x, n)->data, map->data, avl_shape_floats(&map->shape)),
		    "%s: other bits with %d threads", net->name, threads);
		avl_graph_free(team);
		avl_par_free(par);
	}
	avl_graph_free(wide);
	avl_graph_free(graph);
	free(x);
}

/* Small inputs: a portable level multiplies them too. */
static struct avl_shape shape_for(const struct avl_network *net)
{
	if (net == &avl_net_soundnet)
		return (struct avl_shape){1, 1, 1, 220500};
	if (net == &avl_net_yamnet)
		return (struct avl_shape){1, 1, 96, 64};
	return (struct avl_shape){1, net->planar_channels, 96, 72};
}

static void check_stream(enum avl_stream stream)
{
	for (int i = 0; avl_network_at(stream, i); i++) {
		const struct avl_network *const net = avl_network_at(stream, i);
		const int is_image = stream == AVL_STREAM_IMAGE;
		char arch[128], path[256];
		struct avl_safetensors *file;
		struct avl_err err = {0};
		snprintf(arch, sizeof arch, "%s+%s", is_image ? net->name : "efficientnet_lite0",
			 is_image ? "yamnet" : net->name);
		cr_assert_eq(material_model(arch, path, sizeof path), 0, "%s", arch);
		cr_assert_eq(avl_safetensors_open(&file, path, &err), 0, "%s", err.text);
		unlink(path);
		for (int k = 0; avl_kern_level(k); k++) {
			avl_kern_use(avl_kern_level(k), NULL);
			check(net, shape_for(net), is_image ? "image." : "sound.", file);
		}
		avl_safetensors_close(file);
	}
}

Test(precision, image_networks_in_bf16_stay_near_fp32)
{
	check_stream(AVL_STREAM_IMAGE);
}

Test(precision, sound_networks_in_bf16_stay_near_fp32)
{
	check_stream(AVL_STREAM_SOUND);
}
