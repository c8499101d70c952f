/* SPDX-License-Identifier: MIT */
#include "image/png_filter.h"

#include <limits.h>
#include <stdlib.h>

enum { PIXEL = 3 };

/* In 16 bits and without branches, so that it becomes vector code. */
static uint8_t paeth(int16_t left, int16_t above, int16_t between)
{
	const int16_t to_left = (int16_t)(above - between), to_above = (int16_t)(left - between);
	const int16_t far_left = (int16_t)abs(to_left), far_above = (int16_t)abs(to_above);
	const int16_t far_between = (int16_t)abs(to_left + to_above);
	const int16_t other = far_above <= far_between ? above : between;
	return (uint8_t)(far_left <= far_above && far_left <= far_between ? left : other);
}

/* The first pixel has nothing to its left. */
static void filter_first(enum avl_png_filter filter, const uint8_t *row, const uint8_t *above,
			 size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		const int expected = filter == AVL_PNG_SUB       ? 0
				     : filter == AVL_PNG_AVERAGE ? above[i] / 2
								 : above[i];
		out[i] = (uint8_t)(row[i] - expected);
	}
}

void avl_png_filter_row(enum avl_png_filter filter, const uint8_t *restrict row,
			const uint8_t *restrict above, size_t n, uint8_t *restrict out)
{
	filter_first(filter, row, above, n < PIXEL ? n : PIXEL, out);
	switch (filter) {
	case AVL_PNG_SUB:
		for (size_t i = PIXEL; i < n; i++)
			out[i] = (uint8_t)(row[i] - row[i - PIXEL]);
		break;
	case AVL_PNG_UP:
		for (size_t i = PIXEL; i < n; i++)
			out[i] = (uint8_t)(row[i] - above[i]);
		break;
	case AVL_PNG_AVERAGE:
		for (size_t i = PIXEL; i < n; i++)
			out[i] = (uint8_t)(row[i] - ((row[i - PIXEL] + above[i]) >> 1));
		break;
	case AVL_PNG_PAETH:
		for (size_t i = PIXEL; i < n; i++)
			out[i] =
			    (uint8_t)(row[i] - paeth(row[i - PIXEL], above[i], above[i - PIXEL]));
		break;
	}
}

static unsigned long sum_of(const uint8_t *bytes, size_t n)
{
	unsigned long total = 0;
	while (n) {
		/* in 32 bits as far as they reach */
		const size_t part = n < 1 << 24 ? n : 1 << 24;
		uint32_t sum = 0;
		for (size_t i = 0; i < part; i++)
			sum += (uint32_t)abs((int8_t)bytes[i]);
		total += sum;
		bytes += part;
		n -= part;
	}
	return total;
}

enum avl_png_filter avl_png_filter_choose(const uint8_t *row, const uint8_t *above, size_t n,
					  uint8_t *scratch)
{
	enum avl_png_filter best = AVL_PNG_SUB;
	unsigned long least = ULONG_MAX;
	for (int filter = AVL_PNG_SUB; filter <= AVL_PNG_PAETH; filter++) {
		avl_png_filter_row((enum avl_png_filter)filter, row, above, n, scratch);
		const unsigned long sum = sum_of(scratch, n);
		if (sum >= least)
			continue;
		least = sum;
		best = (enum avl_png_filter)filter;
	}
	return best;
}
