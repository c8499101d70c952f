/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

static const struct {
	float lo, hi;
} clamps[] = {{-INFINITY, INFINITY}, {0, INFINITY}, {0, 6}, {-0.5f, 0.25f}};

enum { CLAMPS = sizeof clamps / sizeof clamps[0] };

/* Calls CHECK for 1..20 pixels and every clamp at every level. */
static void at_all(void (*check)(struct avl_rng *rng, size_t pixels, float lo, float hi))
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 4, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (size_t pixels = 1; pixels <= 20; pixels++)
			for (int c = 0; c < CLAMPS; c++)
				check(&rng, pixels, clamps[c].lo, clamps[c].hi);
	}
}

/* One addition rounds as IEEE says: the very same bits as in C. */
static void check_add(struct avl_rng *rng, size_t pixels, float lo, float hi)
{
	const size_t n = pixels * AVL_BLOCK;
	float *const a = random_floats(rng, n), *const b = random_floats(rng, n);
	struct fenced y = fenced_new(n), alone = fenced_new(n);
	avl_kern()->add(y.at, a, b, n, lo, hi);
	avl_kern()->add(alone.at, a, NULL, n, lo, hi);
	size_t wrong = 0;
	for (size_t i = 0; i < n; i++) {
		const float sum = a[i] + b[i];
		wrong += !(y.at[i] == fminf(hi, fmaxf(lo, sum)));
		wrong += !(alone.at[i] == fminf(hi, fmaxf(lo, a[i])));
	}
	cr_assert_eq(wrong, 0, "%s: %zu of %zu", avl_kern()->level, wrong, 2 * n);
	cr_assert(fences_stand(&y) && fences_stand(&alone), "%s", avl_kern()->level);
	fenced_free(&y);
	fenced_free(&alone);
	free(a);
	free(b);
}

Test(point_level, add_is_exact_at_every_level)
{
	at_all(check_add);
}

static void check_affine(struct avl_rng *rng, size_t pixels, float lo, float hi)
{
	const size_t n = pixels * AVL_BLOCK;
	float *const x = random_floats(rng, n);
	float *const scale = random_floats(rng, AVL_BLOCK);
	float *const shift = random_floats(rng, AVL_BLOCK);
	struct fenced y = fenced_new(n);
	float *const other = random_floats(rng, n);
	const int with_other = (int)avl_rng_below(rng, 2);
	avl_kern()->affine(y.at, x, scale, shift, with_other ? other : NULL, pixels, lo, hi);
	double worst = 0;
	for (size_t i = 0; i < n; i++) {
		const double product = (double)x[i] * (double)scale[i % AVL_BLOCK];
		const double more = with_other ? (double)other[i] : 0;
		const double add = (double)shift[i % AVL_BLOCK] + more;
		const double wanted = fmin(hi, fmax(lo, product + add));
		const double d = fabs((double)y.at[i] - wanted) /
				 sum_tolerance(3, fabs(product) + fabs(add) + 2 * fabs(more));
		if (!(d <= worst))
			worst = d;
	}
	cr_assert(worst <= 1, "%s: off by %g tolerances", avl_kern()->level, worst);
	cr_assert(fences_stand(&y), "%s", avl_kern()->level);
	_Alignas(64) float alone[AVL_BLOCK];
	avl_kern()->affine(alone, x + n - AVL_BLOCK, scale, shift,
			   with_other ? other + n - AVL_BLOCK : NULL, 1, lo, hi);
	cr_assert(same_bits(alone, y.at + n - AVL_BLOCK, AVL_BLOCK), "%s", avl_kern()->level);
	fenced_free(&y);
	free(x);
	free(other);
	free(scale);
	free(shift);
}

Test(point_level, affine_gives_the_formula_at_every_level)
{
	at_all(check_affine);
}

static void check_sum(struct avl_rng *rng, size_t pixels, float lo, float hi)
{
	const float factor = 1 / (float)pixels;
	float *const x = random_floats(rng, pixels * AVL_BLOCK);
	struct fenced y = fenced_new(AVL_BLOCK);
	(void)lo;
	(void)hi;
	avl_kern()->sum(y.at, x, pixels, factor);
	double worst = 0;
	for (size_t o = 0; o < AVL_BLOCK; o++) {
		double sum = 0, magnitude = 0;
		for (size_t p = 0; p < pixels; p++) {
			sum += (double)x[p * AVL_BLOCK + o];
			magnitude += fabs((double)x[p * AVL_BLOCK + o]);
		}
		const double d = fabs((double)y.at[o] - sum * (double)factor) /
				 sum_tolerance((int)pixels + 1, magnitude * (double)factor);
		if (!(d <= worst))
			worst = d;
	}
	cr_assert(worst <= 1, "%s: off by %g tolerances", avl_kern()->level, worst);
	cr_assert(fences_stand(&y), "%s", avl_kern()->level);
	fenced_free(&y);
	free(x);
}

Test(point_level, sum_gives_the_formula_at_every_level)
{
	at_all(check_sum);
}

Test(point_level, nothing_is_written_where_there_is_nothing)
{
	_Alignas(64) const float x[AVL_BLOCK] = {1};
	for (int i = 0; avl_kern_level(i); i++) {
		struct fenced y = fenced_new(AVL_BLOCK);
		avl_kern_use(avl_kern_level(i), NULL);
		avl_kern()->add(y.at, x, NULL, 0, 0, 6);
		avl_kern()->affine(y.at, x, x, x, NULL, 0, 0, 6);
		cr_expect(untouched(y.at, AVL_BLOCK), "%s", avl_kern()->level);
		avl_kern()->sum(y.at, x, 0, 1);
		for (int o = 0; o < AVL_BLOCK; o++)
			cr_expect_eq(y.at[o], 0);
		cr_expect(fences_stand(&y));
		fenced_free(&y);
	}
}

Test(point_level, nan_stays_nan_and_infinity_meets_its_bound)
{
	_Alignas(64) float x[AVL_BLOCK] = {NAN, INFINITY, -INFINITY, 1}, one[AVL_BLOCK];
	_Alignas(64) float y[AVL_BLOCK];
	for (int o = 0; o < AVL_BLOCK; o++)
		one[o] = 1;
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		avl_kern()->add(y, x, NULL, AVL_BLOCK, 0, 6);
		cr_expect(isnan(y[0]) && y[1] == 6 && y[2] == 0 && y[3] == 1, "%s",
			  avl_kern()->level);
		avl_kern()->add(y, x, one, AVL_BLOCK, 0, 6);
		cr_expect(isnan(y[0]) && y[1] == 6 && y[2] == 0 && y[3] == 2, "%s",
			  avl_kern()->level);
		avl_kern()->affine(y, x, one, one, NULL, 1, 0, 6);
		cr_expect(isnan(y[0]) && y[1] == 6 && y[2] == 0 && y[3] == 2, "%s",
			  avl_kern()->level);
		avl_kern()->sum(y, x, 1, 1);
		cr_expect(isnan(y[0]) && y[1] == INFINITY && y[2] == -INFINITY && y[3] == 1, "%s",
			  avl_kern()->level);
	}
}
