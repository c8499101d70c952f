/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

/* The transforms against their matrices in double (Lavin & Gray 2016), tiles in the middle of a
 * picture, at its border and over it. */

enum { SIDE_MAX = 8, TILES = 3 };

/* By m / 2 - 1. */
static const double input_matrix[3][SIDE_MAX][SIDE_MAX] = {
    {{1, 0, -1}, {0, 1, 1}, {0, -1, 1}, {0, 1, 0, -1}},
    {{4, 0, -5, 0, 1},
     {0, -4, -4, 1, 1},
     {0, 4, -4, -1, 1},
     {0, -2, -1, 2, 1},
     {0, 2, -1, -2, 1},
     {0, 4, 0, -5, 0, 1}},
    {{1, 0, -21.0 / 4, 0, 21.0 / 4, 0, -1, 0},
     {0, 1, 1, -17.0 / 4, -17.0 / 4, 1, 1, 0},
     {0, -1, 1, 17.0 / 4, -17.0 / 4, -1, 1, 0},
     {0, 1.0 / 2, 1.0 / 4, -5.0 / 2, -5.0 / 4, 2, 1, 0},
     {0, -1.0 / 2, 1.0 / 4, 5.0 / 2, -5.0 / 4, -2, 1, 0},
     {0, 2, 4, -5.0 / 2, -5, 1.0 / 2, 1, 0},
     {0, -2, 4, 5.0 / 2, -5, -1.0 / 2, 1, 0},
     {0, -1, 0, 21.0 / 4, 0, -21.0 / 4, 0, 1}},
};
static const double weight_matrix[3][SIDE_MAX][SIDE_MAX] = {
    {{1}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
    {{1.0 / 4},
     {-1.0 / 6, -1.0 / 6, -1.0 / 6},
     {-1.0 / 6, 1.0 / 6, -1.0 / 6},
     {1.0 / 24, 1.0 / 12, 1.0 / 6},
     {1.0 / 24, -1.0 / 12, 1.0 / 6},
     {0, 0, 1}},
    {{1},
     {-2.0 / 9, -2.0 / 9, -2.0 / 9},
     {-2.0 / 9, 2.0 / 9, -2.0 / 9},
     {1.0 / 90, 1.0 / 45, 2.0 / 45},
     {1.0 / 90, -1.0 / 45, 2.0 / 45},
     {32.0 / 45, 16.0 / 45, 8.0 / 45},
     {32.0 / 45, -16.0 / 45, 8.0 / 45},
     {0, 0, 1}},
};
static const double output_matrix[3][SIDE_MAX][SIDE_MAX] = {
    {{1, 1, 1, 0}, {0, 1, -1, -1}},
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
    {{1, 1, 1, 1, 1, 1, 1, 0},
     {0, 1, -1, 2, -2, 1.0 / 2, -1.0 / 2, 0},
     {0, 1, 1, 4, 4, 1.0 / 4, 1.0 / 4, 0},
     {0, 1, -1, 8, -8, 1.0 / 8, -1.0 / 8, 0},
     {0, 1, 1, 16, 16, 1.0 / 16, 1.0 / 16, 0},
     {0, 1, -1, 32, -32, 1.0 / 32, -1.0 / 32, 1}},
};

struct sum {
	double value, size; /* of all terms' magnitudes */
};

/* M d M' of an N x N tile, ROWS x ROWS. */
static void transform(const double m[SIDE_MAX][SIDE_MAX], int rows, int n, const double *d,
		      struct sum *out)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < rows; j++, out++) {
			*out = (struct sum){0};
			for (int k = 0; k < n * n; k++) {
				const double term = m[i][k / n] * d[k] * m[j][k % n];
				out->value += term;
				out->size += fabs(term);
			}
		}
}

static int close_to(struct sum wanted, float got)
{
	return fabs((double)got - wanted.value) <= sum_tolerance(SIDE_MAX * SIDE_MAX, wanted.size);
}

/* The inputs of tile T at channel C, zeros outside the picture. */
static void tile_inputs(const struct avl_winograd_input_job *job, int t, int c, double *d)
{
	const int side = job->m + 2;
	for (int k = 0; k < side * side; k++) {
		const int y = job->top + k / side, x = job->left + t * job->m + k % side;
		const int inside = y >= 0 && y < job->h && x >= 0 && x < job->w;
		d[k] =
		    inside ? (double)((const float *)job->x)[(y * job->w + x) * AVL_BLOCK + c] : 0;
	}
}

