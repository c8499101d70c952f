/* SPDX-License-Identifier: MIT */
#include <math.h>

#include <criterion/criterion.h>

#include "base/rng.h"

/* The demonstration output of the PCG paper's code: seed 42, sequence 54. */
Test(rng, is_pcg32)
{
	static const uint32_t known[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
					 0x83d2f293, 0xbfa4784b, 0xcbed606e};
	struct avl_rng rng;
	avl_rng_init(&rng, 42, 54);
	for (int i = 0; i < 6; i++)
		cr_assert_eq(avl_rng_u32(&rng), known[i], "number %d", i);
}

Test(rng, streams_differ)
{
	struct avl_rng one, two;
	avl_rng_init(&one, 7, 1);
	avl_rng_init(&two, 7, 2);
	int same = 0;
	for (int i = 0; i < 1000; i++)
		same += avl_rng_u32(&one) == avl_rng_u32(&two);
	cr_assert_leq(same, 1);
}

/* 200000 draws over n faces: chi-squared has n - 1 degrees of freedom, so its mean is n - 1 and its
 * deviation sqrt(2 (n - 1)); five deviations are allowed. */
Test(rng, below_is_uniform)
{
	enum { DRAWS = 200000, FACES_MAX = 7 };
	struct avl_rng rng;
	avl_rng_init(&rng, 3, 0);
	for (uint32_t n = 2; n <= FACES_MAX; n++) {
		int count[FACES_MAX] = {0};
		for (int i = 0; i < DRAWS; i++) {
			const uint32_t value = avl_rng_below(&rng, n);
			cr_assert_lt(value, n);
			count[value]++;
		}
		double chi2 = 0;
		for (uint32_t i = 0; i < n; i++) {
			const double expected = (double)DRAWS / n, d = count[i] - expected;
			chi2 += d * d / expected;
		}
		cr_assert_lt(chi2, n - 1 + 5 * sqrt(2.0 * (n - 1)), "%u faces: %g", n, chi2);
	}
	cr_assert_eq(avl_rng_below(&rng, 1), 0);
}

/* 3 2^30 is where taking the remainder of a draw would favour the lower third two to one. */
Test(rng, below_has_no_bias_for_large_n)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 5, 0);
	int low = 0;
	for (int i = 0; i < 30000; i++)
		low += avl_rng_below(&rng, 3u << 30) < 1u << 30;
	cr_assert_float_eq(low, 10000, 410); /* five deviations of sqrt(30000 2/9) */
}

Test(rng, uniform_fills_its_interval)
{
	enum { DRAWS = 100000 };
	struct avl_rng rng;
	avl_rng_init(&rng, 9, 0);
	double sum = 0, squares = 0;
	for (int i = 0; i < DRAWS; i++) {
		const float value = avl_rng_uniform(&rng);
		cr_assert(value >= 0 && value < 1);
		sum += value;
		squares += (double)value * value;
	}
	cr_assert_float_eq(sum / DRAWS, 0.5, 0.005);
	cr_assert_float_eq(squares / DRAWS, 1 / 3.0, 0.005);
}

Test(rng, normal_has_the_moments)
{
	enum { DRAWS = 200000 };
	struct avl_rng rng;
	avl_rng_init(&rng, 11, 0);
	double m[5] = {0};
	for (int i = 0; i < DRAWS; i++) {
		const double value = avl_rng_normal(&rng);
		cr_assert(isfinite(value));
		double power = 1;
		for (int k = 0; k < 5; k++, power *= value)
			m[k] += power / DRAWS;
	}
	cr_assert_float_eq(m[1], 0, 0.012);
	cr_assert_float_eq(m[2], 1, 0.017);
	cr_assert_float_eq(m[3], 0, 0.045);
	cr_assert_float_eq(m[4], 3, 0.12);
}
