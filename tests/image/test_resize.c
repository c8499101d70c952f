/* SPDX-License-Identifier: MIT */
#include "image/resize.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <libdeflate.h>

#include "tests/golden/resize.h"

/* The formula of scripts/golden-resize.py. */
static uint8_t pixel(int64_t x, int64_t y, int64_t c)
{
	int64_t value = (x * x * (3 + c) + y * y * 5 + x * y * 7) >> 4;
	if (((x >> 3) + (y >> 2) + c) % 3 == 0)
		value = (x * INT64_C(2654435761) + y * 40503 + c * 69069) >> 7;
	if (((x >> 4) ^ (y >> 3)) % 4 == 1)
		value = (x + y) % 2 * 255;
	return (uint8_t)(value & 255);
}

static uint8_t *picture(int width, int height)
{
	uint8_t *const rgb = malloc((size_t)width * (size_t)height * 3);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < 3; c++)
				rgb[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] =
				    pixel(x, y, c);
	return rgb;
}

/* The result in malloc'd memory. */
static uint8_t *resized(const struct avl_resize_spec *spec, struct avl_par *par, size_t *size)
{
	struct avl_resize *plan;
	struct avl_err err = {0};
	uint8_t *const src = picture(spec->in_w, spec->in_h);
	cr_assert_eq(avl_resize_new(&plan, spec, &err), 0, "%s", err.text);
	*size = (size_t)avl_resize_height(plan) * (size_t)avl_resize_width(plan) * 3;
	uint8_t *const dst = malloc(*size);
	memset(dst, 0xa5, *size);
	avl_resize_rgb(plan, src, dst, par);
	avl_resize_free(plan);
	free(src);
	return dst;
}

Test(resize, gives_the_bytes_of_pillow)
{
	for (size_t i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		const struct golden *const g = &goldens[i];
		struct avl_resize_spec spec =
		    avl_resize_stretch(g->in_h, g->in_w, g->out_h, g->out_w, g->filter);
		size_t size;
		memcpy(spec.box, g->box, sizeof(spec.box));
		uint8_t *const got = resized(&spec, NULL, &size);
		const uint8_t *const middle =
		    got + ((size_t)(g->out_h / 2) * (size_t)g->out_w + (size_t)(g->out_w / 2)) * 3;
		cr_expect_arr_eq(middle, g->middle, 3, "row %zu: %d %d %d", i, middle[0], middle[1],
				 middle[2]);
		cr_expect_eq(libdeflate_crc32(0, got, size), g->crc32, "row %zu, %s %dx%d to %dx%d",
			     i, avl_filter_name(g->filter), g->in_w, g->in_h, g->out_w, g->out_h);
		free(got);
	}
}

Test(resize, does_not_depend_on_the_number_of_threads)
{
	const struct avl_resize_spec spec =
	    avl_resize_stretch(251, 333, 223, 225, AVL_FILTER_BICUBIC);
	size_t size;
	uint8_t *const one = resized(&spec, NULL, &size);
	for (int threads = 1; threads <= 5; threads += 2) {
		struct avl_par *par;
		struct avl_err err;
		cr_assert_eq(avl_par_new(&par, threads, &err), 0);
		uint8_t *const many = resized(&spec, par, &size);
		cr_expect_arr_eq(many, one, size, "%d threads", threads);
		free(many);
		avl_par_free(par);
	}
	free(one);
}

Test(resize, crops_exactly_what_the_whole_result_shows_there)
{
	const struct avl_resize_spec whole =
	    avl_resize_stretch(67, 101, 90, 80, AVL_FILTER_BICUBIC);
	const int crops[][4] = {{0, 0, 1, 1}, {13, 7, 40, 33}, {89, 79, 1, 1}, {0, 20, 90, 3}};
	size_t size;
	uint8_t *const all = resized(&whole, NULL, &size);
	for (size_t i = 0; i < sizeof(crops) / sizeof(*crops); i++) {
		struct avl_resize_spec spec = whole;
		spec.crop_y = crops[i][0];
		spec.crop_x = crops[i][1];
		spec.crop_h = crops[i][2];
		spec.crop_w = crops[i][3];
		uint8_t *const part = resized(&spec, NULL, &size);
		cr_assert_eq(size, (size_t)spec.crop_h * (size_t)spec.crop_w * 3);
		for (int y = 0; y < spec.crop_h; y++)
			cr_expect_arr_eq(part + y * spec.crop_w * 3,
					 all + ((spec.crop_y + y) * 80 + spec.crop_x) * 3,
					 (size_t)spec.crop_w * 3, "crop %zu, row %d", i, y);
		free(part);
	}
	free(all);
}

