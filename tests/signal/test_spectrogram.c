/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signal/spectrogram.h"
#include "tests/signal/sounds.h"
#include "tests/golden/golden.h"

static const struct avl_spectrogram_params yamnet = {
    .rate_hz = 16000,
    .window_samples = 400,
    .fft_size = 512,
    .hop_samples = 160,
    .window = AVL_WINDOW_HANN,
    .edge = AVL_EDGE_PATCHES,
    .spectrum = AVL_SPECTRUM_MAGNITUDE,
    .mel_bands = 64,
    .mel_low_hz = 125,
    .mel_high_hz = 7500,
    .logarithm = AVL_LOG_OFFSET,
    .log_floor = 0.001,
    .patch_frames = 96,
    .patch_hop_frames = 48,
};

static const struct avl_spectrogram_params scipy = {
    .rate_hz = 16000,
    .window_samples = 512,
    .fft_size = 512,
    .hop_samples = 512 - 274,
    .window = AVL_WINDOW_TUKEY,
    .detrend = true,
    .spectrum = AVL_SPECTRUM_DENSITY,
    .logarithm = AVL_LOG_OFFSET,
    .log_floor = 1e-7,
    .std = 12,
    .order = AVL_BANDS_TIME,
};

static const struct avl_spectrogram_params mel_db = {
    .rate_hz = 16000,
    .window_samples = 512,
    .fft_size = 512,
    .hop_samples = 239,
    .window = AVL_WINDOW_HANN,
    .edge = AVL_EDGE_REFLECT,
    .spectrum = AVL_SPECTRUM_POWER,
    .mel_bands = 257,
    .mel_high_hz = 8000,
    .mel_slope = AVL_MEL_LINEAR_IN_HZ,
    .logarithm = AVL_LOG_DB,
    .log_floor = 1e-10,
    .order = AVL_BANDS_TIME,
};

static struct avl_spectrogram *plan_new(const struct avl_spectrogram_params *params)
{
	struct avl_spectrogram *plan;
	struct avl_err err = {0};

	cr_assert_eq(avl_spectrogram_new(&plan, params, &err), 0, "%s", err.text);
	return plan;
}

static float *run(const struct avl_spectrogram_params *params, const float *samples, size_t n)
{
	struct avl_spectrogram *plan = plan_new(params);
	float *out = calloc(avl_spectrogram_frames(plan, n) * (size_t)avl_spectrogram_bands(plan),
			    sizeof(*out));

	cr_assert_not_null(out);
	avl_spectrogram_run(plan, samples, n, out);
	avl_spectrogram_free(plan);
	return out;
}

static double distance(const char *name, const struct avl_spectrogram_params *params,
		       const float *samples, int n)
{
	struct avl_spectrogram *plan = plan_new(params);
	struct golden *golden = calloc(1, sizeof(*golden));
	double worst;
	float *out;

	cr_assert(golden && golden_find("signal.txt", name, golden), "no golden %s", name);
	cr_assert_eq(golden_size(golden),
		     avl_spectrogram_frames(plan, (size_t)n) * (size_t)avl_spectrogram_bands(plan));
	out = run(params, samples, (size_t)n);
	worst = golden_distance(golden, out);
	free(out);
	free(golden);
	avl_spectrogram_free(plan);
	return worst;
}

Test(spectrogram, yamnet_log_mel_has_the_published_values)
{
	static const struct {
		int frame, band;
		float value;
	} facts[] = {{0, 0, 2.38684f},
		     {0, 10, 1.56874f},
		     {50, 20, -0.17859f},
		     {50, 63, -6.89377f},
		     {191, 5, -0.58493f}};
	float *samples = sound_a(), *out = run(&yamnet, samples, 31200);
	double sum = 0.0;

	cr_expect_float_eq(samples[1], 0.0766275f, 1e-7f);
	cr_expect_float_eq(samples[4], 0.2863185f, 1e-7f);
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		cr_expect_float_eq(out[facts[i].frame * 64 + facts[i].band], facts[i].value, 1e-4f);
	for (int i = 0; i < 192 * 64; i++)
		sum += (double)out[i];
	cr_expect_float_eq(sum / (192 * 64), -4.24592, 1e-4);
	sum = 0.0;
	for (int i = 0; i < 96 * 64; i++)
		sum += (double)out[i];
	cr_expect_float_eq(sum / (96 * 64), -4.38435, 1e-4);
	free(out);
	free(samples);
}

Test(spectrogram, yamnet_log_mel_is_the_golden_one)
{
	float *samples = sound_a();

	cr_expect_lt(distance("yamnet", &yamnet, samples, 31200), 1e-6);
	free(samples);
}

