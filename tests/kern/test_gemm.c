/* SPDX-License-Identifier: MIT */
#include "kern/gemm.h"

#include <criterion/criterion.h>

#include "fenced.h"

static const float betas[] = {0, 1, -0.5f};

enum { BETAS = sizeof betas / sizeof betas[0] };

/* C before a product: poisoned where beta 0 says that it is not read. */
static struct fenced result_of(struct avl_rng *rng, size_t n, float beta)
{
	const struct fenced f = fenced_new(n);
	for (size_t i = 0; beta != 0 && i < n; i++)
		f.at[i] = 2 * avl_rng_uniform(rng) - 1;
	return f;
}

static double distance(double wanted, double magnitude, int terms, float got)
{
	const double d = fabs((double)got - wanted) / sum_tolerance(terms, magnitude);
	return d >= 0 ? d : INFINITY;
}

static void check_gemm(struct avl_rng *rng, int m, int n, int k, int kind, float beta)
{
	const int trans_a = kind & 1, trans_b = kind >> 1;
	float *const a = unaligned_floats(rng, (size_t)(m * k));
	float *const b = unaligned_floats(rng, (size_t)(k * n));
	struct fenced c = result_of(rng, (size_t)(m * n), beta);
	float *const before = malloc((size_t)(m * n) * sizeof *before);
	memcpy(before, c.at, (size_t)(m * n) * sizeof *before);
	avl_gemm(trans_a, trans_b, m, n, k, a, b, beta, c.at);
	double worst = 0;
	for (int i = 0; i < m * n; i++) {
		const int row = i / n, col = i % n;
		double sum = beta != 0 ? (double)beta * (double)before[i] : 0;
		double magnitude = fabs(sum);
		for (int l = 0; l < k; l++) {
			const double term = (double)a[trans_a ? l * m + row : row * k + l] *
					    (double)b[trans_b ? col * k + l : l * n + col];
			sum += term;
			magnitude += fabs(term);
		}
		worst = fmax(worst, distance(sum, magnitude, k + 1, c.at[i]));
	}
	cr_assert(worst <= 1, "%d x %d x %d, kind %d, beta %g: off by %g tolerances", m, n, k, kind,
		  (double)beta, worst);
	cr_assert(fences_stand(&c), "%d x %d x %d", m, n, k);
	fenced_free(&c);
	free(before);
	free(a);
	free(b);
}

Test(gemm, products_at_odd_sizes_in_every_orientation)
{
	static const int sizes[] = {1, 2, 3, 7, 16, 17, 33, 61};
	enum { SIZES = sizeof sizes / sizeof sizes[0] };
	struct avl_rng rng;
	avl_rng_init(&rng, 5, 0);
	for (int i = 0; i < SIZES * SIZES * SIZES; i++)
		for (int kind = 0; kind < 4; kind++)
			check_gemm(&rng, sizes[i % SIZES], sizes[i / SIZES % SIZES],
				   sizes[i / SIZES / SIZES], kind, betas[(i + kind) % BETAS]);
	check_gemm(&rng, 5, 300, 1280, 1, 0);
	check_gemm(&rng, 131, 3, 521, 2, 1);
}

static void check_gemv(struct avl_rng *rng, int m, int n, int trans, float beta)
{
	const int rows = trans ? n : m, terms = trans ? m : n;
	float *const a = unaligned_floats(rng, (size_t)(m * n));
	float *const x = unaligned_floats(rng, (size_t)terms);
	struct fenced y = result_of(rng, (size_t)rows, beta);
	float *const before = malloc((size_t)rows * sizeof *before);
	memcpy(before, y.at, (size_t)rows * sizeof *before);
	avl_gemv(trans, m, n, a, x, beta, y.at);
	double worst = 0;
	for (int i = 0; i < rows; i++) {
		double sum = beta != 0 ? (double)beta * (double)before[i] : 0;
		double magnitude = fabs(sum);
		for (int l = 0; l < terms; l++) {
			const double term = (double)a[trans ? l * n + i : i * n + l] * (double)x[l];
			sum += term;
			magnitude += fabs(term);
		}
		worst = fmax(worst, distance(sum, magnitude, terms + 1, y.at[i]));
	}
	cr_assert(worst <= 1, "%d x %d, trans %d, beta %g: off by %g tolerances", m, n, trans,
		  (double)beta, worst);
	cr_assert(fences_stand(&y), "%d x %d", m, n);
	fenced_free(&y);
	free(before);
	free(a);
	free(x);
}

Test(gemm, products_with_a_vector)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 6, 0);
	for (int m = 1; m <= 35; m += 2)
		for (int n = 1; n <= 35; n++)
			for (int k = 0; k < 2 * BETAS; k++)
				check_gemv(&rng, m, n, k % 2, betas[k / 2]);
	check_gemv(&rng, 521, 1280, 1, 1);
	check_gemv(&rng, 521, 1280, 0, 0);
}

Test(gemm, zero_beta_overwrites_nan)
{
	const float a[] = {1, 2, 3, 4, 5, 6}, x[] = {1, 1, 1};
	float y[2] = {NAN, NAN}, c[4] = {NAN, INFINITY, -INFINITY, NAN};
	avl_gemv(0, 2, 3, a, x, 0, y);
	cr_expect(y[0] == 6 && y[1] == 15);
	y[0] = y[1] = NAN;
	avl_gemv(1, 2, 2, a, x, 0, y);
	cr_expect(y[0] == 4 && y[1] == 6);
	avl_gemm(0, 1, 2, 2, 3, a, a, 0, c);
	cr_expect(c[0] == 14 && c[1] == 32 && c[2] == 32 && c[3] == 77);
}
