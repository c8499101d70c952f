/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "chain.h"
#include "trial.h"

/* A chain of a 1x1 convolution to WIDE channels (where EXPAND is set), a depthwise one, a 1x1 one.
 */
static struct chain random_chain(struct avl_rng *rng, struct avl_shape in, int expand, int wide)
{
	static const int kernels[][2] = {{3, 3}, {5, 5}, {1, 4}, {2, 3}};
	const int *const kernel = kernels[avl_rng_below(rng, 4)];
	struct chain c = {.op = &avl_op_separable, .in = in};
	if (expand) {
		c.part[c.count] = &avl_op_conv;
		c.attr[c.count++] = (struct avl_attr){.out = wide, .bias = 1};
	}
	c.part[c.count] = &avl_op_depthwise;
	c.attr[c.count++] = (struct avl_attr){
	    .out = expand ? wide : in.c,
	    .kernel_h = kernel[0],
	    .kernel_w = kernel[1],
	    .stride_h = 1 + (int)avl_rng_below(rng, 3),
	    .stride_w = 1 + (int)avl_rng_below(rng, 3),
	    .pad = avl_rng_below(rng, 2) ? AVL_PAD_SAME : AVL_PAD_FIXED,
	    .pad_h = (int)avl_rng_below(rng, (uint32_t)kernel[0]),
	    .pad_w = (int)avl_rng_below(rng, (uint32_t)kernel[1]),
	    .bias = 1,
	};
	c.part[c.count] = &avl_op_conv;
	c.attr[c.count++] = (struct avl_attr){.out = 1 + (int)avl_rng_below(rng, 50),
					      .bias = (int)avl_rng_below(rng, 2)};
	for (int i = 0; i < c.count; i++) {
		trial_clamp(rng, &c.attr[i]);
		if (c.part[i] == &avl_op_conv)
			c.attr[i].kernel_h = c.attr[i].kernel_w = c.attr[i].stride_h =
			    c.attr[i].stride_w = 1;
	}
	c.with_residual = (int)avl_rng_below(rng, 2);
	return c;
}

Test(separable, is_its_three_convolutions_bit_for_bit)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 51, 0);
	for (int i = 0; i < 60; i++) {
		struct chain c =
		    random_chain(&rng, trial_shape(&rng), i % 2, 1 + (int)avl_rng_below(&rng, 70));
		chain_check(&c, &rng);
	}
}

/* As many pixels as make bands, of which the last is cut short, and steps within them. */
Test(separable, is_so_band_by_band)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 52, 0);
	for (int i = 0; i < 16; i++) {
		struct avl_shape in = trial_shape(&rng);
		in.n = 1 + i % 2;
		in.c = 1 + (int)avl_rng_below(&rng, 20);
		in.h = 30 + (int)avl_rng_below(&rng, 40);
		in.w = 10 + (int)avl_rng_below(&rng, 60);
		struct chain c =
		    random_chain(&rng, in, i % 4 != 0, 1 + (int)avl_rng_below(&rng, 40));
		chain_check(&c, &rng);
	}
}

/* Rows so wide that few of them are in work at a time. */
Test(separable, is_so_a_row_at_a_time)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 53, 0);
	struct chain c = random_chain(&rng, (struct avl_shape){1, 3, 31, 800}, 1, 70);
	chain_check(&c, &rng);
}

Test(separable, a_map_that_does_not_fit_is_refused)
{
	const struct avl_attr point = {
	    .out = 8, .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1};
	struct avl_attr deep = {
	    .out = 5, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .then = &point};
	struct avl_shape out;
	struct avl_err err = {0};
	const struct avl_shape in = {1, 4, 8, 8}, small = {1, 5, 8, 2};
	cr_expect_eq(avl_op_separable.shape(&deep, &in, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "depthwise convolution of 4 channels gives 5");
	cr_expect_eq(avl_op_separable.shape(&deep, &small, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 8 x 2 is too small for a window of 3 x 3");
}
