/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "trial.h"

static const int kernels[][2] = {{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 8}, {64, 1}};
static const int strides[][2] = {{1, 1}, {2, 2}, {4, 4}, {2, 1}, {1, 2}, {4, 1}};
static const int channels[] = {1, 3, 15, 16, 17, 40};

enum { KERNELS = 6, STRIDES = 6 };

static struct trial trial_of(struct avl_rng *rng, const int kernel[2], const int stride[2],
			     enum avl_pad pad)
{
	struct trial t = {
	    .op = &avl_op_conv,
	    .in = trial_shape(rng),
	    .attr = {.out = trial_pick(rng, channels, 6),
		     .kernel_h = kernel[0],
		     .kernel_w = kernel[1],
		     .stride_h = stride[0],
		     .stride_w = stride[1],
		     .pad = pad,
		     .bias = (int)avl_rng_below(rng, 2)},
	    .with_other = (int)avl_rng_below(rng, 2),
	};
	if (pad == AVL_PAD_FIXED) {
		t.attr.pad_h = (int)avl_rng_below(rng, (uint32_t)kernel[0] / 2 + 1);
		t.attr.pad_w = (int)avl_rng_below(rng, (uint32_t)kernel[1] / 2 + 1);
	}
	trial_clamp(rng, &t.attr);
	return t;
}

static void check_kernel(int k, int planar)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 11, (uint64_t)(2 * k + planar));
	for (int s = 0; s < STRIDES; s++)
		for (int i = 0; i < 6; i++) {
			struct trial t = trial_of(&rng, kernels[k], strides[s],
						  i % 2 ? AVL_PAD_SAME : AVL_PAD_FIXED);
			t.attr.planar = planar;
			t.in.c = planar ? 1 + i / 2 : t.in.c;
			trial_check(&t, &rng);
		}
}

Test(conv, blocked_inputs_agree_with_the_definition)
{
	for (int k = 0; k < KERNELS; k++)
		check_kernel(k, 0);
}

Test(conv, planar_inputs_agree_with_the_definition)
{
	for (int k = 0; k < KERNELS; k++)
		check_kernel(k, 1);
}

/* Small maps with many channels are cut by channels, large ones by rows or by runs of pixels. */
Test(conv, every_way_of_cutting_agrees_with_the_definition)
{
	static const struct {
		int kernel, n, c, out, h, w;
	} cases[] = {
	    {1, 1, 33, 200, 1, 1}, {1, 3, 200, 33, 1, 1},  {1, 2, 5, 100, 2, 3},
	    {1, 1, 7, 20, 30, 41}, {3, 1, 3, 130, 2, 2},   {3, 2, 17, 33, 3, 5},
	    {3, 1, 2, 3, 40, 23},  {3, 1, 1, 5, 3, 140},   {5, 2, 3, 17, 9, 60},
	    {1, 3, 16, 16, 8, 14}, {1, 1, 16, 16, 7, 113},
	};
	struct avl_rng rng;
	avl_rng_init(&rng, 12, 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int kernel[] = {cases[i].kernel, cases[i].kernel}, stride[] = {1, 1};
		struct trial t = trial_of(&rng, kernel, stride, AVL_PAD_SAME);
		t.in = (struct avl_shape){cases[i].n, cases[i].c, cases[i].h, cases[i].w};
		t.attr.out = cases[i].out;
		trial_check(&t, &rng);
	}
}

Test(conv, a_map_smaller_than_the_window_is_refused)
{
	const struct avl_attr attr = {
	    .out = 8, .kernel_h = 7, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .pad_h = 1};
	const struct avl_shape in = {1, 4, 4, 9};
	struct avl_shape out;
	struct avl_err err = {0};
	cr_assert_eq(avl_op_conv.shape(&attr, &in, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 4 x 9 is too small for a window of 7 x 3");
	cr_expect_eq(avl_op_conv.shape(&attr, &in, &out, NULL), AVL_ESHAPE);
}
