/* SPDX-License-Identifier: MIT */
#include "image/guided.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

#define SIDE 40

struct scene {
	int rows, cols, radius;
	double eps;
	uint8_t rgb[SIDE * SIDE * 3];
	float map[SIDE * SIDE], out[SIDE * SIDE];
};

static void fill(struct scene *s, uint64_t seed)
{
	struct avl_rng rng;
	avl_rng_init(&rng, seed, 0);
	for (int i = 0; i < s->rows * s->cols * 3; i++)
		s->rgb[i] = (uint8_t)avl_rng_below(&rng, 256);
	for (int i = 0; i < s->rows * s->cols; i++)
		s->map[i] = avl_rng_normal(&rng);
}

static void filter(struct scene *s, float *out)
{
	struct avl_guided *g;
	struct avl_err err;
	cr_assert_eq(avl_guided_new(&g, s->rows, s->cols, s->radius, s->eps, &err), 0, "%s",
		     err.text);
	avl_guided_see(g, s->rgb);
	avl_guided_run(g, s->map, out);
	avl_guided_free(g);
}

/* --- the definition, window by window, in double precision --- */

static int low(int at, int r)
{
	return at > r ? at - r : 0;
}

static int high(int at, int r, int size)
{
	return at + r < size - 1 ? at + r : size - 1;
}

/* a and b of the window round (y, x), by Gauss's elimination of the normal equations. */
static void fit(const struct scene *s, int y, int x, double coefficient[4])
{
	double m[3][4] = {{0}}, mean[3] = {0}, p = 0, n = 0;
	for (int v = low(y, s->radius); v <= high(y, s->radius, s->rows); v++)
		for (int u = low(x, s->radius); u <= high(x, s->radius, s->cols); u++) {
			const int i = v * s->cols + u;
			for (int c = 0; c < 3; c++) {
				const double colour = s->rgb[3 * i + c] / 255.0;
				for (int d = 0; d < 3; d++)
					m[c][d] += colour * (s->rgb[3 * i + d] / 255.0);
				m[c][3] += colour * (double)s->map[i];
				mean[c] += colour;
			}
			p += (double)s->map[i];
			n++;
		}
	for (int c = 0; c < 3; c++) {
		for (int d = 0; d < 3; d++)
			m[c][d] = m[c][d] / n - mean[c] / n * (mean[d] / n) + (c == d ? s->eps : 0);
		m[c][3] = m[c][3] / n - mean[c] / n * (p / n);
	}
	for (int c = 0; c < 3; c++)
		for (int d = 0; d < 3; d++) {
			const double factor = m[d][c] / m[c][c];
			for (int k = 0; k < 4 && d != c; k++)
				m[d][k] -= factor * m[c][k];
		}
	coefficient[3] = p / n;
	for (int c = 0; c < 3; c++) {
		coefficient[c] = m[c][3] / m[c][c];
		coefficient[3] -= coefficient[c] * mean[c] / n;
	}
}

static double naive(const struct scene *s, int y, int x)
{
	const int i = y * s->cols + x;
	double sum = 0, n = 0;
	for (int v = low(y, s->radius); v <= high(y, s->radius, s->rows); v++)
		for (int u = low(x, s->radius); u <= high(x, s->radius, s->cols); u++) {
			double k[4];
			fit(s, v, u, k);
			sum += k[3];
			for (int c = 0; c < 3; c++)
				sum += k[c] * (s->rgb[3 * i + c] / 255.0);
			n++;
		}
	return sum / n;
}

Test(guided, is_its_definition)
{
	static const struct {
		int rows, cols, radius;
		double eps;
	} cases[] = {{1, 1, 1, 0.1},     {1, 9, 2, 0.01},   {13, 1, 3, 0.01}, {17, 23, 4, 1e-3},
		     {12, 31, 40, 1e-2}, {20, 20, 1, 1e-3}, {5, 40, 7, 1}};
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct scene s = {.rows = cases[k].rows,
				  .cols = cases[k].cols,
				  .radius = cases[k].radius,
				  .eps = cases[k].eps};
		fill(&s, k + 1);
		filter(&s, s.out);
		for (int i = 0; i < s.rows * s.cols; i++)
			cr_assert_float_eq((double)s.out[i], naive(&s, i / s.cols, i % s.cols),
					   2e-4, "case %zu, pixel %d: %g, not %g", k, i,
					   (double)s.out[i], naive(&s, i / s.cols, i % s.cols));
	}
}

Test(guided, leaves_what_is_constant_and_works_in_place)
{
	struct scene s = {.rows = 30, .cols = 21, .radius = 5, .eps = 1e-3};
	fill(&s, 3);
	filter(&s, s.out);
	filter(&s, s.map);
	for (int i = 0; i < s.rows * s.cols; i++)
		cr_assert_eq(s.out[i], s.map[i]);
	for (int i = 0; i < s.rows * s.cols; i++)
		s.map[i] = -3;
	filter(&s, s.out);
	for (int i = 0; i < s.rows * s.cols; i++)
		cr_assert_float_eq((double)s.out[i], -3, 1e-5);
}

/* A blurred step takes the place of the picture's edge; without an edge it stays blurred. */
Test(guided, follows_edges)
{
	struct scene s = {.rows = 24, .cols = 40, .radius = 8, .eps = 1e-4};
	for (int i = 0; i < s.rows * s.cols; i++) {
		const int x = i % s.cols;
		for (int c = 0; c < 3; c++)
			s.rgb[3 * i + c] = x < 20 ? 40 : 200;
		s.map[i] = (float)(1 / (1 + exp(-(x - 22) / 3.0)));
	}
	filter(&s, s.out);
	const float *const row = s.out + 12 * s.cols;
	cr_assert_gt(row[20] - row[19], 0.4F);
	cr_assert_lt(row[19] - row[15], 0.1F);
	for (int i = 0; i < s.rows * s.cols * 3; i++)
		s.rgb[i] = 90;
	filter(&s, s.out);
	cr_assert_lt(row[20] - row[19], 0.1F);
}

Test(guided, refuses_what_makes_no_sense)
{
	struct avl_guided *g;
	struct avl_err err;
	cr_assert_eq(avl_guided_new(&g, 0, 4, 1, 0.1, &err), AVL_EUSAGE);
	cr_assert_eq(avl_guided_new(&g, 4, 70000, 1, 0.1, &err), AVL_EUSAGE);
	cr_assert_eq(avl_guided_new(&g, 4, 4, 0, 0.1, &err), AVL_EUSAGE);
	cr_assert_eq(avl_guided_new(&g, 4, 4, 1, 0, &err), AVL_EUSAGE);
	cr_assert_null(g);
	avl_guided_free(NULL);
}
