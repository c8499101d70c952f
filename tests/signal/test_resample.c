/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "signal/resample.h"
#include "tests/signal/sounds.h"
#include "tests/golden/golden.h"

static struct avl_resampler *resampler_new(int from_hz, int to_hz)
{
	struct avl_resampler *resampler;
	struct avl_err err = {0};

	cr_assert_eq(avl_resampler_new(&resampler, from_hz, to_hz, &err), 0, "%s", err.text);
	return resampler;
}

static float *run(int from_hz, int to_hz, const float *samples, size_t n, size_t *length)
{
	struct avl_resampler *resampler = resampler_new(from_hz, to_hz);
	float *out;

	*length = avl_resampler_length(resampler, n);
	out = calloc(*length + 1, sizeof(*out));
	cr_assert_not_null(out);
	avl_resampler_run(resampler, samples, n, out);
	avl_resampler_free(resampler);
	return out;
}

static float *tone(double hz, double rate_hz, size_t n)
{
	float *out = malloc(n * sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = (float)sin(two_pi * hz / rate_hz * (double)i);
	return out;
}

Test(resample, agrees_with_scipy)
{
	static const struct {
		int from_hz, to_hz;
		double tolerance;
	} cases[] = {
	    {44100, 16000, 1e-6}, {48000, 16000, 1e-6}, {22050, 16000, 1e-6},
	    {8000, 16000, 1e-6},  {11025, 16000, 1e-6}, {16000, 44100, 1e-6},
	    {16000, 16001, 5e-6}, {44101, 16000, 5e-6}, /* interpolated filters */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct golden golden;
		float *samples = sound_c(5003, cases[i].from_hz), *out;
		char name[64];
		size_t length;

		snprintf(name, sizeof(name), "resample_%d_%d", cases[i].from_hz, cases[i].to_hz);
		cr_assert(golden_find("signal.txt", name, &golden), "no golden %s", name);
		out = run(cases[i].from_hz, cases[i].to_hz, samples, 5003, &length);
		cr_assert_eq(length, golden_size(&golden));
		cr_expect_lt(golden_distance(&golden, out), cases[i].tolerance, "%s", name);
		free(out);
		free(samples);
	}
}

/* The largest difference from a sine of amplitude GAIN, away from the ends. */
static double distance_from_tone(int from_hz, int to_hz, double hz, double gain)
{
	const size_t n = (size_t)from_hz / 2;
	float *samples = tone(hz, from_hz, n), *out;
	size_t length, margin = (size_t)to_hz / 10;
	double worst = 0.0;

	out = run(from_hz, to_hz, samples, n, &length);
	for (size_t j = margin; j < length - margin; j++) {
		const double expected = gain * sin(two_pi * hz / to_hz * (double)j);

		worst = fmax(worst, fabs((double)out[j] - expected));
	}
	free(out);
	free(samples);
	return worst;
}

Test(resample, tones_that_fit_pass_with_their_phase)
{
	static const int rates[][2] = {{44100, 16000}, {48000, 16000}, {8000, 16000},
				       {22050, 44100}, {16001, 16000}, {192000, 16000}};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		const double nyquist = fmin(rates[i][0], rates[i][1]) / 2;

		for (double share = 0.01; share < 0.94; share += 0.1855)
			cr_expect_lt(
			    distance_from_tone(rates[i][0], rates[i][1], share * nyquist, 1.0),
			    4e-5, "%d to %d, %g", rates[i][0], rates[i][1], share);
	}
}

Test(resample, tones_that_do_not_fit_are_90_db_down)
{
	static const int rates[][2] = {
	    {44100, 16000}, {48000, 16000}, {22050, 16000}, {96000, 44100}, {44101, 16000}};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		const double top = rates[i][0] / 2.0, nyquist = rates[i][1] / 2.0;

		for (double share = 0.001; share < 1.0; share += 0.1427) {
			const double hz = nyquist + share * (top - nyquist);

			cr_expect_lt(distance_from_tone(rates[i][0], rates[i][1], hz, 0.0), 3.16e-5,
				     "%d to %d, %g Hz", rates[i][0], rates[i][1], hz);
		}
	}
}

Test(resample, length_is_the_ceiling)
{
	static const struct {
		int from_hz, to_hz;
		size_t n, length;
	} cases[] = {{44100, 16000, 441, 160}, {44100, 16000, 442, 161}, {44100, 16000, 1, 1},
		     {44100, 16000, 0, 0},     {8000, 16000, 7, 14},     {48000, 16000, 4, 2},
		     {16000, 16000, 5, 5},     {44101, 16000, 3, 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		float samples[442] = {0}, *out;
		size_t length;

		out = run(cases[i].from_hz, cases[i].to_hz, samples, cases[i].n, &length);
		cr_expect_eq(length, cases[i].length, "case %zu: %zu", i, length);
		free(out);
	}
}

Test(resample, equal_rates_change_nothing)
{
	float *samples = sound_c(1000, 16000), *out;
	size_t length;

	out = run(16000, 16000, samples, 1000, &length);
	for (size_t i = 0; i < 1000; i++)
		cr_assert_eq(out[i], samples[i]);
	free(out);
	free(samples);
}

Test(resample, one_sample_gives_the_filter_itself)
{
	const float one = 1.0f;
	size_t length;
	float *out = run(1000, 48000, &one, 1, &length);

	cr_assert_eq(length, 48);
	cr_expect_float_eq(out[0], 0.96933f, 1e-5f);
	for (size_t j = 1; j < length; j++)
		cr_expect(out[j] < out[j - 1] && out[j] > 0.0f);
	free(out);
}

Test(resample, rates_out_of_range_are_refused)
{
	static const int rates[][2] = {{0, 16000}, {-1, 16000}, {16000, 999}, {1000001, 16000}};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct avl_resampler *resampler;
		struct avl_err err = {0};

		cr_expect_eq(avl_resampler_new(&resampler, rates[i][0], rates[i][1], &err),
			     AVL_EUSAGE);
		cr_expect_null(resampler);
	}
}
