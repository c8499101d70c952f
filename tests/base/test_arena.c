/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/arena.h"
#include "base/rng.h"

Test(arena, blocks_are_aligned_and_apart)
{
	enum { BLOCKS = 500 };
	struct avl_arena arena;
	struct avl_rng rng;
	unsigned char *block[BLOCKS];
	size_t size[BLOCKS];
	avl_arena_init(&arena, 0);
	avl_rng_init(&rng, 1, 1);
	for (int i = 0; i < BLOCKS; i++) {
		size[i] = avl_rng_below(&rng, i % 50 ? 3000 : 3000000);
		block[i] = avl_arena_alloc(&arena, size[i]);
		cr_assert_not_null(block[i]);
		cr_assert_eq((uintptr_t)block[i] % AVL_ALIGN, 0);
		memset(block[i], i & 255, size[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		for (size_t k = 0; k < size[i]; k++)
			if (block[i][k] != (i & 255))
				cr_assert_fail("block %d was written over at byte %zu", i, k);
	avl_arena_release(&arena);
}

Test(arena, empty_block_is_a_block)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	const char *const one = avl_arena_alloc(&arena, 0), *const two = avl_arena_alloc(&arena, 0);
	cr_assert_not_null(one);
	cr_assert_not_null(two);
	cr_assert_neq(one, two);
	avl_arena_release(&arena);
}

Test(arena, loops_settle_at_the_largest)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	size_t settled = 0;
	for (int round = 0; round < 100; round++) {
		avl_arena_reset(&arena);
		for (int i = 0; i < 7; i++)
			cr_assert_not_null(
			    avl_arena_alloc(&arena, (size_t)400000 * (size_t)(1 + i)));
		if (round == 1)
			settled = arena.held;
	}
	cr_assert_eq(arena.held, settled);
	avl_arena_release(&arena);
	cr_assert_eq(arena.held, 0);
}

Test(arena, limit_holds)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 10000);
	cr_assert_null(avl_arena_alloc(&arena, 10001));
	cr_assert_not_null(avl_arena_alloc(&arena, 4000));
	cr_assert_leq(arena.held, 10000);
	cr_assert_null(avl_arena_alloc(&arena, 8000));
	avl_arena_release(&arena);
	cr_assert_not_null(avl_arena_alloc(&arena, 9000));
	avl_arena_release(&arena);
}

Test(arena, absurd_sizes_are_refused)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	cr_assert_null(avl_arena_alloc(&arena, SIZE_MAX));
	cr_assert_null(avl_arena_alloc(&arena, SIZE_MAX / 2));
	cr_assert_null(avl_arena_text(&arena, "x", SIZE_MAX));
	avl_arena_release(&arena);
	cr_assert_null(avl_alloc(SIZE_MAX / 2, 3));
	cr_assert_null(avl_alloc(1, SIZE_MAX));
	cr_assert_null(avl_alloc(SIZE_MAX, SIZE_MAX));
}

Test(arena, alloc_is_aligned)
{
	for (size_t size = 0; size < 300; size += 13) {
		void *const block = avl_alloc(size, 3);
		cr_assert_not_null(block);
		cr_assert_eq((uintptr_t)block % AVL_ALIGN, 0);
		memset(block, 1, size * 3);
		free(block);
	}
}

Test(arena, text_is_ended)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	const char *const text = avl_arena_text(&arena, "hello", 3);
	cr_assert_str_eq(text, "hel");
	cr_assert_str_eq(avl_arena_text(&arena, "", 0), "");
	avl_arena_release(&arena);
}

Test(arena, growing_rounds_do_not_add_up)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	for (size_t size = (size_t)4 << 20; size < (size_t)16 << 20; size += 100000) {
		for (int i = 0; i < 3; i++)
			cr_assert_not_null(avl_arena_alloc(&arena, size / 3));
		cr_assert_lt(arena.held, 2 * size);
		avl_arena_reset(&arena);
		cr_assert_lt(arena.held, 2 * size);
	}
	avl_arena_release(&arena);
	cr_assert_eq(arena.held, 0);
}
