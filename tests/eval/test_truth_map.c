/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "eval/truth_map.h"

static struct avl_truth_map map;

Test(truth_map, pixels_are_cut_off_and_the_far_edge_is_outside)
{
	static const double box[] = {0.1, 0.2, 0.3, 0.41, 0};
	avl_truth_map_boxes(&map, box, 1, 0);
	int x0 = AVL_GRID, x1 = 0, y0 = AVL_GRID, y1 = 0;
	for (int y = 0; y < AVL_GRID; y++)
		for (int x = 0; x < AVL_GRID; x++)
			if (map.twice[y * AVL_GRID + x]) {
				x0 = x < x0 ? x : x0;
				y0 = y < y0 ? y : y0;
				x1 = x > x1 ? x : x1;
				y1 = y > y1 ? y : y1;
			}
	cr_assert_eq(x0, 22);
	cr_assert_eq(x1, 66); /* int(67.2) - 1 */
	cr_assert_eq(y0, 44);
	cr_assert_eq(y1, 90);
	cr_assert_eq(map.pixels, 45 * 47);
	cr_assert_eq(map.twice_sum, 2 * 45 * 47);
}

Test(truth_map, boxes_join_or_make_a_consensus)
{
	static const double boxes[] = {0, 0, 0.5, 1, 0, 0.25, 0, 0.75, 1, 1, 0.25, 0, 0.5, 1, 2};
	avl_truth_map_boxes(&map, boxes, 3, 0);
	cr_assert_eq(map.pixels, 168 * 224);
	cr_assert_eq(map.twice_sum, 2 * 168 * 224);
	avl_truth_map_boxes(&map, boxes, 3, 1);
	cr_assert_eq(map.pixels, 168 * 224);
	cr_assert_eq(map.full, 56 * 224);
	cr_assert_eq(map.twice_sum, (56 + 2 * 56 + 56) * 224);
}

Test(truth_map, values_that_make_no_sense_are_survived)
{
	static const double boxes[] = {0.2, 0.2,      -2.8823037615171176e+16,
				       0.9, 0,        0.9,
				       0.1, 0.1,      0.5,
				       0,   NAN,      0,
				       1,   1,        0,
				       0,   INFINITY, 1,
				       1,   0};
	avl_truth_map_boxes(&map, boxes, 2, 0);
	cr_assert_eq(map.pixels, 0);
	avl_truth_map_boxes(&map, boxes + 10, 1, 0);
	cr_assert_eq(map.pixels, AVL_GRID_PIXELS);
	avl_truth_map_boxes(&map, boxes + 15, 1, 0);
	cr_assert_eq(map.pixels, 0);
}

Test(truth_map, a_mask_of_any_size_is_read_at_the_centres_of_the_pixels)
{
	static uint8_t mask[448 * 3];
	for (int y = 0; y < 448; y++)
		mask[3 * y + 1] = y % 2; /* the centre of a pixel lies on the edge of the odd row */
	avl_truth_map_mask(&map, mask, 448, 3);
	cr_assert_eq(map.full, map.pixels);
	cr_assert_eq(map.pixels % AVL_GRID, 0, "every row of pixels is alike");
	cr_assert_eq(map.pixels / AVL_GRID, 74, "a third of the columns");
	avl_truth_map_mask(&map, mask + 1, 1, 1);
	cr_assert_eq(map.pixels, 0);
}
