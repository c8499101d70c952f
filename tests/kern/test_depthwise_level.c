/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

static int below(struct avl_rng *rng, int n)
{
	return (int)avl_rng_below(rng, (uint32_t)n);
}

/* The columns of pixel P's window that lie in the row: FIRST..LAST-1. */
static void columns_inside(const struct avl_depthwise_job *job, int p, int *first, int *last)
{
	const int left = p * job->stride - job->pad;
	*first = left < 0 ? -left : 0;
	*last = left + job->columns > job->width ? job->width - left : job->columns;
}

static double distance(const struct avl_depthwise_job *job, const float *y)
{
	const float *const x = job->x, *const w = job->w;
	double worst = 0;
	for (int i = 0; i < job->pixels * AVL_BLOCK; i++) {
		const int p = i / AVL_BLOCK, o = i % AVL_BLOCK;
		double sum = job->bias ? (double)job->bias[o] : 0, magnitude = fabs(sum);
		int first, last;
		columns_inside(job, p, &first, &last);
		for (int r = 0; r < job->rows; r++)
			for (int q = first; q < last; q++) {
				const int at = r * job->width + p * job->stride - job->pad + q;
				const double term =
				    (double)w[(r * job->columns + q) * AVL_BLOCK + o] *
				    (double)x[at * AVL_BLOCK + o];
				sum += term;
				magnitude += fabs(term);
			}
		const double wanted = fmin(job->hi, fmax(job->lo, sum));
		const double d = fabs((double)y[i] - wanted) /
				 sum_tolerance(job->rows * job->columns + 1, magnitude);
		if (!(d <= worst))
			worst = d;
	}
	return worst;
}

/* The window of pixel P cut out of the row, what sticks out left and right left away. */
static float *cut_window(const struct avl_depthwise_job *job, int p, int *width, int *pad)
{
	int first, last;
	columns_inside(job, p, &first, &last);
	*width = last - first;
	*pad = first;
	float *const out = avl_alloc((size_t)(job->rows * *width) * AVL_BLOCK, sizeof *out);
	for (int r = 0; r < job->rows; r++)
		memcpy(out + r * *width * AVL_BLOCK,
		       (const float *)job->x +
			   (r * job->width + p * job->stride - job->pad + first) * AVL_BLOCK,
		       (size_t)*width * AVL_BLOCK * sizeof *out);
	return out;
}

static int alone_is_the_same(const struct avl_depthwise_job *job, const float *y)
{
	int ok = 1;
	for (int p = 0; p < job->pixels; p++) {
		_Alignas(64) float alone[AVL_BLOCK];
		struct avl_depthwise_job one = *job;
		float *const x = cut_window(job, p, &one.width, &one.pad);
		one.x = x;
		one.y = alone;
		one.pixels = 1;
		avl_kern()->depthwise(&one);
		ok &= same_bits(alone, y + p * AVL_BLOCK, AVL_BLOCK);
		free(x);
	}
	return ok;
}

/* A picture's row WIDTH wide under a window of COLUMNS with a border narrower than the window. */
static struct avl_depthwise_job random_job(struct avl_rng *rng, int width, int columns)
{
	struct avl_depthwise_job job = {
	    .rows = 1 + below(rng, 5),
	    .width = width,
	    .columns = columns,
	    .stride = 1 + below(rng, 4),
	    .pad = below(rng, columns),
	    .lo = below(rng, 2) ? 0 : -INFINITY,
	    .hi = below(rng, 2) ? 0.5f : INFINITY,
	};
	/* the last window may stick out as far as the first, or further, but never wholly */
	job.pixels = (width - 1 + job.pad) / job.stride + 1;
	job.pixels = below(rng, 2) ? job.pixels : 1 + below(rng, job.pixels);
	return job;
}

static void check_depthwise(struct avl_rng *rng, int width, int columns)
{
	struct avl_depthwise_job job = random_job(rng, width, columns);
	float *const x = random_floats(rng, (size_t)(job.rows * width) * AVL_BLOCK);
	float *const w = random_floats(rng, (size_t)(job.rows * columns) * AVL_BLOCK);
	float *const bias = below(rng, 2) ? random_floats(rng, AVL_BLOCK) : NULL;
	struct fenced y = fenced_new((size_t)job.pixels * AVL_BLOCK);
	job.x = x;
	job.w = w;
	job.bias = bias;
	job.y = y.at;
	avl_kern()->depthwise(&job);
	const double d = distance(&job, y.at);
	cr_assert(d <= 1, "%s: %d pixels of %d under %d columns, stride %d, pad %d: off by %g",
		  avl_kern()->level, job.pixels, width, columns, job.stride, job.pad, d);
	cr_assert(fences_stand(&y), "%s: wrote beside its %d pixels", avl_kern()->level,
		  job.pixels);
	cr_assert(alone_is_the_same(&job, y.at), "%s: a pixel alone differs", avl_kern()->level);
	fenced_free(&y);
	free(x);
	free(w);
	free(bias);
}

