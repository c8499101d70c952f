/* SPDX-License-Identifier: MIT */
#include "image/deflate.h"

#include <criterion/criterion.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_TESTED = 300000 };

static uint8_t bytes[SIZE_MAX_TESTED];

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Deflates BYTES in blocks of EACH bytes and holds what libdeflate makes of it against them. */
static void check(size_t n, size_t each, const char *what)
{
	unsigned char *const packed = malloc((n / each + 1) * avl_deflate_bound(each) + 8);
	uint8_t *const again = malloc(n + 1);
	struct avl_deflate out = {.at = packed};
	for (size_t i = 0; i < n; i += each) {
		const size_t part = n - i < each ? n - i : each;
		const unsigned char *const before = out.at;
		avl_deflate_block(&out, bytes + i, part, i + part == n);
		cr_expect((size_t)(out.at - before) <= avl_deflate_bound(part));
	}
	struct libdeflate_decompressor *const inflate = libdeflate_alloc_decompressor();
	size_t used, got;
	cr_expect_eq(libdeflate_deflate_decompress_ex(inflate, packed, (size_t)(out.at - packed),
						      again, n, &used, &got),
		     LIBDEFLATE_SUCCESS, "%s, %zu bytes", what, n);
	cr_expect_eq(got, n);
	cr_expect_eq(used, (size_t)(out.at - packed));
	cr_expect(!memcmp(again, bytes, n), "%s, %zu bytes", what, n);
	libdeflate_free_decompressor(inflate);
	free(again);
	free(packed);
}

Test(deflate, noise_of_every_small_size)
{
	unsigned state = 1;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)next_random(&state);
	for (size_t n = 1; n < 300; n++)
		check(n, n, "noise");
	check(sizeof bytes, sizeof bytes, "noise");
	check(sizeof bytes, 1000, "noise in blocks");
}

Test(deflate, runs_of_every_length)
{
	for (size_t length = 1; length < 700; length++) {
		size_t n = 0;
		for (int i = 0; i < 9; i++)
			bytes[n++] = (uint8_t)(17 * i);
		for (size_t i = 0; i < length; i++, n++)
			bytes[n] = bytes[n - 3];
		bytes[n++] = 1;
		check(n, n, "a run");
	}
}

Test(deflate, nothing_but_one_byte)
{
	memset(bytes, 7, sizeof bytes);
	check(1, 1, "one byte");
	check(2, 2, "one byte");
	check(sizeof bytes, sizeof bytes, "one byte");
	check(sizeof bytes, 77, "one byte");
}

/* The counts of Fibonacci's numbers make the deepest tree there is; codes end at 12 bits. */
Test(deflate, codes_that_would_be_too_long)
{
	size_t n = 0, count = 1, before = 1;
	for (int symbol = 0; n + count < sizeof bytes; symbol++) {
		for (size_t i = 0; i < count; i++)
			bytes[n++] = (uint8_t)(symbol * 5);
		const size_t next = count + before;
		before = count;
		count = next;
	}
	/* mixed up, or it would all be runs */
	unsigned state = 3;
	for (size_t i = n - 1; i > 0; i--) {
		const size_t k = next_random(&state) % (i + 1);
		const uint8_t swap = bytes[i];
		bytes[i] = bytes[k];
		bytes[k] = swap;
	}
	check(n, n, "Fibonacci's counts");
}

/* Mostly small differences, as filtered photographs have them, with flat places. */
Test(deflate, what_pictures_look_like_becomes_smaller)
{
	unsigned state = 5;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = i / 2000 % 3 ? (uint8_t)(next_random(&state) % 5 - 2) : 0;
	check(sizeof bytes, 100000, "differences");
	unsigned char *const packed = malloc(avl_deflate_bound(sizeof bytes));
	struct avl_deflate out = {.at = packed};
	avl_deflate_block(&out, bytes, sizeof bytes, 1);
	cr_expect((size_t)(out.at - packed) < sizeof bytes / 4);
	free(packed);
}
