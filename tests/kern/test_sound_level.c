/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

static const double two_pi = 6.28318530717958647693;

static const int sizes[] = {8, 16, 32, 64, 128, 512, 1024, 2048};

Test(sound_level, interleave_lays_frames_side_by_side)
{
	for (int l = 0; avl_kern_level(l); l++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 1, 0);
		avl_kern_use(avl_kern_level(l), NULL);
		for (int n = 1; n <= 67; n++) {
			float *x[AVL_BLOCK];
			const float *frame[AVL_BLOCK];
			struct fenced y = fenced_new((size_t)n * AVL_BLOCK);
			int wrong = 0;
			for (int f = 0; f < AVL_BLOCK; f++)
				frame[f] = x[f] = unaligned_floats(&rng, (size_t)n);
			avl_kern()->interleave(y.at, frame, n);
			for (int i = 0; i < n * AVL_BLOCK; i++)
				wrong += !(y.at[i] == x[i % AVL_BLOCK][i / AVL_BLOCK]);
			cr_assert_eq(wrong, 0, "%s: %d of %d", avl_kern()->level, wrong, n);
			cr_assert(fences_stand(&y));
			for (int f = 0; f < AVL_BLOCK; f++)
				free(x[f]);
			fenced_free(&y);
		}
	}
}

Test(sound_level, taper_takes_the_mean_off_and_weighs)
{
	for (int l = 0; avl_kern_level(l); l++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 2, 0);
		avl_kern_use(avl_kern_level(l), NULL);
		for (int n = 1; n <= 300; n += n < 20 ? 1 : 93)
			for (int centred = 0; centred < 2; centred++) {
				float *const x = random_floats(&rng, (size_t)n * AVL_BLOCK);
				double *const y = avl_alloc((size_t)n * AVL_BLOCK, sizeof *y);
				double *const w = avl_alloc((size_t)n, sizeof *w);
				for (int i = 0; i < n; i++)
					w[i] = (double)avl_rng_uniform(&rng);
				avl_kern()->taper(y, x, w, centred, n);
				for (int f = 0; f < AVL_BLOCK; f++) {
					double mean = 0;
					for (int i = 0; centred && i < n; i++)
						mean += (double)x[i * AVL_BLOCK + f] / n;
					for (int i = 0; i < n; i++)
						cr_assert_float_eq(
						    y[i * AVL_BLOCK + f],
						    ((double)x[i * AVL_BLOCK + f] - mean) * w[i],
						    1e-13);
				}
				free(x);
				free(y);
				free(w);
			}
	}
}

/* Bin K of frame F by the definition. */
static double naive_power(const double *x, int n, int k, int f)
{
	double re = 0, im = 0;
	for (int i = 0; i < n; i++) {
		const double angle = two_pi * ((long)i * k % n) / n;
		re += x[i * AVL_BLOCK + f] * cos(angle);
		im -= x[i * AVL_BLOCK + f] * sin(angle);
	}
	return re * re + im * im;
}

/* Rounding to single precision at the end, and of doubles on the way. */
static void check_power(struct avl_rng *rng, int n)
{
	struct avl_fft fft;
	struct avl_err err = {0};
	const double gain = 0.37;
	double *const x = avl_alloc((size_t)n * AVL_BLOCK, sizeof *x);
	double *const kept = avl_alloc((size_t)n * AVL_BLOCK, sizeof *kept);
	struct fenced y = fenced_new((size_t)(n / 2 + 1) * AVL_BLOCK);
	cr_assert_eq(avl_fft_init(&fft, n, &err), 0, "%s", err.text);
	for (int i = 0; i < n * AVL_BLOCK; i++)
		x[i] = kept[i] = 2 * (double)avl_rng_uniform(rng) - 1;
	avl_kern()->power(&(struct avl_power_job){.fft = &fft, .x = x, .y = y.at, .gain = gain});
	for (int k = 0; k <= n / 2; k++)
		for (int f = 0; f<AVL_BLOCK; f += n> 200 ? 5 : 1) {
			const double wanted = gain * naive_power(kept, n, k, f);
			cr_assert_float_eq(
			    (double)y.at[k * AVL_BLOCK + f], wanted, UNIT * wanted + 1e-13 * n * n,
			    "%s: bin %d of %d, frame %d", avl_kern()->level, k, n, f);
		}
	cr_assert(fences_stand(&y));
	avl_fft_release(&fft);
	fenced_free(&y);
	free(x);
	free(kept);
}

Test(sound_level, power_is_that_of_the_fourier_transform)
{
	for (int l = 0; avl_kern_level(l); l++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 3, 0);
		avl_kern_use(avl_kern_level(l), NULL);
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			check_power(&rng, sizes[i]);
	}
}

