/* SPDX-License-Identifier: MIT */
#include "net/class_map.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "files.h"
#include "tests/kern/fenced.h"
#include "tests/ops/naive.h"

enum { CHANNELS = 20, ROWS = 3, COLS = 5, AREA = ROWS * COLS, UNITS = 6, CLASSES = 37, PAIRS = 9 };

static const int16_t pairs[PAIRS][2] = {
    {0, 3}, {0, 36}, {1, 3}, {2, 0}, {2, 1}, {2, 2}, {4, 17}, {5, 17}, {5, 20},
};

struct world {
	struct parts parts;
	float *w, *b, *weight, *person, *row, *v, *q;
};

static void world_init(struct world *world, struct avl_rng *rng)
{
	*world = (struct world){
	    .w = unaligned_floats(rng, CLASSES * CHANNELS),
	    .b = unaligned_floats(rng, CLASSES),
	    .weight = unaligned_floats(rng, UNITS),
	    .person = unaligned_floats(rng, UNITS),
	    .row = unaligned_floats(rng, CHANNELS),
	    .v = unaligned_floats(rng, CHANNELS * AREA),
	    .q = unaligned_floats(rng, UNITS),
	};
	parts_add(&world->parts, "image._fc.weight", 2, (int[]){CLASSES, CHANNELS}, world->w);
	parts_add(&world->parts, "image._fc.bias", 1, (int[]){CLASSES}, world->b);
	parts_add(&world->parts, "class_map.weight", 1, (int[]){UNITS}, world->weight);
	parts_add(&world->parts, "class_map.person", 1, (int[]){UNITS}, world->person);
	parts_add(&world->parts, "class_map.person_row", 1, (int[]){CHANNELS}, world->row);
	parts_add(&world->parts, "class_map.pairs", 1, (int[]){PAIRS}, world->b);
	struct avl_tensor *const t = &parts_find(&world->parts, "class_map.pairs")->tensor;
	*t = (struct avl_tensor){.dtype = AVL_I2, .ndim = 2, .dim = {PAIRS, 2}, .data = t->data};
	memcpy(t->data, pairs, sizeof pairs);
}

static void world_release(struct world *world)
{
	parts_release(&world->parts);
	float *const all[] = {world->w,   world->b, world->weight, world->person,
			      world->row, world->v, world->q};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		free(all[i]);
}

static int init(struct avl_class_map *map, const struct world *world, struct avl_err *err)
{
	struct avl_safetensors *const file = parts_open(&world->parts);
	const int code = avl_class_map_init(map, file, CHANNELS, ROWS, COLS, UNITS, err);
	avl_safetensors_close(file);
	return code;
}

/* The formula of class_map.h at position P. */
static double naive_score(const struct world *o, int p)
{
	double chance[CLASSES], all = 0, person = 0, score = 0;
	for (int k = 0; k < CLASSES; k++) {
		double logit = (double)o->b[k];
		for (int c = 0; c < CHANNELS; c++)
			logit += (double)o->w[k * CHANNELS + c] * (double)o->v[c * AREA + p];
		all += chance[k] = exp(logit);
	}
	for (int c = 0; c < CHANNELS; c++)
		person += (double)o->row[c] * (double)o->v[c * AREA + p];
	person = fmin(1, fmax(0, person));
	for (int u = 0; u < UNITS; u++) {
		double seen = 0;
		for (int i = 0; i < PAIRS; i++)
			seen += pairs[i][0] == u ? chance[pairs[i][1]] / all : 0;
		score +=
		    (double)o->q[u] * ((double)o->weight[u] * seen + (double)o->person[u] * person);
	}
	return score;
}

/* Two pictures and two sounds through one class map; float against double, all values about 1. */
Test(class_map, scores_are_the_formula)
{
	struct avl_rng rng;
	struct world world;
	struct avl_class_map map;
	struct avl_err err = {0};
	avl_rng_init(&rng, 81, 0);
	world_init(&world, &rng);
	cr_assert_eq(init(&map, &world, &err), 0, "%s", err.text);
	float *const more_v = unaligned_floats(&rng, CHANNELS * AREA);
	float *const more_q = unaligned_floats(&rng, UNITS);
	const struct avl_shape shape = {1, CHANNELS, ROWS, COLS};
	float *const blocked = avl_alloc(avl_shape_floats(&shape), sizeof *blocked);
	const struct avl_map v = {shape, AVL_BLOCKED, blocked};
	for (int k = 0; k < 4; k++) {
		if (k == 1 || k == 3)
			memcpy(world.q, more_q, UNITS * sizeof *more_q);
		if (k == 2)
			memcpy(world.v, more_v, CHANNELS * AREA * sizeof *more_v);
		avl_layout_to_blocked(&shape, world.v, blocked);
		avl_class_map_see(&map, &v, NULL);
		struct fenced out = fenced_new(AREA);
		avl_class_map_score(&map, world.q, out.at);
		for (int p = 0; p < AREA; p++)
			cr_expect_float_eq(out.at[p], naive_score(&world, p), 3e-6, "%d", p);
		cr_expect(fences_stand(&out));
		fenced_free(&out);
	}
	free(more_v);
	free(more_q);
	free(blocked);
	avl_class_map_release(&map);
	world_release(&world);
}