Test(spectrogram, yamnet_pads_to_whole_patches)
{
	static const struct {
		size_t samples, patches;
	} cases[] = {{0, 1},     {1, 1},     {15600, 1}, {15601, 2},
		     {23280, 2}, {23281, 3}, {31200, 4}, {80016, 10}};
	struct avl_spectrogram *plan = plan_new(&yamnet);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_expect_eq(avl_spectrogram_patches(plan, cases[i].samples), cases[i].patches);
		cr_expect_eq(avl_spectrogram_frames(plan, cases[i].samples),
			     48 * (cases[i].patches - 1) + 96);
	}
	avl_spectrogram_free(plan);
}

Test(spectrogram, what_lies_behind_a_short_sound_is_silence)
{
	float *samples = sound_a(), *out = run(&yamnet, samples, 1000);
	float *nothing = run(&yamnet, NULL, 0);

	cr_expect_float_eq(out[0], 2.38684f, 7e-4f);
	for (int i = 7 * 64; i < 96 * 64; i++)
		cr_expect_float_eq(out[i], logf(0.001f), 1e-6f);
	for (int i = 0; i < 96 * 64; i++)
		cr_expect_float_eq(nothing[i], logf(0.001f), 1e-6f);
	free(nothing);
	free(out);
	free(samples);
}

Test(spectrogram, log_density_is_that_of_scipy)
{
	struct avl_spectrogram_params params = scipy;
	float *samples = sound_b(48000);

	cr_expect_lt(distance("scipy_274", &params, samples, 48000), 1e-5);
	params.hop_samples = 512 - 353;
	cr_expect_lt(distance("scipy_353", &params, samples, 48000), 1e-5);
	free(samples);
}

Test(spectrogram, mel_in_decibel_is_the_golden_one)
{
	float *samples = sound_b(12000);

	cr_expect_lt(distance("mel_db", &mel_db, samples, 12000), 2e-5);
	free(samples);
}

/* One bin by the definition, in double. FRAME holds FFT_SIZE samples, windowed. */
static double naive_power(const double *frame, int fft_size, int k)
{
	double complex sum = 0.0;

	for (int i = 0; i < fft_size; i++)
		sum += frame[i] * cexp(-I * two_pi * i * k / fft_size);
	return creal(sum) * creal(sum) + cimag(sum) * cimag(sum);
}

static double naive_window(enum avl_window window, int i, int n)
{
	const bool symmetric =
	    window == AVL_WINDOW_HANN_SYMMETRIC || window == AVL_WINDOW_TUKEY_SYMMETRIC;
	const double at = (double)i / (symmetric ? n - 1 : n);

	if (window == AVL_WINDOW_RECTANGLE)
		return 1.0;
	if (window == AVL_WINDOW_HANN || window == AVL_WINDOW_HANN_SYMMETRIC)
		return pow(sin(two_pi / 2 * at), 2);
	if (at > 0.125 && at < 0.875)
		return 1.0;
	return pow(sin(two_pi / 2 * (at < 0.5 ? at : 1 - at) / 0.25), 2);
}

static double naive_sample(const float *samples, int n, int i, enum avl_sound_edge edge)
{
	if (edge == AVL_EDGE_REFLECT && i < 0)
		i = -i;
	if (edge == AVL_EDGE_REFLECT && i >= n)
		i = 2 * (n - 1) - i;
	return i < n ? (double)samples[i] : 0.0;
}

static void expect_naive(const struct avl_spectrogram_params *p, int n)
{
	float *samples = sound_b(n), *out = run(p, samples, (size_t)n);
	const int bins = p->fft_size / 2 + 1;
	const int frames = p->edge == AVL_EDGE_REFLECT ? 1 + n / p->hop_samples
			   : n < p->window_samples     ? 1
						   : 1 + (n - p->window_samples) / p->hop_samples;

	for (int t = 0; t < frames; t++) {
		const int shift = p->edge == AVL_EDGE_REFLECT ? p->window_samples / 2 : 0;
		double frame[64] = {0}, want[33], mean = 0.0, energy = 0.0, largest = 0.0;

		for (int i = 0; i < p->window_samples; i++) {
			const int at = t * p->hop_samples + i - shift;

			frame[i] = naive_sample(samples, n, at, p->edge);
			mean += p->detrend ? frame[i] / p->window_samples : 0.0;
		}
		for (int i = 0; i < p->window_samples; i++) {
			const double w = naive_window(p->window, i, p->window_samples);

			frame[i] = (frame[i] - mean) * w;
			energy += w * w;
		}
		for (int k = 0; k < bins; k++) {
			want[k] = naive_power(frame, p->fft_size, k);
			if (p->spectrum == AVL_SPECTRUM_MAGNITUDE)
				want[k] = sqrt(want[k]);
			else if (p->spectrum == AVL_SPECTRUM_DENSITY)
				want[k] *= (k && k < bins - 1 ? 2 : 1) / (p->rate_hz * energy);
			largest = fmax(largest, want[k]);
		}
		for (int k = 0; k < bins; k++)
			cr_expect_float_eq(
			    (double)out[t * bins + k], want[k], 1e-6 * largest + 1e-9,
			    "window %d of %d in %d, edge %d, frame %d, bin %d", p->window,
			    p->window_samples, p->fft_size, p->edge, t, k);
	}
	free(out);
	free(samples);
}

