/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "base/rng.h"
#include "eval/mask_score.h"

#define ROWS 9
#define COLS 13
#define N    (ROWS * COLS)

static float heat[N];
static uint8_t mask[N];

static void form(uint64_t seed)
{
	struct avl_rng rng;
	avl_rng_init(&rng, seed, 5);
	for (int i = 0; i < N; i++) {
		mask[i] = avl_rng_below(&rng, 3) == 0;
		heat[i] = 3 * avl_rng_uniform(&rng) - 1.5f + (mask[i] ? 0.7f : 0);
	}
}

static double naive_iou(void)
{
	int both = 0, any = 0;
	for (int i = 0; i < N; i++) {
		const int on = 1 / (1 + exp(-(double)heat[i])) > 0.5;
		both += on && mask[i];
		any += on || mask[i];
	}
	return both / (any + 1e-7);
}

static double naive_f(double t)
{
	double tp = 0, found = 0, there = 0;
	for (int i = 0; i < N; i++) {
		const int on = 1 / (1 + exp(-(double)heat[i])) >= t;
		tp += on && mask[i];
		found += on;
		there += mask[i];
	}
	const double p = tp / (found + 1e-20), r = tp / (there + 1e-20);
	return p + r > 0 ? 1.3 * p * r / (0.3 * p + r) : 0;
}

/* Single precision decides at the thresholds, but none of these maps comes near one. */
Test(mask_score, iou_and_f_are_those_of_the_definition)
{
	struct avl_mask_scorer scorer = {0};
	double f[AVL_MASK_THRESHOLDS] = {0}, most = 0, iou;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		form(seed);
		cr_assert_eq(
		    avl_mask_score(&scorer, heat, ROWS, COLS, mask, ROWS, COLS, 0.5, 1, &iou, NULL),
		    0);
		cr_assert_float_eq(iou, naive_iou(), 1e-6);
		for (int k = 0; k < AVL_MASK_THRESHOLDS; k++)
			f[k] += naive_f(k / 254.0) / 20;
	}
	for (int k = 0; k < AVL_MASK_THRESHOLDS; k++)
		most = fmax(most, f[k]);
	cr_assert_eq(scorer.masks, 20);
	cr_assert_float_eq(avl_mask_f(&scorer), most, 1e-5);
	avl_mask_scorer_release(&scorer);
}

Test(mask_score, an_empty_mask_is_judged_by_the_background_and_has_no_f)
{
	struct avl_mask_scorer scorer = {0};
	double iou;
	form(3);
	int active = 0;
	for (int i = 0; i < N; i++) {
		mask[i] = 0;
		active += heat[i] > 0;
	}
	cr_assert_eq(
	    avl_mask_score(&scorer, heat, ROWS, COLS, mask, ROWS, COLS, 0.5, 1, &iou, NULL), 0);
	cr_assert_float_eq(iou, (N - active) / (double)N, 1e-6);
	cr_assert(isnan(avl_mask_f(&scorer)));
	avl_mask_scorer_release(&scorer);
}

Test(mask_score, a_map_that_cannot_be_used_scores_0_and_lowers_f)
{
	struct avl_mask_scorer scorer = {0};
	double iou;
	form(4);
	cr_assert_eq(
	    avl_mask_score(&scorer, heat, ROWS, COLS, mask, ROWS, COLS, 0.5, 1, &iou, NULL), 0);
	const double before = avl_mask_f(&scorer);
	cr_assert_eq(
	    avl_mask_score(&scorer, NULL, ROWS, COLS, mask, ROWS, COLS, 0.5, 1, &iou, NULL), 0);
	cr_assert_eq(iou, 0);
	cr_assert_float_eq(avl_mask_f(&scorer), before / 2, 1e-12);
	cr_assert_eq(
	    avl_mask_score(&scorer, heat, ROWS, COLS, mask, ROWS, COLS, 0.5, 0, &iou, NULL), 0);
	cr_assert_eq(scorer.masks, 2, "a control is no part of F");
	avl_mask_scorer_release(&scorer);
}