Test(class_map, threads_do_not_change_a_bit)
{
	struct avl_rng rng;
	struct world world;
	struct avl_class_map map;
	struct avl_par *par;
	float one[AREA], three[AREA];
	avl_rng_init(&rng, 82, 0);
	world_init(&world, &rng);
	cr_assert_eq(init(&map, &world, NULL), 0);
	cr_assert_eq(avl_par_new(&par, 3, NULL), 0);
	const struct avl_shape shape = {1, CHANNELS, ROWS, COLS};
	float *const blocked = avl_alloc(avl_shape_floats(&shape), sizeof *blocked);
	const struct avl_map v = {shape, AVL_BLOCKED, blocked};
	avl_layout_to_blocked(&shape, world.v, blocked);
	avl_class_map_see(&map, &v, NULL);
	avl_class_map_score(&map, world.q, one);
	avl_class_map_see(&map, &v, par);
	avl_class_map_score(&map, world.q, three);
	cr_expect(same_bits(one, three, AREA));
	free(blocked);
	avl_par_free(par);
	avl_class_map_release(&map);
	world_release(&world);
}

static void refuse(struct world *world, int code, const char *message)
{
	struct avl_class_map map;
	struct avl_err err = {0};
	cr_expect_eq(init(&map, world, &err), code, "%s", message);
	cr_expect(strstr(err.text, message), "'%s' lacks '%s'", err.text, message);
}

Test(class_map, tables_that_do_not_fit_are_refused)
{
	struct avl_rng rng;
	struct world world;
	avl_rng_init(&rng, 83, 0);
	world_init(&world, &rng);
	struct avl_tensor *const t = &parts_find(&world.parts, "class_map.pairs")->tensor;
	int16_t *const pair = t->data;
	pair[2] = UNITS;
	refuse(&world, AVL_ESHAPE, "'class_map.pairs' joins 6 with 36");
	pair[2] = -1;
	refuse(&world, AVL_ESHAPE, "'class_map.pairs' joins -1 with 36");
	pair[2] = 0;
	pair[3] = CLASSES;
	refuse(&world, AVL_ESHAPE, "'class_map.pairs' joins 0 with 37");
	pair[3] = -7;
	refuse(&world, AVL_ESHAPE, "'class_map.pairs' joins 0 with -7");
	pair[3] = 36;
	t->dim[0] = 6, t->dim[1] = 3;
	refuse(&world, AVL_ESHAPE, "tensor 'class_map.pairs' is i2 (6, 3)");
	*t = (struct avl_tensor){.dtype = AVL_F4, .ndim = 2, .dim = {4, 2}, .data = t->data};
	refuse(&world, AVL_ESHAPE, "tensor 'class_map.pairs' is f4 (4, 2)");
	*t = (struct avl_tensor){.dtype = AVL_I2, .ndim = 2, .dim = {PAIRS, 2}, .data = t->data};

	parts_find(&world.parts, "class_map.person")->tensor.dim[0]--;
	refuse(&world, AVL_ESHAPE, "tensor 'class_map.person' is f4 (5)");
	parts_find(&world.parts, "class_map.person")->tensor.dim[0]++;
	parts_find(&world.parts, "image._fc.weight")->tensor.dim[1]--;
	refuse(&world, AVL_ESHAPE, "tensor 'image._fc.weight' is f4 (37, 19)");
	parts_find(&world.parts, "image._fc.weight")->tensor.dim[1]++;
	parts_remove(&world.parts, "class_map.person_row");
	refuse(&world, AVL_ENONE, "tensor 'class_map.person_row' is missing");
	parts_remove(&world.parts, "image._fc.weight");
	refuse(&world, AVL_ENONE, "tensor 'image._fc.weight' is missing");
	world_release(&world);
}