static void check_input(struct avl_rng *rng, int m, int h, int w, int top, int left)
{
	const int side = m + 2, step = (TILES + 1) * AVL_BLOCK;
	struct fenced out = fenced_new((size_t)(side * side * step));
	float *const x = random_floats(rng, (size_t)(h * w * AVL_BLOCK));
	const struct avl_winograd_input_job job = {.m = m,
						   .x = x,
						   .h = h,
						   .w = w,
						   .top = top,
						   .left = left,
						   .tiles = TILES,
						   .out = out.at,
						   .step = step};
	int ok = 1;
	avl_kern()->winograd_input(&job);
	for (int t = 0; t < TILES; t++)
		for (int c = 0; c < AVL_BLOCK; c++) {
			double d[SIDE_MAX * SIDE_MAX];
			struct sum wanted[SIDE_MAX * SIDE_MAX];
			tile_inputs(&job, t, c, d);
			transform(input_matrix[m / 2 - 1], side, side, d, wanted);
			for (int k = 0; k < side * side; k++)
				ok &= close_to(wanted[k], out.at[k * step + t * AVL_BLOCK + c]);
		}
	cr_assert(ok, "%s: m %d, picture %d x %d, tile at %d, %d", avl_kern()->level, m, h, w, top,
		  left);
	for (int k = 0; k < side * side; k++)
		ok &= untouched(out.at + k * step + TILES * AVL_BLOCK, AVL_BLOCK);
	cr_assert(ok && fences_stand(&out), "%s: wrote beside its tiles", avl_kern()->level);
	fenced_free(&out);
	free(x);
}

static void check_weights(struct avl_rng *rng, int m)
{
	const int side = m + 2, step = 2 * AVL_BLOCK;
	struct fenced out = fenced_new((size_t)(side * side * step));
	float *const g = random_floats(rng, (size_t)9 * AVL_BLOCK);
	int ok = 1;
	avl_kern()->winograd_weights(m, g, out.at, step);
	for (int c = 0; c < AVL_BLOCK; c++) {
		double kernel[9];
		struct sum wanted[SIDE_MAX * SIDE_MAX];
		for (int k = 0; k < 9; k++)
			kernel[k] = (double)g[k * AVL_BLOCK + c];
		transform(weight_matrix[m / 2 - 1], side, 3, kernel, wanted);
		for (int k = 0; k < side * side; k++)
			ok &= close_to(wanted[k], out.at[k * step + c]);
	}
	for (int k = 0; k < side * side; k++)
		ok &= untouched(out.at + k * step + AVL_BLOCK, AVL_BLOCK);
	cr_assert(ok && fences_stand(&out), "%s: m %d", avl_kern()->level, m);
	fenced_free(&out);
	free(g);
}

static double clamped(double x, double lo, double hi)
{
	return fmin(hi, fmax(lo, x));
}

/* What the job makes of pixel (Y, X), before pooling, at channel C. */
static struct sum output_at(const struct avl_winograd_output_job *job, int y, int x, int c)
{
	const int m = job->m, side = m + 2, t = (x - job->left) / m;
	double p[SIDE_MAX * SIDE_MAX];
	struct sum all[36];
	for (int k = 0; k < side * side; k++)
		p[k] = (double)job->p[k * job->step + t * AVL_BLOCK + c];
	transform(output_matrix[m / 2 - 1], m, side, p, all);
	struct sum s = all[(y - job->top) * m + (x - job->left) % m];
	const double bias = job->bias ? (double)job->bias[c] : 0;
	const double residual =
	    job->residual ? (double)((const float *)job->residual)[(y * job->w + x) * AVL_BLOCK + c]
			  : 0;
	s.value = clamped(s.value + bias + residual, (double)job->lo, (double)job->hi);
	s.size += fabs(bias) + fabs(residual);
	return s;
}

static int output_is_right(const struct avl_winograd_output_job *job)
{
	const int each = job->pool ? 2 : 1, h = job->h / each, w = job->w / each;
	const int bottom = job->top + job->m, right = job->left + TILES * job->m;
	int ok = 1;
	for (int i = 0; i < h * w * AVL_BLOCK; i++) {
		const int y = i / AVL_BLOCK / w * each, x = i / AVL_BLOCK % w * each;
		if (y < job->top || y >= bottom || x < job->left || x >= right) {
			ok &= untouched((const float *)job->y + i, 1);
			continue;
		}
		struct sum wanted = output_at(job, y, x, i % AVL_BLOCK);
		for (int k = 1; k < each * each; k++) {
			const struct sum other =
			    output_at(job, y + k / 2, x + k % 2, i % AVL_BLOCK);
			wanted.value = fmax(wanted.value, other.value);
			wanted.size = fmax(wanted.size, other.size);
		}
		ok &= close_to(wanted, ((const float *)job->y)[i]);
	}
	return ok;
}

