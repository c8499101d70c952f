/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "signal/mel.h"
#include "tests/golden/golden.h"

enum { BINS = 257, BANDS = 64 };

static void init_yamnet(struct avl_mel *mel)
{
	struct avl_err err = {0};

	cr_assert_eq(avl_mel_init(mel, BANDS, BINS, 16000, 125, 7500, AVL_MEL_LINEAR_IN_MEL, &err),
		     0, "%s", err.text);
}

static double column_sum(const struct avl_mel *mel, int band)
{
	double sum = 0.0;

	for (int i = 0; i < mel->band[band].count; i++)
		sum += (double)mel->band[band].weight[i];
	return sum;
}

Test(mel, yamnet_bank_has_the_published_facts)
{
	static const struct {
		int band;
		double sum;
	} facts[] = {{0, 0.94769}, {1, 0.98542}, {31, 2.88903}, {63, 8.94418}};
	struct avl_mel mel;
	int count = 0;

	init_yamnet(&mel);
	for (int b = 0; b < BANDS; b++)
		count += mel.band[b].count;
	cr_expect_eq(count, 461);
	cr_expect_eq(mel.band[63].first, 223);
	cr_expect_eq(mel.band[63].first + mel.band[63].count - 1, 239);
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		cr_expect_float_eq(column_sum(&mel, facts[i].band), facts[i].sum, 1e-5);
	avl_mel_release(&mel);
}

Test(mel, applying_to_unit_vectors_gives_the_golden_matrix)
{
	static float matrix[BINS * BANDS];
	static struct golden golden;
	float unit[BINS] = {0};
	struct avl_mel mel;

	init_yamnet(&mel);
	for (int k = 0; k < BINS; k++) {
		unit[k] = 1.0f;
		avl_mel_apply(&mel, unit, matrix + k * BANDS);
		unit[k] = 0.0f;
	}
	cr_assert(golden_find("signal.txt", "mel_matrix", &golden));
	cr_assert_eq(golden_size(&golden), (size_t)BINS * BANDS);
	cr_expect_lt(golden_distance(&golden, matrix), 1e-6);
	avl_mel_release(&mel);
}

static double mel_of_hz(double hz)
{
	return 2595.0 * log10(1.0 + hz / 700.0);
}

Test(mel, the_weights_of_a_bin_sum_to_one_between_the_outer_peaks)
{
	static const enum avl_mel_slope slopes[] = {AVL_MEL_LINEAR_IN_MEL, AVL_MEL_LINEAR_IN_HZ};
	const double step = (mel_of_hz(9000) - mel_of_hz(300)) / 41;
	float unit[1025] = {0}, out[40];
	struct avl_mel mel;

	for (int s = 0; s < 2; s++) {
		int inside = 0;

		cr_assert_eq(avl_mel_init(&mel, 40, 1025, 22050, 300, 9000, slopes[s], NULL), 0);
		for (int k = 0; k < 1025; k++) {
			const double at = mel_of_hz(k * 11025.0 / 1024);
			double sum = 0.0;

			unit[k] = 1.0f;
			avl_mel_apply(&mel, unit, out);
			unit[k] = 0.0f;
			for (int b = 0; b < 40; b++)
				sum += (double)out[b];
			if (at < mel_of_hz(300) || at > mel_of_hz(9000))
				cr_expect_eq(sum, 0.0, "bin %d", k);
			if (at < mel_of_hz(300) + step || at > mel_of_hz(9000) - step)
				continue;
			cr_expect_float_eq(sum, 1.0, 1e-6, "bin %d", k);
			inside++;
		}
		cr_expect_gt(inside, 700);
		avl_mel_release(&mel);
	}
}

Test(mel, senseless_bounds_are_refused)
{
	static const struct {
		int bands;
		double low, high;
	} cases[] = {{0, 0, 8000},    {64, -1, 8000},  {64, 500, 500},
		     {64, 125, 8001}, {64, NAN, 8000}, {64, 0, NAN}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct avl_err err = {0};
		struct avl_mel mel;

		cr_expect_eq(avl_mel_init(&mel, cases[i].bands, BINS, 16000, cases[i].low,
					  cases[i].high, AVL_MEL_LINEAR_IN_HZ, &err),
			     AVL_EUSAGE, "case %zu", i);
		cr_expect_neq(err.text[0], '\0');
	}
}