Test(resize, crops_a_picture_that_keeps_its_size)
{
	struct avl_resize_spec spec = avl_resize_stretch(9, 8, 9, 8, AVL_FILTER_BICUBIC);
	size_t size;
	spec.crop_y = 2;
	spec.crop_x = 3;
	spec.crop_h = 4;
	spec.crop_w = 5;
	uint8_t *const part = resized(&spec, NULL, &size);
	for (int y = 0; y < 4; y++)
		for (int x = 0; x < 5; x++)
			for (int c = 0; c < 3; c++)
				cr_expect_eq(part[(y * 5 + x) * 3 + c], pixel(x + 3, y + 2, c));
	free(part);
}

/* torchvision 0.2x: Resize(224) of 500x333 is 336x224, CenterCrop's left is round(56.0). */
Test(resize, plans_the_centre_crop_as_torchvision_does)
{
	const struct {
		int in_h, in_w, side, crop_h, crop_w, out_h, out_w, y, x;
	} rows[] = {
	    {333, 500, 224, 224, 224, 224, 336, 0, 56},
	    {500, 333, 224, 224, 224, 336, 224, 56, 0},
	    {720, 1280, 256, 224, 224, 256, 455, 16, 116}, /* 115.5: to even */
	    {720, 1280, 254, 224, 224, 254, 451, 15, 114}, /* 113.5: to even */
	    {1280, 720, 255, 224, 224, 453, 255, 114, 16}, /* 114.5 and 15.5 */
	    {10, 10, 20, 20, 20, 20, 20, 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct avl_resize_spec s =
		    avl_resize_centre_crop(rows[i].in_h, rows[i].in_w, rows[i].side, rows[i].crop_h,
					   rows[i].crop_w, AVL_FILTER_BICUBIC);
		cr_expect_eq(s.out_h, rows[i].out_h, "row %zu: %d", i, s.out_h);
		cr_expect_eq(s.out_w, rows[i].out_w, "row %zu: %d", i, s.out_w);
		cr_expect_eq(s.crop_y, rows[i].y, "row %zu: %d", i, s.crop_y);
		cr_expect_eq(s.crop_x, rows[i].x, "row %zu: %d", i, s.crop_x);
	}
}

Test(resize, knows_which_part_of_the_frame_a_crop_shows)
{
	struct avl_resize_spec spec =
	    avl_resize_centre_crop(300, 600, 200, 200, 200, AVL_FILTER_BICUBIC);
	double region[4];
	avl_resize_region(&spec, region);
	cr_expect_float_eq(region[0], 0.25, 1e-12);
	cr_expect_float_eq(region[1], 0, 1e-12);
	cr_expect_float_eq(region[2], 0.75, 1e-12);
	cr_expect_float_eq(region[3], 1, 1e-12);
	spec = avl_resize_stretch(300, 600, 50, 50, AVL_FILTER_BOX);
	spec.box[0] = 150;
	spec.box[2] = 300;
	spec.box[3] = 300;
	avl_resize_region(&spec, region);
	cr_expect_float_eq(region[0], 0.25, 1e-7);
	cr_expect_float_eq(region[2], 0.5, 1e-7);
	cr_expect_float_eq(region[3], 1, 1e-7);
}

static double at_edge(const float *map, int h, int w, int y, int x)
{
	y = y < 0 ? 0 : y >= h ? h - 1 : y;
	x = x < 0 ? 0 : x >= w ? w - 1 : x;
	return map[y * w + x];
}

static double keys(double x, double a)
{
	x = fabs(x);
	if (x <= 1)
		return (a + 2) * x * x * x - (a + 3) * x * x + 1;
	return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

/* Sampling with the edge repeated, straight from the definition. */
static double sample(const float *map, int h, int w, double y, double x, int is_cubic)
{
	const int y0 = (int)floor(y), x0 = (int)floor(x);
	double sum = 0;
	for (int j = y0 - 1; j <= y0 + 2; j++)
		for (int i = x0 - 1; i <= x0 + 2; i++) {
			const double wy = is_cubic ? keys(y - j, -0.75) : fmax(0, 1 - fabs(y - j));
			const double wx = is_cubic ? keys(x - i, -0.75) : fmax(0, 1 - fabs(x - i));
			sum += wy * wx * at_edge(map, h, w, j, i);
		}
	return sum;
}

Test(resize, samples_maps_at_points_as_defined)
{
	const int sizes[][4] = {{1, 1, 4, 5}, {7, 10, 60, 31}, {14, 14, 97, 64},
				{3, 2, 3, 9}, {20, 30, 7, 8},  {2, 3, 1, 1}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const int h = sizes[i][0], w = sizes[i][1], oh = sizes[i][2], ow = sizes[i][3];
		float map[600], out[97 * 64];
		for (int p = 0; p < h * w; p++)
			map[p] = (float)sin(p * 1.7) * 3 - 1;
		for (int cubic = 0; cubic < 2; cubic++) {
			const struct avl_resize_spec spec = avl_resize_stretch(
			    h, w, oh, ow, cubic ? AVL_FILTER_CUBIC_POINT : AVL_FILTER_LINEAR_POINT);
			struct avl_resize *plan;
			cr_assert_eq(avl_resize_new(&plan, &spec, NULL), 0);
			avl_resize_map(plan, map, out, NULL);
			avl_resize_free(plan);
			for (int y = 0; y < oh; y++)
				for (int x = 0; x < ow; x++)
					cr_expect_float_eq(
					    out[y * ow + x],
					    sample(map, h, w, (y + 0.5) * h / oh - 0.5,
						   (x + 0.5) * w / ow - 0.5, cubic),
					    2e-6, "%dx%d to %dx%d at %d %d, cubic %d", w, h, ow, oh,
					    x, y, cubic);
		}
	}
}

/* For enlarging, the widened triangle is the plain one: both paths must agree. */
Test(resize, enlarges_maps_alike_by_both_linear_filters)
{
	float map[5 * 6], one[23 * 31], other[23 * 31];
	for (int i = 0; i < 30; i++)
		map[i] = (float)((i * 7) % 11) - 5;
	for (int i = 0; i < 2; i++) {
		const struct avl_resize_spec spec = avl_resize_stretch(
		    5, 6, 23, 31, i ? AVL_FILTER_LINEAR_POINT : AVL_FILTER_BILINEAR);
		struct avl_resize *plan;
		cr_assert_eq(avl_resize_new(&plan, &spec, NULL), 0);
		avl_resize_map(plan, map, i ? other : one, NULL);
		avl_resize_free(plan);
	}
	for (int i = 0; i < 23 * 31; i++)
		cr_expect_float_eq(one[i], other[i], 1e-6, "at %d", i);
}

Test(resize, refuses_what_makes_no_sense)
{
	const struct avl_resize_spec wrong[] = {
	    {.in_h = 0, .in_w = 4, .out_h = 2, .out_w = 2},
	    {.in_h = 4, .in_w = 65536, .out_h = 2, .out_w = 2},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = -1},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .box = {0, 0, 5, 4}},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .box = {2, 0, 2, 4}},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .box = {NAN, 0, 2, 4}},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .crop_h = 3, .crop_w = 1},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .crop_y = -1, .crop_h = 2, .crop_w = 1},
	    {.in_h = 4, .in_w = 4, .out_h = 2, .out_w = 2, .crop_h = 2},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct avl_resize *plan;
		struct avl_err err = {0};
		cr_expect_eq(avl_resize_new(&plan, &wrong[i], &err), AVL_EUSAGE, "row %zu", i);
		cr_expect_null(plan);
		cr_expect(err.text[0]);
	}
}

Test(resize, knows_its_filters_by_name)
{
	for (int i = 0; i < AVL_FILTERS; i++) {
		enum avl_filter filter;
		cr_expect_eq(avl_filter_parse(avl_filter_name((enum avl_filter)i), &filter, NULL),
			     0);
		cr_expect_eq((int)filter, i);
	}
	enum avl_filter filter;
	cr_expect_eq(avl_filter_parse("cubic", &filter, NULL), AVL_EUSAGE);
}