static void check_output(struct avl_rng *rng, int m, int h, int w, int top, int left, int kind)
{
	const int side = m + 2, step = (TILES + 2) * AVL_BLOCK, pool = kind == 3;
	const size_t outputs = (size_t)((pool ? (h / 2) * (w / 2) : h * w) * AVL_BLOCK);
	struct fenced y = fenced_new(outputs);
	float *const p = random_floats(rng, (size_t)(side * side * step));
	float *const bias = random_floats(rng, AVL_BLOCK);
	float *const residual = random_floats(rng, (size_t)(h * w * AVL_BLOCK));
	const struct avl_winograd_output_job job = {.m = m,
						    .p = p,
						    .step = step,
						    .bias = kind ? bias : NULL,
						    .residual = kind == 2 ? residual : NULL,
						    .y = y.at,
						    .h = h,
						    .w = w,
						    .top = top,
						    .left = left,
						    .tiles = TILES,
						    .pool = pool,
						    .lo = kind ? 0 : -INFINITY,
						    .hi = kind == 2 ? 1.5F : INFINITY};
	avl_kern()->winograd_output(&job);
	cr_assert(output_is_right(&job) && fences_stand(&y),
		  "%s: m %d, picture %d x %d, tile at %d, %d, kind %d", avl_kern()->level, m, h, w,
		  top, left, kind);
	fenced_free(&y);
	free(p);
	free(bias);
	free(residual);
}

static void at_every_level(void (*check)(struct avl_rng *rng, int m))
{
	struct avl_rng rng;
	avl_rng_init(&rng, 3, 0);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check(&rng, 2);
		check(&rng, 4);
		check(&rng, 6);
	}
}

static void inputs(struct avl_rng *rng, int m)
{
	check_input(rng, m, 9, 30, 1, 2);
	check_input(rng, m, 9, 20, -1, -1);
	check_input(rng, m, 7, 13, 5, 4);
	check_input(rng, m, 2, 3, -1, -2);
}

static void outputs(struct avl_rng *rng, int m)
{
	for (int kind = 0; kind < 4; kind++) {
		check_output(rng, m, 13, 26, m, m, kind);
		check_output(rng, m, m + 3, 3 * m + 1, m, m, kind);
		check_output(rng, m, m + 1, 2 * m + 1, m, 0, kind);
	}
}

Test(winograd_level, inputs_are_transformed)
{
	at_every_level(inputs);
}

Test(winograd_level, weights_are_transformed)
{
	at_every_level(check_weights);
}

Test(winograd_level, products_are_transformed_added_to_clamped_and_pooled)
{
	at_every_level(outputs);
}

/* One product that is NaN spoils all outputs of its tile and none of another's. */
Test(winograd_level, nan_stays_nan_through_the_clamp_and_the_pool)
{
	static _Alignas(64) float p[36 * 2 * AVL_BLOCK], y[4 * 8 * AVL_BLOCK];
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		for (int pool = 0; pool < 2; pool++) {
			const int width = pool ? 4 : 8;
			int ok = 1;
			memset(p, 0, sizeof p);
			p[7 * 2 * AVL_BLOCK + 3] = NAN; /* second row, second column */
			avl_kern()->winograd_output(
			    &(struct avl_winograd_output_job){.m = 4,
							      .p = p,
							      .step = (ptrdiff_t)2 * AVL_BLOCK,
							      .y = y,
							      .h = 4,
							      .w = 8,
							      .tiles = 2,
							      .pool = pool,
							      .hi = 6});
			for (int k = 0; k < (pool ? 8 : 32) * AVL_BLOCK; k++) {
				const int spoilt =
				    k % AVL_BLOCK == 3 && k / AVL_BLOCK % width < width / 2;
				ok &= spoilt ? isnan(y[k]) : y[k] == 0;
			}
			cr_expect(ok, "%s, pool %d", avl_kern()->level, pool);
		}
	}
}
