/* SPDX-License-Identifier: MIT */
#include "media/pixels.h"

#include <criterion/criterion.h>
#include <string.h>

enum { W = 3, H = 2, ONE = 1 << 16 };

/* Where a matrix puts the pixel (x, y): the middle of the pixel is mapped and moved so that the
 * turned picture begins at (0, 0). */
static void map(const int32_t *m, int x, int y, int *to_x, int *to_y)
{
	const double a = m[0] / (double)ONE, b = m[1] / (double)ONE, c = m[3] / (double)ONE,
		     d = m[4] / (double)ONE;
	const double left = (a < 0 ? a * W : 0) + (c < 0 ? c * H : 0);
	const double top = (b < 0 ? b * W : 0) + (d < 0 ? d * H : 0);
	*to_x = (int)(a * (x + 0.5) + c * (y + 0.5) - left);
	*to_y = (int)(b * (x + 0.5) + d * (y + 0.5) - top);
}

Test(pixels, turn_as_the_matrix_says)
{
	static const int parts[8][4] = {{1, 0, 0, 1},  {0, 1, -1, 0}, {-1, 0, 0, -1},
					{0, -1, 1, 0}, {-1, 0, 0, 1}, {1, 0, 0, -1},
					{0, 1, 1, 0},  {0, -1, -1, 0}};
	for (int k = 0; k < 8; k++) {
		const int32_t m[9] = {parts[k][0] * ONE,
				      parts[k][1] * ONE,
				      0,
				      parts[k][2] * ONE,
				      parts[k][3] * ONE,
				      0,
				      0,
				      0,
				      1 << 30};
		uint8_t from[H * W * 3], to[H * W * 3];
		const struct avl_turn turn = avl_turn_from_matrix(m);
		for (int i = 0; i < H * W * 3; i++)
			from[i] = (uint8_t)(i * 7 + 1);
		avl_turn_apply(turn, from, W, H, to);
		const int width = turn.quarters & 1 ? H : W;
		for (int y = 0; y < H; y++) {
			for (int x = 0; x < W; x++) {
				int tx, ty;
				map(m, x, y, &tx, &ty);
				cr_expect(
				    !memcmp(from + 3 * (y * W + x), to + 3 * (ty * width + tx), 3),
				    "matrix %d, pixel %d %d", k, x, y);
			}
		}
	}
}

Test(pixels, without_a_sensible_matrix_stay)
{
	static const int32_t zero[9];
	static const int32_t nearly[9] = {65000, 900, 0, -900, 65000, 0, 0, 0, 1 << 30};
	const struct avl_turn none = avl_turn_from_matrix(NULL), flat = avl_turn_from_matrix(zero),
			      close = avl_turn_from_matrix(nearly);
	cr_assert(!none.quarters && !none.mirror && !flat.quarters && !flat.mirror);
	cr_assert(!close.quarters && !close.mirror);
}

Test(pixels, fit_the_size_that_was_asked_for)
{
	static const struct {
		int width, height, to_width, to_height, fit_width, fit_height;
	} rows[] = {
	    {1280, 720, 0, 0, 1280, 720},    {1280, 720, 320, 0, 320, 180},
	    {720, 1280, 320, 0, 180, 320},   {100, 50, 320, 0, 100, 50},
	    {1280, 720, 320, 320, 320, 320}, {10, 10, 40, 20, 40, 20},
	    {10000, 1, 100, 0, 100, 1},      {1279, 719, 640, 0, 640, 360},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int width, height;
		avl_fit_size(rows[i].width, rows[i].height, rows[i].to_width, rows[i].to_height,
			     &width, &height);
		cr_expect(width == rows[i].fit_width && height == rows[i].fit_height,
			  "row %zu: %d x %d", i, width, height);
	}
}
