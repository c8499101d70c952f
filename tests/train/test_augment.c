/* SPDX-License-Identifier: MIT */
#include "train/augment.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/preset.h"
#include "train/truth.h"

enum { H = 60, W = 80 };

/* A picture that tells where it was: R rises to the right, G downwards. */
static uint8_t *make_picture(void)
{
	uint8_t *const rgb = calloc((size_t)H * W, 3);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			rgb[3 * (y * W + x)] = (uint8_t)(3 * x);
			rgb[3 * (y * W + x) + 1] = (uint8_t)(3 * y);
		}
	return rgb;
}

static struct avl_contract contract_of(int side)
{
	struct avl_contract contract;
	cr_assert_eq(avl_preset_contract(&contract, "ezvsl", NULL), 0);
	contract.frame.height = contract.frame.width = side;
	for (int c = 0; c < 3; c++) {
		contract.frame.mean[c] = 0;
		contract.frame.std[c] = 1;
	}
	return contract;
}

/* The place in the frame that pixel X, Y of the view is said to show, against what it shows. */
static void check_place(const float *out, int side, const double region[4], int x, int y)
{
	const double fx = region[0] + (region[2] - region[0]) * (x + 0.5) / side;
	const double fy = region[1] + (region[3] - region[1]) * (y + 0.5) / side;
	const double r = (double)out[y * side + x], g = (double)out[side * side + y * side + x];
	cr_expect_float_eq(r, 3 * (fx * W - 0.5), 4, "%d, %d: R %g at x %g", x, y, r, fx);
	cr_expect_float_eq(g, 3 * (fy * H - 0.5), 4, "%d, %d: G %g at y %g", x, y, g, fy);
}

Test(augment, regions_say_what_a_view_shows)
{
	enum { SIDE = 40 };
	static const struct avl_picture_view views[] = {
	    {0}, {.mirror = 1}, {1.1, 0, 0, 0}, {1.1, 0.99, 0.5, 1}, {1.5, 0.3, 0.999, 0},
	};
	const struct avl_contract contract = contract_of(SIDE);
	struct avl_picture_front front;
	struct avl_err err;
	uint8_t *const rgb = make_picture();
	float *const out = malloc(sizeof(float) * 3 * SIDE * SIDE);
	cr_assert_eq(avl_picture_front_init(&front, &contract, &err), 0);
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		double region[4];
		cr_assert_eq(
		    avl_picture_front_vary(&front, &views[i], rgb, H, W, out, region, NULL, &err),
		    0, "%s", err.text);
		cr_expect_eq(region[0] > region[2], views[i].mirror);
		check_place(out, SIDE, region, 5, 7);
		check_place(out, SIDE, region, 33, 20);
		check_place(out, SIDE, region, 20, 35);
	}
	avl_picture_front_release(&front);
	free(rgb);
	free(out);
}

/* A picture of 246 where 224 is taken, as the official codes have it. */
Test(augment, a_crop_is_of_a_picture_of_246)
{
	const struct avl_contract contract = contract_of(224);
	const struct avl_picture_view corner = {1.1, 0, 0, 0};
	struct avl_picture_front front;
	struct avl_err err;
	double region[4];
	uint8_t *const rgb = make_picture();
	float *const out = malloc(sizeof(float) * 3 * 224 * 224);
	cr_assert_eq(avl_picture_front_init(&front, &contract, &err), 0);
	cr_assert_eq(avl_picture_front_vary(&front, &corner, rgb, H, W, out, region, NULL, &err),
		     0);
	cr_expect_float_eq(region[3], 224.0 / 246, 1e-12);
	cr_expect_float_eq(region[2], 224.0 / (246 * W / H), 1e-12);
	avl_picture_front_release(&front);
	free(rgb);
	free(out);
}

Test(augment, truth_follows_a_mirrored_region)
{
	static const double box[5] = {0, 0.25, 0.25, 0.75, 0};
	static const double plain[4] = {0, 0, 1, 1}, mirrored[4] = {1, 0, 0, 1};
	const struct avl_truth truth = {.box = box, .nboxes = 1, .annotators = 1};
	float a[16], b[16];
	cr_assert_float_eq(avl_truth_map(&truth, 0, plain, 4, 4, a), 2, 1e-6);
	cr_assert_float_eq(avl_truth_map(&truth, 0, mirrored, 4, 4, b), 2, 1e-6);
	for (int y = 0; y < 4; y++)
		for (int x = 0; x < 4; x++)
			cr_expect_eq(a[4 * y + x], b[4 * y + 3 - x], "%d, %d", x, y);
}

Test(augment, draws_depend_on_the_generator_alone)
{
	const int all = AVL_AUGMENT_CROP | AVL_AUGMENT_FLIP | AVL_AUGMENT_WINDOW;
	int mirrored = 0;
	struct avl_rng a, b;
	avl_rng_init(&a, 5, 1);
	avl_rng_init(&b, 5, 1);
	for (int i = 0; i < 200; i++) {
		struct avl_variation one, two;
		avl_variation_draw(all, &a, &one);
		avl_variation_draw(all, &b, &two);
		cr_expect_eq(one.view.x, two.view.x);
		cr_expect(one.view.y >= 0 && one.view.y < 1 && one.view.x >= 0 && one.view.x < 1);
		cr_expect(one.window >= 0 && one.window < 1);
		mirrored += one.view.mirror;
	}
	cr_expect(mirrored > 70 && mirrored < 130, "%d of 200", mirrored);
	struct avl_variation none;
	avl_variation_draw(0, &a, &none);
	cr_expect(isnan(none.window) && none.view.zoom == 0 && !none.view.mirror);
	cr_expect_eq(avl_rng_u32(&a), avl_rng_u32(&b));
}
