/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "chain.h"
#include "trial.h"

static void check(struct avl_rng *rng, struct avl_shape in, int planar)
{
	const int kernel = 1 + (int)avl_rng_below(rng, 9);
	const int pool = 1 + (int)avl_rng_below(rng, 8);
	struct chain c = {
	    .op = &avl_op_convpool,
	    .count = 2,
	    .part = {&avl_op_conv, &avl_op_maxpool},
	    .in = in,
	    .attr = {{.out = 1 + (int)avl_rng_below(rng, 70),
		      .kernel_h = 1 + (int)avl_rng_below(rng, 3),
		      .kernel_w = kernel,
		      .stride_h = 1 + (int)avl_rng_below(rng, 2),
		      .stride_w = 1 + (int)avl_rng_below(rng, 3),
		      .pad = avl_rng_below(rng, 2) ? AVL_PAD_SAME : AVL_PAD_FIXED,
		      .pad_w = (int)avl_rng_below(rng, (uint32_t)kernel),
		      .bias = (int)avl_rng_below(rng, 2),
		      .planar = planar},
		     {.kernel_h = 1, .kernel_w = pool, .stride_h = 1, .stride_w = pool}},
	};
	trial_clamp(rng, &c.attr[0]);
	chain_check(&c, rng);
}

Test(convpool, is_the_convolution_and_the_maximum_bit_for_bit)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 61, 0);
	for (int i = 0; i < 60; i++) {
		struct avl_shape in = trial_shape(&rng);
		in.w += 10;
		check(&rng, in, i % 2);
	}
}

/* Rows of many stretches. */
Test(convpool, is_so_for_long_rows)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 62, 0);
	for (int i = 0; i < 12; i++)
		check(&rng, (struct avl_shape){1, 1 + i % 3, 1, 900 + 37 * i}, i % 2);
}

/* Windows wider than a stretch. */
Test(convpool, is_so_for_wide_windows)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 63, 0);
	struct chain c = {
	    .op = &avl_op_convpool,
	    .count = 2,
	    .part = {&avl_op_conv, &avl_op_maxpool},
	    .in = {1, 2, 1, 1000},
	    .attr = {{.out = 20,
		      .kernel_h = 1,
		      .kernel_w = 3,
		      .stride_h = 1,
		      .stride_w = 1,
		      .lo = 0,
		      .hi = INFINITY},
		     {.kernel_h = 1, .kernel_w = 300, .stride_h = 1, .stride_w = 300}},
	};
	chain_check(&c, &rng);
}
