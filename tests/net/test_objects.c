/* SPDX-License-Identifier: MIT */
#include "net/objects.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "material.h"
#include "net/model.h"
#include "tests/kern/fenced.h"

enum { CHANNELS = 37, ROWS = 3, COLS = 5, AREA = ROWS * COLS };

Test(objects, are_the_mean_of_absolute_features)
{
	const struct avl_shape shape = {1, CHANNELS, ROWS, COLS};
	struct avl_rng rng;
	avl_rng_init(&rng, 5, 0);
	float *const v = unaligned_floats(&rng, CHANNELS * AREA);
	float *const blocked = avl_alloc(avl_shape_floats(&shape), sizeof *blocked);
	avl_layout_to_blocked(&shape, v, blocked);
	struct fenced map = fenced_new(AREA);
	avl_objects_score(&(struct avl_map){shape, AVL_BLOCKED, blocked}, map.at);
	for (int p = 0; p < AREA; p++) {
		double sum = 0;
		for (int c = 0; c < CHANNELS; c++)
			sum += fabs((double)v[c * AREA + p]);
		cr_assert_float_eq((double)map.at[p], sum / CHANNELS, 1e-6);
	}
	fenced_free(&map);
	free(blocked);
	free(v);
}

/* The network alone sees what the whole model sees. */
Test(objects, net_sees_as_its_model_does)
{
	char path[64];
	struct avl_model *model;
	struct avl_object_net *net;
	struct avl_err err;
	cr_assert_eq(material_model("ezvsl", path, sizeof path), 0);
	cr_assert_eq(avl_model_open(&model, path, AVL_FP32, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(avl_object_net_open(&net, path, NULL, &err), 0, "%s", err.text);
	unlink(path);
	int rows, cols;
	avl_object_net_map_size(net, &rows, &cols);
	cr_assert(rows == 7 && cols == 7);
	cr_assert_str_eq(avl_object_net_contract(net)->preset, "ezvsl");
	uint8_t *const picture = material_picture();
	double region[4];
	float map[49], want[49];
	cr_assert_eq(
	    avl_object_net_see(net, picture, MATERIAL_HEIGHT, MATERIAL_WIDTH, map, region, &err),
	    0);
	cr_assert_eq(region[2], 1);
	cr_assert_eq(
	    avl_model_set_picture(model, picture, MATERIAL_HEIGHT, MATERIAL_WIDTH, region, &err),
	    0);
	cr_assert_eq(avl_model_run_picture(model), avl_model_features(model));
	avl_objects_score(avl_model_features(model), want);
	for (int i = 0; i < 49; i++)
		cr_assert_eq(map[i], want[i]);
	free(picture);
	avl_object_net_close(net);
	avl_model_close(model);
}

Test(objects, net_names_a_file_that_is_none)
{
	struct avl_object_net *net;
	struct avl_err err;
	cr_assert_lt(avl_object_net_open(&net, "/nonexistent", NULL, &err), 0);
	cr_assert_null(net);
	avl_object_net_close(NULL);
}
