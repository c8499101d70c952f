/* SPDX-License-Identifier: MIT */
#include "image/region.h"

#include <criterion/criterion.h>

static void expect_box(const double box[4], double x0, double y0, double x1, double y1)
{
	cr_expect_float_eq(box[0], x0, 1e-12, "x0 %g", box[0]);
	cr_expect_float_eq(box[1], y0, 1e-12, "y0 %g", box[1]);
	cr_expect_float_eq(box[2], x1, 1e-12, "x1 %g", box[2]);
	cr_expect_float_eq(box[3], y1, 1e-12, "y1 %g", box[3]);
}

Test(region, finds_the_centre_of_the_largest_cell)
{
	const float map[] = {0, 1, 2, 3, 9, 9, -4, 0};
	double peak[2];
	cr_expect_eq(avl_region_peak(map, 2, 4, peak), 9);
	cr_expect_float_eq(peak[0], 0.125, 1e-12);
	cr_expect_float_eq(peak[1], 0.75, 1e-12);
	cr_expect_eq(avl_region_peak(map, 1, 1, peak), 0);
	cr_expect_float_eq(peak[0], 0.5, 1e-12);
}

Test(region, bounds_the_cells_that_touch_the_peak)
{
	/* The lower left corner reaches half too, but touches only by a corner. */
	const float map[] = {
	    0, 0, 5, 0, 0, /**/
	    0, 4, 8, 6, 0, /**/
	    5, 3, 0, 4, 0, /**/
	    7, 0, 0, 0, 0, /**/
	};
	double box[4];
	cr_expect_eq(avl_region_box(map, 4, 5, 0.5, box, NULL), 1);
	expect_box(box, 0.2, 0, 0.8, 0.75);
	cr_expect_eq(avl_region_box(map, 4, 5, 0.375, box, NULL), 1);
	expect_box(box, 0, 0, 0.8, 1);
	cr_expect_eq(avl_region_box(map, 4, 5, 1, box, NULL), 1);
	expect_box(box, 0.4, 0.25, 0.6, 0.5);
}

Test(region, follows_winding_paths)
{
	const float map[] = {
	    1, 1, 1, 1, 1, /**/
	    0, 0, 0, 0, 1, /**/
	    1, 1, 1, 0, 1, /**/
	    1, 0, 2, 0, 1, /**/
	    1, 1, 1, 1, 1, /**/
	};
	double box[4];
	cr_expect_eq(avl_region_box(map, 5, 5, 0.5, box, NULL), 1);
	expect_box(box, 0, 0, 1, 1);
}

Test(region, takes_everything_where_all_is_equal_and_nothing_where_none_is_above_0)
{
	const float flat[] = {2, 2, 2, 2, 2, 2}, none[] = {0, -1, -2, 0, -1, -9};
	double box[4];
	cr_expect_eq(avl_region_box(flat, 2, 3, 0.5, box, NULL), 1);
	expect_box(box, 0, 0, 1, 1);
	cr_expect_eq(avl_region_box(none, 2, 3, 0.5, box, NULL), 0);
	expect_box(box, 0, 0, 0, 0);
}

Test(region, moves_points_into_the_part_of_the_frame)
{
	const double region[4] = {0.25, 0.1, 0.75, 0.9};
	double box[4] = {0, 0, 0.5, 1};
	avl_region_to_frame(region, box, 2);
	expect_box(box, 0.25, 0.1, 0.5, 0.9);
}
