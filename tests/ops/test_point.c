/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "trial.h"

static void check(const struct avl_op *op, int with_other, int clamped)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 31, 0);
	for (int i = 0; i < 60; i++) {
		struct trial t = {.op = op, .in = trial_shape(&rng), .with_other = with_other};
		t.attr.eps = 1e-3f;
		t.attr.no_scale = i % 3 == 0;
		if (clamped)
			trial_clamp(&rng, &t.attr);
		trial_check(&t, &rng);
	}
}

Test(batchnorm, agrees_with_the_definition)
{
	check(&avl_op_batchnorm, 0, 1);
}

Test(clamp, agrees_with_the_definition)
{
	check(&avl_op_clamp, 0, 1);
}

Test(add, agrees_with_the_definition)
{
	check(&avl_op_add, 1, 1);
}

Test(mean, agrees_with_the_definition)
{
	check(&avl_op_mean, 0, 0);
}

Test(globalmax, agrees_with_the_definition)
{
	check(&avl_op_globalmax, 0, 0);
}

Test(add, maps_of_different_shapes_are_refused)
{
	static const struct avl_shape in[][2] = {
	    {{1, 3, 4, 5}, {1, 4, 4, 5}},
	    {{1, 3, 4, 5}, {1, 3, 5, 5}},
	    {{1, 3, 4, 5}, {1, 3, 4, 6}},
	    {{1, 3, 4, 5}, {2, 3, 4, 5}},
	};
	const struct avl_attr attr = {.lo = -INFINITY, .hi = INFINITY};
	struct avl_shape out;
	struct avl_err err = {0};
	for (int i = 0; i < 4; i++)
		cr_expect_eq(avl_op_add.shape(&attr, in[i], &out, &err), AVL_ESHAPE, "%d", i);
	avl_op_add.shape(&attr, in[1], &out, &err);
	cr_expect_str_eq(err.text, "maps of 3 x 4 x 5 and 3 x 5 x 5 do not add up");
}
