/* SPDX-License-Identifier: MIT */
#include "image/colormap.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double unit(double value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

Test(colormap, has_jet_by_its_formula_and_grey)
{
	for (int i = 0; i < 256; i++)
		for (int c = 0; c < 3; c++) {
			const double wanted = unit(1.5 - fabs(4 * i / 255.0 - (3 - c))) * 255;
			cr_expect_float_eq(avl_colormap_table[AVL_COLORMAP_JET][i][c], wanted, 0.51,
					   "%d %d", i, c);
			cr_expect_eq(avl_colormap_table[AVL_COLORMAP_GREY][i][c], i);
		}
}

/* First, middle and last colour of the published tables. */
Test(colormap, has_the_published_tables)
{
	const struct {
		enum avl_colormap map;
		uint8_t at[3][3];
	} rows[] = {
	    {AVL_COLORMAP_TURBO, {{48, 18, 59}, {164, 252, 60}, {122, 4, 3}}},
	    {AVL_COLORMAP_VIRIDIS, {{68, 1, 84}, {33, 145, 140}, {253, 231, 37}}},
	    {AVL_COLORMAP_INFERNO, {{0, 0, 4}, {188, 55, 84}, {252, 255, 164}}},
	};
	const int steps[] = {0, 128, 255};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int s = 0; s < 3; s++) {
			const uint8_t *const got = avl_colormap_table[rows[i].map][steps[s]];
			cr_expect_arr_eq(got, rows[i].at[s], 3, "map %d step %d: %d %d %d",
					 (int)rows[i].map, steps[s], got[0], got[1], got[2]);
		}
}

Test(colormap, changes_smoothly)
{
	for (int m = 0; m < AVL_COLORMAPS; m++)
		for (int i = 1; i < 256; i++)
			for (int c = 0; c < 3; c++)
				cr_expect(abs(avl_colormap_table[m][i][c] -
					      avl_colormap_table[m][i - 1][c]) <= 9,
					  "map %d step %d", m, i);
}

Test(colormap, finds_the_step_of_any_value)
{
	cr_expect_eq(avl_colormap_step(0), 0);
	cr_expect_eq(avl_colormap_step(1), 255);
	cr_expect_eq(avl_colormap_step(0.5F), 128);
	cr_expect_eq(avl_colormap_step(-INFINITY), 0);
	cr_expect_eq(avl_colormap_step(INFINITY), 255);
	cr_expect_eq(avl_colormap_step(NAN), 0);
}

Test(colormap, has_six_colours_for_sources)
{
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < i; j++)
			cr_expect(memcmp(avl_colormap_source(i), avl_colormap_source(j), 3) != 0);
	cr_expect_eq(avl_colormap_source(7), avl_colormap_source(1));
}
