/* SPDX-License-Identifier: MIT */
#include "image/ansi.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(ansi, shows_two_pixels_a_character)
{
	uint8_t rgb[] = {1, 2, 3, 1, 2, 3, 40, 50, 60, 255, 0, 9};
	const struct avl_picture picture = {2, 2, rgb};
	const char wanted[] = "\x1b[38;2;1;2;3m\x1b[48;2;40;50;60m\xe2\x96\x80"
			      "\x1b[48;2;255;0;9m\xe2\x96\x80\x1b[0m\n";
	char *text;
	size_t n;
	cr_assert_eq(avl_ansi_encode(&picture, 2, &text, &n, NULL), 0);
	cr_expect_eq(n, sizeof(wanted) - 1);
	cr_expect_arr_eq(text, wanted, n);
	free(text);
}

Test(ansi, keeps_the_aspect_and_bounds_the_height)
{
	const struct {
		int height, width, columns, lines;
	} rows[] = {{90, 160, 80, 23}, {1, 1000, 80, 1}, {3, 7, 10, 2}, {5000, 1, 10, 10000}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct avl_picture picture = {
		    rows[i].height, rows[i].width,
		    calloc((size_t)rows[i].height, (size_t)rows[i].width * 3)};
		char *text;
		size_t n;
		int lines = 0;
		cr_assert_eq(avl_ansi_encode(&picture, rows[i].columns, &text, &n, NULL), 0);
		for (size_t c = 0; c < n; c++)
			lines += text[c] == '\n';
		cr_expect_eq(lines, rows[i].lines, "row %zu: %d", i, lines);
		free(text);
		free(picture.rgb);
	}
}
