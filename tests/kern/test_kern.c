/* SPDX-License-Identifier: MIT */
#include "kern/kern.h"

#include <criterion/criterion.h>
#include <string.h>

Test(kern, blocks_cover_the_channels)
{
	cr_expect_eq(avl_blocks(1), 1);
	cr_expect_eq(avl_blocks(16), 1);
	cr_expect_eq(avl_blocks(17), 2);
	cr_expect_eq(avl_blocks(1280), 80);
}

Test(kern, the_plainest_level_is_always_there)
{
	cr_assert_str_eq(avl_kern_level(0), "portable");
	int n = 0;
	while (avl_kern_level(n))
		n++;
	cr_expect_null(avl_kern_level(n + 1));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			cr_expect_str_neq(avl_kern_level(i), avl_kern_level(j));
}

Test(kern, every_level_can_be_chosen_and_is_whole)
{
	struct avl_err err = {0};
	for (int i = 0; avl_kern_level(i); i++) {
		cr_assert_eq(avl_kern_use(avl_kern_level(i), &err), 0, "%s", err.text);
		const struct avl_kern *const kern = avl_kern();
		cr_expect_str_eq(kern->level, avl_kern_level(i));
		cr_expect(kern->conv && kern->depthwise && kern->maxpool && kern->add &&
			  kern->affine && kern->sum);
		cr_expect(kern->conv_dw && kern->depthwise_grad && kern->gate && kern->covary &&
			  kern->blend && kern->norm_grad && kern->maxpool_grad);
	}
}

Test(kern, auto_and_the_first_use_take_the_best)
{
	const char *best = NULL;
	for (int i = 0; avl_kern_level(i); i++)
		best = avl_kern_level(i);
	cr_expect_str_eq(avl_kern()->level, best);
	cr_assert_eq(avl_kern_use("portable", NULL), 0);
	cr_expect_str_eq(avl_kern()->level, "portable");
	cr_assert_eq(avl_kern_use("auto", NULL), 0);
	cr_expect_str_eq(avl_kern()->level, best);
}

Test(kern, unknown_levels_are_refused_and_change_nothing)
{
	static const char *const unknown[] = {"", "AVX2", "avx", "avx5120", "sse2 ", "best"};
	cr_assert_eq(avl_kern_use("portable", NULL), 0);
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		struct avl_err err = {0};
		cr_expect_eq(avl_kern_use(unknown[i], &err), AVL_EUSAGE);
		cr_expect(strstr(err.text, "unknown cpu level"), "%s", err.text);
		cr_expect_str_eq(avl_kern()->level, "portable");
	}
}
