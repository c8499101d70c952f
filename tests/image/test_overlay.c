/* SPDX-License-Identifier: MIT */
#include "image/overlay.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/colormap.h"
#include "image/heatmap.h"

static const double whole[4] = {0, 0, 1, 1};

static struct avl_picture grey(int height, int width)
{
	struct avl_picture picture = {height, width, malloc((size_t)height * (size_t)width * 3)};
	memset(picture.rgb, 128, (size_t)height * (size_t)width * 3);
	return picture;
}

Test(overlay, takes_the_range_from_the_scores)
{
	const struct {
		float score[4], low, high;
	} rows[] = {
	    {{1, 2, 3, 5}, 1, 5},
	    {{-7, 0, 1, 4}, 0, 4}, /* "not here" is no cold */
	    {{-1, -2, -3, -4}, 0, 0},
	    {{0, 0, 0, 0}, 0, 0},
	    {{3, 3, 3, 3}, 0, 0},
	    {{3, 3, 3, 3.0000005F}, 0, 0},
	    {{1e-20F, 2e-20F, 3e-20F, 0}, 0, 3e-20F},
	    {{-FLT_MAX, FLT_MAX, 0, 0}, 0, FLT_MAX},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct avl_heat_range range = avl_heat_range(rows[i].score, 4);
		cr_expect_eq(range.low, rows[i].low, "row %zu: %g", i, range.low);
		cr_expect_eq(range.high, rows[i].high, "row %zu: %g", i, range.high);
	}
}

Test(overlay, scales_scores_to_heat)
{
	const float score[] = {-FLT_MAX, -1, 1, 2, 3, FLT_MAX};
	const float wanted[] = {0, 0, 0, 0.5F, 1, 1};
	float heat[6];
	avl_heat_scale(score, 6, (struct avl_heat_range){1, 3}, heat);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(heat[i], wanted[i], "%d: %g", i, heat[i]);
	avl_heat_scale(score, 6, (struct avl_heat_range){-FLT_MAX, FLT_MAX}, heat);
	cr_expect_eq(heat[0], 0);
	cr_expect_eq(heat[5], 1);
	avl_heat_scale(score, 6, (struct avl_heat_range){0, 0}, heat);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(heat[i], 0);
}

/* Each cell alone on its pixel: the blend is the formula, number by number. */
Test(overlay, blends_by_the_formula)
{
	const float heat[] = {0, 0.25F, 0.5F, 1};
	struct avl_picture picture = grey(1, 4);
	struct avl_overlay *overlay;
	const struct avl_overlay_look look =
	    avl_overlay_look_table(avl_colormap_table[AVL_COLORMAP_JET], 0.5, 0);
	cr_assert_eq(avl_overlay_new(&overlay, 1, 4, 1, 4, whole, NULL), 0);
	avl_overlay_spread(overlay, heat, NULL);
	avl_overlay_blend(overlay, &look, &picture, NULL);
	for (int x = 0; x < 4; x++) {
		const int step = (int)(heat[x] * 255 + 0.5F);
		const double opacity = step >= 128 ? 0.5 : 0.5 * step / 128;
		for (int c = 0; c < 3; c++) {
			const double colour = avl_colormap_table[AVL_COLORMAP_JET][step][c];
			const double wanted = 128 * (1 - opacity) + colour * opacity;
			cr_expect_float_eq(picture.rgb[3 * x + c], wanted, 1, "%d %d: %d, not %g",
					   x, c, picture.rgb[3 * x + c], wanted);
		}
	}
	avl_overlay_free(overlay);
	free(picture.rgb);
}

Test(overlay, is_red_where_the_heat_is_large_and_leaves_the_rest_alone)
{
	float heat[14 * 14] = {0};
	struct avl_picture picture = grey(140, 280);
	struct avl_overlay *overlay;
	const struct avl_overlay_look look =
	    avl_overlay_look_table(avl_colormap_table[AVL_COLORMAP_JET], 0.5, 0);
	heat[3 * 14 + 10] = 1;
	cr_assert_eq(avl_overlay_new(&overlay, 140, 280, 14, 14, whole, NULL), 0);
	avl_overlay_spread(overlay, heat, NULL);
	avl_overlay_blend(overlay, &look, &picture, NULL);
	const uint8_t *const hot = avl_picture_at(&picture, 35, 210);
	cr_expect(hot[0] > hot[1] + 40 && hot[0] > hot[2] + 40, "%d %d %d", hot[0], hot[1], hot[2]);
	for (int y = 0; y < 140; y++)
		for (int x = 0; x < 280; x++) {
			const int is_near = abs(y - 35) <= 15 && abs(x - 210) <= 30;
			const uint8_t *const p = avl_picture_at(&picture, y, x);
			if (!is_near)
				cr_assert(p[0] == 128 && p[1] == 128 && p[2] == 128, "%d %d", x, y);
		}
	avl_overlay_free(overlay);
	free(picture.rgb);
}

