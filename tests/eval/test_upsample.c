/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "base/rng.h"
#include "eval/upsample.h"

#define SIDE_MAX 300

static float src[SIDE_MAX * SIDE_MAX], dst[SIDE_MAX * SIDE_MAX];
static struct avl_upsampler upsampler;

static const int sizes[][4] = {{7, 7, 224, 224}, {1, 1, 5, 3}, {1, 9, 31, 8},    {5, 9, 224, 200},
			       {14, 14, 14, 14}, {3, 2, 1, 1}, {40, 30, 17, 23}, {2, 300, 9, 224}};
#define SIZES (int)(sizeof sizes / sizeof *sizes)

static void fill(int n, uint64_t seed)
{
	struct avl_rng rng;
	avl_rng_init(&rng, seed, 0);
	for (int i = 0; i < n; i++)
		src[i] = avl_rng_uniform(&rng) * 2 - 1;
}

static int is_cubic(enum avl_upsample kind)
{
	return kind == AVL_UPSAMPLE_TORCH_CUBIC || kind == AVL_UPSAMPLE_TORCH_CUBIC_CORNERS ||
	       kind == AVL_UPSAMPLE_CV_CUBIC;
}

static int has_corners(enum avl_upsample kind)
{
	return kind == AVL_UPSAMPLE_TORCH_LINEAR_CORNERS ||
	       kind == AVL_UPSAMPLE_TORCH_CUBIC_CORNERS;
}

/* The kernel itself: a triangle, or the piecewise cubic with a = -0.75. */
static double kernel(int cubic, double d)
{
	const double a = -0.75;
	d = fabs(d);
	if (!cubic)
		return d < 1 ? 1 - d : 0;
	if (d < 1)
		return (a + 2) * d * d * d - (a + 3) * d * d + 1;
	return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

static double at(enum avl_upsample kind, int n, int outputs, int i)
{
	if (has_corners(kind))
		return outputs > 1 ? i * (n - 1.0) / (outputs - 1) : 0;
	const double s = (i + 0.5) * n / outputs - 0.5;
	return is_cubic(kind) ? s : fmin(fmax(s, 0), n - 1);
}

static double reference(enum avl_upsample kind, int rows, int cols, double y, double x)
{
	double sum = 0;
	for (int r = (int)floor(y) - 1; r <= (int)floor(y) + 2; r++)
		for (int c = (int)floor(x) - 1; c <= (int)floor(x) + 2; c++) {
			const int rr = r < 0 ? 0 : r < rows ? r : rows - 1;
			const int cc = c < 0 ? 0 : c < cols ? c : cols - 1;
			sum += (double)src[rr * cols + cc] * kernel(is_cubic(kind), y - r) *
			       kernel(is_cubic(kind), x - c);
		}
	return sum;
}

/* Single precision over at most 16 products of values within -1..1; places are rounded to single
 * precision too, which moves them by up to 300 * 6e-8, and the slope is at most 2 a sample. */
Test(upsample, equals_the_definition_in_double_precision)
{
	for (int kind = 0; kind < AVL_UPSAMPLES; kind++)
		for (int k = 0; k < SIZES; k++) {
			const enum avl_upsample u = (enum avl_upsample)kind;
			const int *const s = sizes[k];
			fill(s[0] * s[1], (uint64_t)k);
			cr_assert_eq(
			    avl_upsample(&upsampler, u, src, s[0], s[1], dst, s[2], s[3], NULL), 0);
			for (int i = 0; i < s[2] * s[3]; i++) {
				const double wanted =
				    reference(u, s[0], s[1], at(u, s[0], s[2], i / s[3]),
					      at(u, s[1], s[3], i % s[3]));
				cr_assert_float_eq((double)dst[i], wanted, 1e-4,
						   "kind %d size %d output %d: %g, not %g", kind, k,
						   i, (double)dst[i], wanted);
			}
		}
	avl_upsampler_release(&upsampler);
}

Test(upsample, the_same_size_gives_the_same_map)
{
	fill(14 * 14, 1);
	for (int kind = 0; kind < AVL_UPSAMPLES; kind++) {
		cr_assert_eq(avl_upsample(&upsampler, (enum avl_upsample)kind, src, 14, 14, dst, 14,
					  14, NULL),
			     0);
		for (int i = 0; i < 14 * 14; i++)
			cr_assert_eq(dst[i], src[i], "kind %d", kind);
	}
	avl_upsampler_release(&upsampler);
}

Test(upsample, a_plan_is_made_anew_for_other_sizes_and_kinds)
{
	float again[6 * 6];
	fill(9, 2);
	for (int kind = 0; kind < AVL_UPSAMPLES; kind++) {
		const enum avl_upsample u = (enum avl_upsample)kind;
		struct avl_upsampler fresh = {0};
		cr_assert_eq(avl_upsample(&upsampler, u, src, 3, 3, dst, 6, 6, NULL), 0);
		cr_assert_eq(avl_upsample(&fresh, u, src, 3, 3, again, 6, 6, NULL), 0);
		for (int i = 0; i < 36; i++)
			cr_assert_eq(dst[i], again[i]);
		cr_assert_eq(avl_upsample(&upsampler, u, src, 9, 1, dst, 6, 2, NULL), 0);
		avl_upsampler_release(&fresh);
	}
	avl_upsampler_release(&upsampler);
}
