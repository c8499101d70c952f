/* SPDX-License-Identifier: MIT */
#include "net/networks.h"

#include <string.h>

#include "files.h"
#include "scene.h"

Test(networks, are_found_by_name)
{
	cr_expect_eq(avl_network_find("efficientnet_lite0"), &avl_net_efficientnet_lite0);
	cr_expect_eq(avl_network_find("yamnet"), &avl_net_yamnet);
	cr_expect_null(avl_network_find("yamnet2"));
	cr_expect_null(avl_network_find(""));
}

static struct avl_graph *graph_of(const struct avl_network *net, const char *prefix,
				  struct avl_shape in, struct avl_par *par)
{
	struct avl_graph *graph;
	struct avl_err err = {0};
	struct avl_safetensors *const file = default_open();
	const struct avl_graph_options options = {
	    .in = in, .prefix = prefix, .keep = 1, .par = par};
	cr_assert_eq(avl_graph_new(&graph, net, &options, file, &err), 0, "%s", err.text);
	avl_safetensors_close(file);
	return graph;
}

/* Runs ONE and TWO on the same input X and holds all layers of FILE whose name begins with PREFIX
 * against ONE, and ONE against TWO. Returns how many layers that were. */
static int check_layers(struct avl_graph *one, struct avl_graph *two, const float *x, size_t n,
			const char *file, const char *prefix)
{
	memcpy(avl_graph_input(one), x, n * sizeof *x);
	memcpy(avl_graph_input(two), x, n * sizeof *x);
	avl_graph_run(one, 1);
	avl_graph_run(two, 1);
	FILE *const goldens = golden_open(file);
	cr_assert_not_null(goldens);
	struct golden *const golden = malloc(sizeof *golden);
	int layers = 0, code;
	while ((code = golden_next(goldens, golden)) == 1) {
		if (strncmp(golden->name, prefix, strlen(prefix)) != 0)
			continue;
		const char *const name = golden->name + strlen(prefix);
		const struct avl_map *const map = avl_graph_find(one, name);
		const struct avl_map *const other = avl_graph_find(two, name);
		if (!map || !other)
			continue;
		scene_expect_map(golden, golden->name, map);
		cr_expect_eq(
		    memcmp(map->data, other->data, avl_shape_floats(&map->shape) * sizeof(float)),
		    0, "%s at %s: other bits with two threads", golden->name, avl_kern()->level);
		layers++;
	}
	cr_expect_eq(code, 0);
	fclose(goldens);
	free(golden);
	return layers;
}

Test(networks, efficientnet_lite0_is_pytorch_s_layer_by_layer)
{
	const size_t area = (size_t)SCENE_SIDE * SCENE_SIDE;
	const struct avl_shape in = {1, 3, SCENE_SIDE, SCENE_SIDE};
	uint8_t *const rgb = scene_picture();
	float *const x = malloc(3 * area * sizeof *x);
	for (size_t i = 0; i < 3 * area; i++)
		x[i % 3 * area + i / 3] = ((float)rgb[i] - 127) / 128;
	struct avl_par *par;
	cr_assert_eq(avl_par_new(&par, 2, NULL), 0);
	struct avl_graph *const one = graph_of(&avl_net_efficientnet_lite0, "image.", in, NULL);
	struct avl_graph *const two = graph_of(&avl_net_efficientnet_lite0, "image.", in, par);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		cr_expect_eq(check_layers(one, two, x, 3 * area, "net_image.txt", ""), 18);
	}
	avl_graph_free(one);
	avl_graph_free(two);
	avl_par_free(par);
	free(rgb);
	free(x);
}

Test(networks, yamnet_is_pytorch_s_layer_by_layer)
{
	const struct avl_shape in = {1, 1, 96, 64};
	float x[96 * 64];
	for (int i = 0; i < 96 * 64; i++)
		x[i] = (float)(3 * sin(0.11 * (i / 64) + 0.37 * (i % 64)) - i % 64 / 16.0 - 1);
	struct avl_par *par;
	cr_assert_eq(avl_par_new(&par, 2, NULL), 0);
	struct avl_graph *const one = graph_of(&avl_net_yamnet, "sound.", in, NULL);
	struct avl_graph *const two = graph_of(&avl_net_yamnet, "sound.", in, par);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		cr_expect_eq(check_layers(one, two, x, 96 * 64, "net_sound.txt", "patch_a."), 15);
	}
	avl_graph_free(one);
	avl_graph_free(two);
	avl_par_free(par);
}