Test(overlay, keeps_to_its_region_at_any_size)
{
	const int sizes[][2] = {{1, 1}, {3, 7}, {7, 3}, {1, 300}, {240, 320}};
	const double regions[][4] = {
	    {0, 0, 1, 1}, {0.25, 0.1, 0.75, 0.9}, {0.999, 0.999, 1, 1}, {0, 0.4999, 0.0001, 0.5}};
	const float heat[] = {1, 1, 1, 1, 1, 1};
	const uint8_t white[3] = {255, 255, 255};
	const struct avl_overlay_look look = avl_overlay_look_plain(white, 1);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
		for (size_t r = 0; r < sizeof(regions) / sizeof(*regions); r++) {
			const double *const region = regions[r];
			const int h = sizes[s][0], w = sizes[s][1];
			struct avl_picture picture = grey(h, w);
			struct avl_overlay *overlay;
			int touched = 0, outside = 0;
			cr_assert_eq(avl_overlay_new(&overlay, h, w, 2, 3, region, NULL), 0);
			avl_overlay_spread(overlay, heat, NULL);
			avl_overlay_blend(overlay, &look, &picture, NULL);
			for (int y = 0; y < h; y++)
				for (int x = 0; x < w; x++)
					if (*avl_picture_at(&picture, y, x) != 128) {
						touched++;
						outside += x + 1.5 < region[0] * w ||
							   x - 0.5 > region[2] * w ||
							   y + 1.5 < region[1] * h ||
							   y - 0.5 > region[3] * h;
					}
			cr_expect(touched >= 1, "%d x %d, region %zu", w, h, r);
			cr_expect_eq(outside, 0, "%d x %d, region %zu: %d", w, h, r, outside);
			avl_overlay_free(overlay);
			free(picture.rgb);
		}
}

Test(overlay, refuses_what_is_no_region)
{
	const double wrong[][4] = {
	    {0, 0, 0, 1}, {0.5, 0, 0.4, 1}, {-0.1, 0, 1, 1}, {0, 0, 1, 1.1}, {NAN, 0, 1, 1}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct avl_overlay *overlay;
		cr_expect_eq(avl_overlay_new(&overlay, 9, 9, 2, 2, wrong[i], NULL), AVL_ESHAPE);
		cr_expect_null(overlay);
	}
}

Test(overlay, draws_the_contour_where_the_heat_passes_the_level)
{
	const float heat[] = {0, 1};
	const uint8_t white[3] = {255, 255, 255};
	struct avl_picture picture = grey(5, 40);
	struct avl_overlay *overlay;
	cr_assert_eq(avl_overlay_new(&overlay, 5, 40, 1, 2, whole, NULL), 0);
	avl_overlay_spread(overlay, heat, NULL);
	avl_overlay_contour(overlay, 0.5, white, &picture, NULL);
	for (int y = 0; y < 5; y++)
		for (int x = 0; x < 40; x++)
			cr_expect_eq(*avl_picture_at(&picture, y, x), x == 20 ? 255 : 128, "%d %d",
				     x, y);
	avl_overlay_free(overlay);
	free(picture.rgb);
}

Test(overlay, draws_the_same_with_any_number_of_threads)
{
	float score[7 * 5];
	struct avl_picture one = grey(101, 203), many = grey(101, 203);
	const struct avl_heatmap_style style = {
	    .alpha = 0.5, .threshold = 0.5, .has_box = 1, .has_contour = 1, .has_peak = 1};
	for (int i = 0; i < 35; i++)
		score[i] = (float)sin(i * 2.1);
	for (int threads = 1; threads <= 3; threads++) {
		struct avl_picture *const picture = threads == 1 ? &one : &many;
		struct avl_heatmap *heatmap;
		struct avl_par *par;
		double box[1][4];
		memset(picture->rgb, 90, 101 * 203 * 3);
		cr_assert_eq(avl_par_new(&par, threads, NULL), 0);
		cr_assert_eq(avl_heatmap_new(&heatmap, &style, par, NULL), 0);
		cr_assert_eq(
		    avl_heatmap_draw(heatmap, picture, score, 1, 7, 5, whole, 0, box, NULL), 0);
		avl_heatmap_free(heatmap);
		avl_par_free(par);
		if (threads > 1)
			cr_expect_arr_eq(one.rgb, many.rgb, 101 * 203 * 3);
	}
	free(one.rgb);
	free(many.rgb);
}

