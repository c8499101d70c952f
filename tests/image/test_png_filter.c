/* SPDX-License-Identifier: MIT */
#include "image/png_filter.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { BYTES_MAX = 1000 };

/* As the standard words them. */
static int expected(enum avl_png_filter filter, int a, int b, int c)
{
	const int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
	switch (filter) {
	case AVL_PNG_SUB:
		return a;
	case AVL_PNG_UP:
		return b;
	case AVL_PNG_AVERAGE:
		return (a + b) / 2;
	case AVL_PNG_PAETH:
		return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
	}
	return 0;
}

static long naive(enum avl_png_filter filter, const uint8_t *row, const uint8_t *above, size_t n,
		  uint8_t *out)
{
	long sum = 0;
	for (size_t i = 0; i < n; i++) {
		const int a = i < 3 ? 0 : row[i - 3], c = i < 3 ? 0 : above[i - 3];
		out[i] = (uint8_t)(row[i] - expected(filter, a, above[i], c));
		sum += out[i] < 128 ? out[i] : 256 - out[i];
	}
	return sum;
}

Test(png_filter, filters_are_those_of_the_standard_and_the_best_is_chosen)
{
	uint8_t row[BYTES_MAX], above[BYTES_MAX], want[BYTES_MAX], got[BYTES_MAX + 1];
	unsigned state = 1;
	for (size_t n = 1; n <= BYTES_MAX; n += n < 70 ? 1 : 93)
		for (int kind = 0; kind < 4; kind++) {
			int best = 0;
			long least = 0;
			for (size_t i = 0; i < n; i++) {
				state = state * 1664525u + 1013904223u;
				const unsigned noise = state >> 24;
				row[i] = (uint8_t)(kind & 1 ? noise : i * 3);
				above[i] = (uint8_t)(kind & 2 ? noise + i : 255 - i / 2);
			}
			for (int f = AVL_PNG_SUB; f <= AVL_PNG_PAETH; f++) {
				const long sum = naive((enum avl_png_filter)f, row, above, n, want);
				got[n] = 99;
				avl_png_filter_row((enum avl_png_filter)f, row, above, n, got);
				cr_expect_arr_eq(got, want, n, "filter %d, %zu bytes", f, n);
				cr_expect_eq(got[n], 99);
				if (!best || sum < least) {
					best = f;
					least = sum;
				}
			}
			cr_expect_eq((int)avl_png_filter_choose(row, above, n, got), best);
		}
}