Test(spectrogram, every_window_edge_and_scale_follows_the_definition)
{
	static const int sizes[][3] = {
	    {2, 2, 1}, {7, 8, 3}, {30, 30, 11}, {33, 50, 40}, {64, 64, 5}};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
		for (int window = AVL_WINDOW_HANN; window <= AVL_WINDOW_RECTANGLE; window++)
			for (int kind = AVL_SPECTRUM_MAGNITUDE; kind <= AVL_SPECTRUM_DENSITY;
			     kind++)
				for (int edge = AVL_EDGE_INSIDE; edge <= AVL_EDGE_REFLECT; edge++) {
					struct avl_spectrogram_params params = {
					    .rate_hz = 100,
					    .window_samples = sizes[s][0],
					    .fft_size = sizes[s][1],
					    .hop_samples = sizes[s][2],
					    .window = (enum avl_window)window,
					    .detrend = s % 2 == 0,
					    .edge = (enum avl_sound_edge)edge,
					    .spectrum = (enum avl_spectrum)kind,
					};

					if (window == AVL_WINDOW_HANN_SYMMETRIC && s == 0)
						continue; /* two zeros: no density */
					if (window == AVL_WINDOW_TUKEY_SYMMETRIC && s == 0)
						continue;
					expect_naive(&params, 71);
				}
}

Test(spectrogram, a_sound_shorter_than_the_window_gives_one_frame)
{
	struct avl_spectrogram_params params = {
	    .rate_hz = 100, .window_samples = 30, .fft_size = 32, .hop_samples = 10};

	expect_naive(&params, 13);
}

Test(spectrogram, the_two_orders_hold_the_same_numbers)
{
	struct avl_spectrogram_params params = scipy;
	float *samples = sound_b(5000);
	float *bands_first = run(&params, samples, 5000), *time_first;
	const size_t frames = 1 + (5000 - 512) / 238;

	params.order = AVL_TIME_BANDS;
	time_first = run(&params, samples, 5000);
	for (size_t t = 0; t < frames; t++)
		for (size_t b = 0; b < 257; b++)
			cr_assert_eq(time_first[t * 257 + b], bands_first[b * frames + t]);
	free(time_first);
	free(bands_first);
	free(samples);
}

Test(spectrogram, is_the_same_for_any_number_of_threads)
{
	static const struct avl_spectrogram_params *const kinds[] = {&yamnet, &scipy, &mel_db};
	float *samples = sound_b(30000);

	for (int k = 0; k < 3; k++) {
		struct avl_spectrogram *plan = plan_new(kinds[k]);
		float *alone = run(kinds[k], samples, 30000);
		const size_t floats =
		    avl_spectrogram_frames(plan, 30000) * (size_t)avl_spectrogram_bands(plan);

		for (int threads = 1; threads <= 3; threads++) {
			float *out = calloc(floats, sizeof(*out));
			struct avl_par *par;

			cr_assert(out && !avl_par_new(&par, threads, NULL));
			cr_assert_eq(avl_spectrogram_share(plan, par, NULL), 0);
			avl_spectrogram_run(plan, samples, 30000, out);
			cr_expect_arr_eq(out, alone, floats * sizeof(*out));
			cr_assert_eq(avl_spectrogram_share(plan, NULL, NULL), 0);
			avl_par_free(par);
			free(out);
		}
		avl_spectrogram_free(plan);
		free(alone);
	}
	free(samples);
}

Test(spectrogram, contradictions_are_refused)
{
	struct avl_spectrogram_params bad[7];
	struct avl_spectrogram *plan;

	for (size_t i = 0; i < 7; i++)
		bad[i] = yamnet;
	bad[0].fft_size = 511;
	bad[1].fft_size = 256;
	bad[2].hop_samples = 0;
	bad[3].window_samples = 0;
	bad[4].order = AVL_BANDS_TIME;
	bad[5].patch_hop_frames = 0;
	bad[6].mel_high_hz = 9000;
	for (size_t i = 0; i < 7; i++) {
		struct avl_err err = {0};

		cr_expect_eq(avl_spectrogram_new(&plan, &bad[i], &err), AVL_EUSAGE, "case %zu", i);
		cr_expect_null(plan);
		cr_expect_neq(err.text[0], '\0');
	}
}