Test(overlay, draws_nothing_where_there_is_no_heat)
{
	const float flat[] = {1, 1, 1, 1}, below[] = {-1, -2, -3, -4};
	const struct avl_heatmap_style style = {
	    .alpha = 1, .is_solid = 1, .threshold = 0.5, .has_box = 1, .has_peak = 1};
	struct avl_heatmap *heatmap;
	cr_assert_eq(avl_heatmap_new(&heatmap, &style, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct avl_picture picture = grey(20, 30);
		double box[1][4] = {{9, 9, 9, 9}};
		cr_expect_eq(avl_heatmap_draw(heatmap, &picture, i ? flat : below, 1, 2, 2, whole,
					      0, box, NULL),
			     0);
		for (int p = 0; p < 20 * 30 * 3; p++)
			cr_assert_eq(picture.rgb[p], 128);
		for (int b = 0; b < 4; b++)
			cr_expect_eq(box[0][b], 0);
		free(picture.rgb);
	}
	avl_heatmap_free(heatmap);
}

Test(overlay, draws_the_box_where_the_region_is)
{
	float score[8 * 8] = {0};
	const struct avl_heatmap_style style = {.alpha = 0, .threshold = 0.5, .has_box = 1};
	const double half[4] = {0.5, 0, 1, 1};
	struct avl_picture picture = grey(160, 320);
	struct avl_heatmap *heatmap;
	double box[1][4];
	score[2 * 8 + 4] = 1;
	score[3 * 8 + 4] = 0.6F;
	score[2 * 8 + 6] = 0.9F; /* apart */
	cr_assert_eq(avl_heatmap_new(&heatmap, &style, NULL, NULL), 0);
	cr_assert_eq(avl_heatmap_draw(heatmap, &picture, score, 1, 8, 8, half, 0, box, NULL), 0);
	avl_heatmap_free(heatmap);
	cr_expect_float_eq(box[0][0], 0.75, 1e-12);
	cr_expect_float_eq(box[0][1], 0.25, 1e-12);
	cr_expect_float_eq(box[0][2], 0.8125, 1e-12);
	cr_expect_float_eq(box[0][3], 0.5, 1e-12);
	cr_expect_eq(*avl_picture_at(&picture, 40, 245), 255, "its upper edge");
	cr_expect_eq(*avl_picture_at(&picture, 79, 245), 255, "its lower edge");
	cr_expect_eq(*avl_picture_at(&picture, 60, 240), 255, "its left edge");
	cr_expect_eq(*avl_picture_at(&picture, 60, 259), 255, "its right edge");
	cr_expect_eq(*avl_picture_at(&picture, 60, 250), 128, "its middle");
	cr_expect_eq(*avl_picture_at(&picture, 60, 235), 128, "beside it");
	free(picture.rgb);
}

/* Both maps are hot everywhere on the left map's box: the second heat must not lie over it. */
Test(overlay, draws_the_marks_of_all_maps_over_their_heat)
{
	const float score[2][4] = {{1, 0, 0, 0}, {0.9F, 1, 0.9F, 0}};
	const struct avl_heatmap_style style = {.alpha = 1, .threshold = 0.5, .has_box = 1};
	struct avl_picture picture = grey(100, 100);
	struct avl_heatmap *heatmap;
	double box[2][4];
	cr_assert_eq(avl_heatmap_new(&heatmap, &style, NULL, NULL), 0);
	cr_assert_eq(avl_heatmap_draw(heatmap, &picture, score[0], 2, 2, 2, whole, 1, box, NULL),
		     0);
	avl_heatmap_free(heatmap);
	cr_expect_float_eq(box[0][2], 0.5, 1e-12);
	cr_expect_float_eq(box[1][2], 1, 1e-12);
	cr_expect_arr_eq(avl_picture_at(&picture, 49, 25), avl_colormap_source(0), 3);
	cr_expect_arr_eq(avl_picture_at(&picture, 98, 25), avl_colormap_source(1), 3);
	free(picture.rgb);
}
