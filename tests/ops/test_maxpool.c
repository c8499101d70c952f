/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "trial.h"

Test(maxpool, agrees_with_the_definition)
{
	static const int kernels[][2] = {{1, 1}, {2, 2}, {3, 3}, {4, 1}, {1, 8}, {3, 2}};
	struct avl_rng rng;
	avl_rng_init(&rng, 41, 0);
	for (int i = 0; i < 6 * 30; i++) {
		const int *const kernel = kernels[i % 6];
		struct trial t = {.op = &avl_op_maxpool, .in = trial_shape(&rng)};
		t.attr = (struct avl_attr){
		    .kernel_h = kernel[0],
		    .kernel_w = kernel[1],
		    .stride_h = 1 + (int)avl_rng_below(&rng, 3),
		    .stride_w = 1 + (int)avl_rng_below(&rng, 8),
		    .pad = i / 6 % 2 ? AVL_PAD_SAME : AVL_PAD_FIXED,
		    .pad_h = (int)avl_rng_below(&rng, (uint32_t)kernel[0] / 2 + 1),
		    .pad_w = (int)avl_rng_below(&rng, (uint32_t)kernel[1] / 2 + 1),
		};
		trial_check(&t, &rng);
	}
}

Test(maxpool, a_map_smaller_than_the_window_is_refused)
{
	const struct avl_attr attr = {.kernel_h = 1, .kernel_w = 8, .stride_h = 1, .stride_w = 8};
	const struct avl_shape in = {1, 4, 4, 7};
	struct avl_shape out;
	struct avl_err err = {0};
	cr_assert_eq(avl_op_maxpool.shape(&attr, &in, &out, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 4 x 7 is too small for a window of 1 x 8");
}