Test(depthwise_level, gives_the_formula_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 2, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int width = 1; width <= 31; width++)
			for (int columns = 1; columns <= 7; columns++)
				for (int k = 0; k < 4; k++)
					check_depthwise(&rng, width, columns);
	}
}

/* One NaN in a row of 20 under a window of 3: its three pixels are NaN, no other. */
Test(depthwise_level, nan_reaches_its_own_windows_only)
{
	_Alignas(64) float x[20 * AVL_BLOCK], w[3 * AVL_BLOCK], y[20 * AVL_BLOCK];
	for (int i = 0; i < 20 * AVL_BLOCK; i++)
		x[i] = i == 9 * AVL_BLOCK + 5 ? NAN : 1;
	for (int i = 0; i < 3 * AVL_BLOCK; i++)
		w[i] = 1;
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		avl_kern()->depthwise(&(struct avl_depthwise_job){.x = x,
								  .rows = 1,
								  .width = 20,
								  .w = w,
								  .columns = 3,
								  .stride = 1,
								  .pad = 1,
								  .y = y,
								  .pixels = 20,
								  .lo = 0,
								  .hi = 6});
		int wrong = 0;
		for (int k = 0; k < 20 * AVL_BLOCK; k++) {
			const int p = k / AVL_BLOCK;
			const int hit = p >= 8 && p <= 10 && k % AVL_BLOCK == 5;
			const float plain = p == 0 || p == 19 ? 2 : 3;
			wrong += hit ? !isnan(y[k]) : !(y[k] == plain);
		}
		cr_expect_eq(wrong, 0, "%s: %d values", avl_kern()->level, wrong);
	}
}

static void check_maxpool(struct avl_rng *rng, int width, int columns)
{
	const struct avl_depthwise_job like = random_job(rng, width, columns);
	float *const x = random_floats(rng, (size_t)(like.rows * width) * AVL_BLOCK);
	struct fenced y = fenced_new((size_t)like.pixels * AVL_BLOCK);
	avl_kern()->maxpool(&(struct avl_maxpool_job){.x = x,
						      .rows = like.rows,
						      .width = width,
						      .columns = columns,
						      .stride = like.stride,
						      .pad = like.pad,
						      .y = y.at,
						      .pixels = like.pixels});
	int wrong = 0;
	for (int i = 0; i < like.pixels * AVL_BLOCK; i++) {
		const int p = i / AVL_BLOCK, o = i % AVL_BLOCK;
		int first, last;
		float best = -INFINITY;
		columns_inside(&like, p, &first, &last);
		for (int r = 0; r < like.rows; r++)
			for (int q = first; q < last; q++)
				best = fmaxf(
				    best,
				    x[(r * width + p * like.stride - like.pad + q) * AVL_BLOCK +
				      o]);
		wrong += !(y.at[i] == best);
	}
	cr_assert_eq(wrong, 0, "%s: %d of %d pixels of %d under %d columns", avl_kern()->level,
		     wrong, like.pixels, width, columns);
	cr_assert(fences_stand(&y));
	fenced_free(&y);
	free(x);
}

Test(maxpool_level, gives_the_largest_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 3, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int width = 1; width <= 31; width++)
			for (int columns = 1; columns <= 7; columns++)
				check_maxpool(&rng, width, columns);
	}
}

Test(maxpool_level, nan_wins_wherever_it_stands_in_the_window)
{
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		for (int at = 0; at < 4; at++) {
			_Alignas(64) float x[4 * AVL_BLOCK], y[AVL_BLOCK];
			for (int k = 0; k < 4 * AVL_BLOCK; k++)
				x[k] = k / AVL_BLOCK == 2 ? INFINITY : -INFINITY;
			x[at * AVL_BLOCK + 7] = NAN;
			avl_kern()->maxpool(&(struct avl_maxpool_job){.x = x,
								      .rows = 2,
								      .width = 2,
								      .columns = 2,
								      .stride = 1,
								      .y = y,
								      .pixels = 1});
			for (int o = 0; o < AVL_BLOCK; o++)
				cr_expect(o == 7 ? isnan(y[o]) : y[o] == INFINITY, "%s: %g at %d",
					  avl_kern()->level, (double)y[o], o);
		}
	}
}