Test(sound_level, sizes_that_are_no_power_of_two_are_refused)
{
	static const int bad[] = {0, -8, 1, 2, 4, 7, 12, 500, 513};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct avl_fft fft;
		struct avl_err err = {0};
		cr_expect(!avl_fft_fits(bad[i]));
		cr_expect_eq(avl_fft_init(&fft, bad[i], &err), AVL_EUSAGE);
	}
}

Test(sound_level, weigh_adds_up_a_band)
{
	for (int l = 0; avl_kern_level(l); l++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 4, 0);
		avl_kern_use(avl_kern_level(l), NULL);
		for (int n = 0; n <= 40; n++) {
			float *const x = random_floats(&rng, (size_t)n * AVL_BLOCK);
			float *const w = unaligned_floats(&rng, (size_t)n);
			struct fenced y = fenced_new(AVL_BLOCK);
			avl_kern()->weigh(y.at, x, w, n);
			for (int f = 0; f < AVL_BLOCK; f++) {
				double sum = 0, size = 0;
				for (int i = 0; i < n; i++) {
					const double term =
					    (double)w[i] * (double)x[i * AVL_BLOCK + f];
					sum += term;
					size += fabs(term);
				}
				cr_assert_float_eq((double)y.at[f], sum, sum_tolerance(n, size));
			}
			cr_assert(fences_stand(&y));
			fenced_free(&y);
			free(x);
			free(w);
		}
	}
}

/* Units in the last place between Y and the true logarithm of X. */
static double log_distance(float x, float y)
{
	const double wanted = log((double)x);
	int exponent;
	frexp(wanted, &exponent);
	const double unit = ldexp(1, exponent - 24);
	return fabs((double)y - wanted) / unit;
}

/* Every exponent, the smallest numbers included, and close steps around 1. */
Test(sound_level, logarithm_is_within_one_unit_in_the_last_place)
{
	enum { COUNT = 1 << 16 };
	float *const x = avl_alloc(COUNT, sizeof *x), *const y = avl_alloc(COUNT, sizeof *y);
	struct avl_rng rng;
	avl_rng_init(&rng, 5, 0);
	for (int i = 0; i < COUNT; i++) {
		const float m = 1 + avl_rng_uniform(&rng);
		x[i] = i % 2 ? ldexpf(m, i / 2 % 276 - 149) : 0.5f + (float)i / COUNT;
	}
	for (int l = 0; avl_kern_level(l); l++) {
		double worst = 0;
		avl_kern_use(avl_kern_level(l), NULL);
		memcpy(y, x, COUNT * sizeof *y);
		avl_kern()->log(y, COUNT, 0, -INFINITY, 1, 0);
		for (int i = 0; i < COUNT; i++) {
			if (x[i] == 1) {
				cr_assert_eq(y[i], 0);
				continue;
			}
			const double d = log_distance(x[i], y[i]);
			if (!(d <= worst))
				worst = d;
		}
		cr_expect_leq(worst, 1.0, "%s: %g units", avl_kern()->level, worst);
	}
	free(x);
	free(y);
}

Test(sound_level, logarithm_has_its_special_values_offset_floor_and_scale)
{
	for (int l = 0; avl_kern_level(l); l++) {
		_Alignas(64) float x[AVL_BLOCK] = {0, -1, INFINITY, NAN, -INFINITY, 1, -0.0f};
		avl_kern_use(avl_kern_level(l), NULL);
		avl_kern()->log(x, AVL_BLOCK, 0, -INFINITY, 1, 0);
		cr_expect(x[0] == -INFINITY && isnan(x[1]) && x[2] == INFINITY && isnan(x[3]));
		cr_expect(isnan(x[4]) && x[5] == 0 && x[6] == -INFINITY);
		for (int i = 0; i < AVL_BLOCK; i++)
			x[i] = (float)i;
		avl_kern()->log(x, AVL_BLOCK, 0.5f, 2, 3, -1);
		for (int i = 0; i < AVL_BLOCK; i++)
			cr_expect_float_eq((double)x[i], 3 * log(fmax(i + 0.5, 2)) - 1, 1e-6);
	}
}

Test(sound_level, root_is_exact)
{
	for (int l = 0; avl_kern_level(l); l++) {
		_Alignas(64) float x[2 * AVL_BLOCK];
		avl_kern_use(avl_kern_level(l), NULL);
		for (int i = 0; i < 2 * AVL_BLOCK; i++)
			x[i] = (float)i / 7;
		avl_kern()->root(x, 2 * AVL_BLOCK);
		for (int i = 0; i < 2 * AVL_BLOCK; i++)
			cr_expect_eq(x[i], sqrtf((float)i / 7));
	}
}
