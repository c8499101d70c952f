/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "trial.h"

static const int kernels[][2] = {{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 8}, {64, 1}, {3, 5}};
static const int strides[][2] = {{1, 1}, {2, 2}, {4, 4}, {2, 1}, {1, 2}};

Test(depthwise, agrees_with_the_definition)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 21, 0);
	for (int i = 0; i < 7 * 5 * 6; i++) {
		const int *const kernel = kernels[i % 7], *const stride = strides[i / 7 % 5];
		struct trial t = {.op = &avl_op_depthwise, .in = trial_shape(&rng)};
		t.attr = (struct avl_attr){
		    .out = t.in.c,
		    .kernel_h = kernel[0],
		    .kernel_w = kernel[1],
		    .stride_h = stride[0],
		    .stride_w = stride[1],
		    .pad = i / 35 % 2 ? AVL_PAD_SAME : AVL_PAD_FIXED,
		    .bias = (int)avl_rng_below(&rng, 2),
		};
		if (t.attr.pad == AVL_PAD_FIXED) {
			t.attr.pad_h = (int)avl_rng_below(&rng, (uint32_t)kernel[0] / 2 + 1);
			t.attr.pad_w = (int)avl_rng_below(&rng, (uint32_t)kernel[1] / 2 + 1);
		}
		trial_clamp(&rng, &t.attr);
		trial_check(&t, &rng);
	}
}

Test(depthwise, long_and_tall_maps_agree_with_the_definition)
{
	static const struct avl_shape shapes[] = {{1, 20, 47, 5}, {2, 5, 3, 90}, {1, 16, 29, 31}};
	struct avl_rng rng;
	avl_rng_init(&rng, 22, 0);
	for (int i = 0; i < 3 * 4; i++) {
		const int kernel = i % 2 ? 5 : 3, stride = 1 + i / 2 % 2;
		struct trial t = {.op = &avl_op_depthwise, .in = shapes[i / 4]};
		t.attr = (struct avl_attr){.out = t.in.c,
					   .kernel_h = kernel,
					   .kernel_w = kernel,
					   .stride_h = stride,
					   .stride_w = stride,
					   .pad = AVL_PAD_SAME};
		trial_clamp(&rng, &t.attr);
		trial_check(&t, &rng);
	}
}

Test(depthwise, other_channels_and_small_maps_are_refused)
{
	struct avl_attr attr = {
	    .out = 8, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1};
	const struct avl_shape in = {1, 9, 4, 4}, small = {1, 9, 4, 2};
	struct avl_shape out;
	struct avl_err err = {0};
	cr_expect_eq(avl_op_depthwise.shape(&attr, &in, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "depthwise convolution of 9 channels gives 8");
	attr.out = 9;
	cr_expect_eq(avl_op_depthwise.shape(&attr, &small, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 4 x 2 is too small for a window of 3 x 3");
}
