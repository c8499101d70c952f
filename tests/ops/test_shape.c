/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "naive.h"
#include "tests/kern/fenced.h"
#include "trial.h"

/* TensorFlow's "SAME": a stride of 2 on an even side pads behind first. */
Test(shape, same_padding_puts_the_odd_one_behind)
{
	cr_expect_eq(avl_window_before(AVL_PAD_SAME, 448, 3, 2, 0), 0);
	cr_expect_eq(avl_window_before(AVL_PAD_SAME, 112, 5, 2, 0), 1);
	cr_expect_eq(avl_window_before(AVL_PAD_SAME, 7, 3, 2, 0), 1);
	cr_expect_eq(avl_window_before(AVL_PAD_SAME, 14, 3, 1, 0), 1);
	cr_expect_eq(avl_window_out(AVL_PAD_SAME, 7, 3, 2, 0), 4);
	cr_expect_eq(avl_window_out(AVL_PAD_SAME, 8, 1, 3, 0), 3);
}

Test(shape, windows_lie_where_the_definition_puts_them)
{
	for (int in = 1; in <= 20; in++)
		for (int kernel = 1; kernel <= 9; kernel++)
			for (int stride = 1; stride <= 4; stride++)
				for (int fixed = -1; fixed <= 3; fixed++) {
					const enum avl_pad pad =
					    fixed < 0 ? AVL_PAD_SAME : AVL_PAD_FIXED;
					int begin;
					const int places =
					    naive_places(pad, in, kernel, stride, fixed, &begin);
					cr_assert_eq(avl_window_out(pad, in, kernel, stride, fixed),
						     places);
					cr_assert_eq(
					    avl_window_before(pad, in, kernel, stride, fixed),
					    -begin);
				}
}

Test(layout, blocked_and_planar_say_the_same)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 51, 0);
	for (int i = 0; i < 100; i++) {
		const struct avl_shape s = trial_shape(&rng);
		const size_t n = naive_count(&s);
		float *const planar = unaligned_floats(&rng, n);
		struct fenced blocked = fenced_new(avl_shape_floats(&s)), back = fenced_new(n);
		avl_layout_to_blocked(&s, planar, blocked.at);
		int ok = 1;
		for (int k = 0; k < s.n * avl_blocks(s.c) * AVL_BLOCK * s.h * s.w; k++) {
			const int x = k % s.w, y = k / s.w % s.h, nth = k / s.w / s.h % s.n;
			const int c = k / s.w / s.h / s.n;
			const size_t at =
			    (((size_t)(c / 16 * s.n + nth) * (size_t)s.h + (size_t)y) *
				 (size_t)s.w +
			     (size_t)x) *
				16 +
			    (size_t)(c % 16);
			ok &= c < s.c ? blocked.at[at] == planar[naive_index(&s, nth, c, y, x)]
				      : blocked.at[at] == 0;
		}
		cr_assert(ok, "%d x %d x %d x %d", s.n, s.c, s.h, s.w);
		avl_layout_to_planar(&s, blocked.at, back.at);
		cr_assert(same_bits(planar, back.at, n));
		cr_assert(fences_stand(&blocked) && fences_stand(&back));
		fenced_free(&blocked);
		fenced_free(&back);
		free(planar);
	}
}
