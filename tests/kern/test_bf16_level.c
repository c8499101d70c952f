/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/tensor.h"
#include "fenced.h"
#include "kern/kern.h"

enum { GAP = 3, TAPS_MAX = 12 };

static int below(struct avl_rng *rng, int n)
{
	return (int)avl_rng_below(rng, (uint32_t)n);
}

static uint16_t *random_bf16(struct avl_rng *rng, size_t n)
{
	uint16_t *const x = avl_alloc(n, sizeof *x);
	for (size_t i = 0; x && i < n; i++)
		x[i] = avl_float_to_bfloat(2 * avl_rng_uniform(rng) - 1);
	return x;
}

static double value(uint16_t bits)
{
	return (double)avl_bfloat_to_float(bits);
}

/* Within the tolerance of the sum and, in bf16, half a unit of its 8 bits. */
static double tolerance(int terms, double magnitude, double wanted, int is_float)
{
	const double sum = sum_tolerance(terms, magnitude);
	return is_float ? sum : 1.01 * sum + fabs(wanted) / 256;
}

/* --- convolution --- */

struct conv_case {
	struct avl_conv_bf16_job job;
	struct avl_tap_bf16 tap[TAPS_MAX];
	uint16_t *x, *w;
	float *bias, *residual;
	size_t y_elements;
	int pairs; /* of all taps */
};

static void set_clamp(struct avl_rng *rng, struct avl_conv_bf16_job *job)
{
	static const float lo[] = {-INFINITY, 0, 0, -0.25f}, hi[] = {INFINITY, INFINITY, 6, 0.5f};
	const int i = below(rng, 4);
	job->lo = lo[i];
	job->hi = hi[i];
}

/* Taps in planes have one pair, in blocks up to 8; some leave out the first or the last pixel. */
static void case_init(struct conv_case *c, struct avl_rng *rng, int pixels, int blocks, int taps)
{
	const int is_planar = below(rng, 3) == 0;
	const int x_pixel = (1 + below(rng, 3)) * (is_planar ? 1 : AVL_BLOCK);
	ptrdiff_t last = 0;
	*c = (struct conv_case){0};
	for (int t = 0; t < taps; t++) {
		const int cut = below(rng, 4);
		c->tap[t] = (struct avl_tap_bf16){
		    .at = below(rng, 40) * (is_planar ? 1 : AVL_BLOCK),
		    .pairs = is_planar ? 1 : 1 + below(rng, 8),
		    .left = cut == 1,
		    .right = cut == 2,
		};
		c->pairs += c->tap[t].pairs;
		last = c->tap[t].at > last ? c->tap[t].at : last;
	}
	const size_t x_elements = (size_t)((pixels - 1) * x_pixel + last + AVL_BLOCK);
	c->y_elements = (size_t)blocks * (size_t)(pixels + GAP) * AVL_BLOCK;
	c->x = random_bf16(rng, x_elements);
	c->w = random_bf16(rng, (size_t)(blocks * c->pairs) * 2 * AVL_BLOCK);
	c->bias = below(rng, 3) ? random_floats(rng, (size_t)blocks * AVL_BLOCK) : NULL;
	c->residual = below(rng, 2) ? random_floats(rng, c->y_elements) : NULL;
	c->job = (struct avl_conv_bf16_job){
	    .x = c->x,
	    .x_pixel = x_pixel,
	    .tap = c->tap,
	    .taps = taps,
	    .w = c->w,
	    .w_block = (ptrdiff_t)c->pairs * 2 * AVL_BLOCK,
	    .bias = c->bias,
	    .residual = c->residual, /* in bf16, half of them are read, as pairs of halves */
	    .residual_is_float = below(rng, 2),
	    .y_is_float = below(rng, 2),
	    .y_block = (ptrdiff_t)(pixels + GAP) * AVL_BLOCK,
	    .pixels = pixels,
	    .blocks = blocks,
	};
	if (c->residual && !c->job.residual_is_float)
		for (size_t i = 0; i < c->y_elements; i++)
			((uint16_t *)(void *)c->residual)[i] =
			    avl_float_to_bfloat((float)below(rng, 200) / 100 - 1);
	set_clamp(rng, &c->job);
}

static void case_free(struct conv_case *c)
{
	free(c->x);
	free(c->w);
	free(c->bias);
	free(c->residual);
}

static double element(const void *at, int is_float, ptrdiff_t i)
{
	return is_float ? (double)((const float *)at)[i] : value(((const uint16_t *)at)[i]);
}

/* The formula of kern/bf16.h in double; how far Y is from it, in tolerances. */
static double distance_at(const struct avl_conv_bf16_job *job, const void *y, int b, int p, int o)
{
	const ptrdiff_t at = b * job->y_block + p * AVL_BLOCK + o;
	const uint16_t *w = job->w + b * job->w_block;
	double sum = job->bias ? (double)job->bias[b * AVL_BLOCK + o] : 0;
	double magnitude = fabs(sum);
	int terms = 2;
	for (int t = 0; t < job->taps; t++) {
		const struct avl_tap_bf16 *const tap = &job->tap[t];
		const int is_outside =
		    (tap->left && p == 0) || (tap->right && p == job->pixels - 1);
		for (int i = 0; i < 2 * tap->pairs; i++) {
			const double term = value(w[(i / 2 * AVL_BLOCK + o) * 2 + i % 2]) *
					    value(job->x[p * job->x_pixel + tap->at + i]);
			sum += is_outside ? 0 : term;
			magnitude += is_outside ? 0 : fabs(term);
		}
		w += 2 * AVL_BLOCK * tap->pairs;
		terms += 2 * tap->pairs;
	}
	const double residual =
	    job->residual ? element(job->residual, job->residual_is_float, at) : 0;
	const double wanted = fmin(job->hi, fmax(job->lo, sum + residual));
	return fabs(element(y, job->y_is_float, at) - wanted) /
	       tolerance(terms, magnitude + fabs(residual), wanted, job->y_is_float);
}

static double distance(const struct avl_conv_bf16_job *job, const void *y)
{
	double worst = 0;
	for (int b = 0; b < job->blocks; b++)
		for (int p = 0; p < job->pixels; p++)
			for (int o = 0; o < AVL_BLOCK; o++) {
				const double d = distance_at(job, y, b, p, o);
				if (isnan(d))
					return INFINITY;
				worst = d <= worst ? worst : d;
			}
	return worst;
}

/* The outputs of a job without taps that leave pixels out, a block at a time, and its gaps. */
static void check_case(struct conv_case *c)
{
	struct avl_conv_bf16_job *const job = &c->job;
	const size_t size = job->y_is_float ? sizeof(float) : sizeof(uint16_t);
	struct fenced y = fenced_new(c->y_elements * size / sizeof(float));
	struct fenced again = fenced_new(c->y_elements * size / sizeof(float));
	job->y = y.at;
	avl_kern()->bf16.conv(job);
	const double d = distance(job, y.at);
	cr_assert(d <= 1, "%s: %d pixels, %d blocks, %d taps: off by %g tolerances",
		  avl_kern()->level, job->pixels, job->blocks, job->taps, d);
	int stand = fences_stand(&y);
	for (int b = 0; b < job->blocks; b++) {
		const size_t end =
		    (size_t)(b * job->y_block + job->pixels * AVL_BLOCK) * size / sizeof(float);
		stand &= untouched(y.at + end, GAP * AVL_BLOCK * size / sizeof(float));
	}
	cr_assert(stand, "%s: wrote beside its %d pixels", avl_kern()->level, job->pixels);
	for (int b = 0; b < job->blocks; b++) {
		struct avl_conv_bf16_job one = *job;
		const size_t at = (size_t)(b * job->y_block);
		const size_t residual = job->residual_is_float ? sizeof(float) : sizeof(uint16_t);
		one.blocks = 1;
		one.w += b * job->w_block;
		one.bias = job->bias ? job->bias + b * AVL_BLOCK : NULL;
		one.residual = job->residual ? (const char *)job->residual + at * residual : NULL;
		one.y = (char *)again.at + at * size;
		avl_kern()->bf16.conv(&one);
	}
	cr_assert(same_bits(y.at, again.at, y.n), "%s: %d blocks together or alone",
		  avl_kern()->level, job->blocks);
	fenced_free(&y);
	fenced_free(&again);
}

Test(bf16_level, convolution_gives_the_formula_at_every_level)
{
	static const int taps[] = {0, 1, 2, 9};
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 51, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int pixels = 1; pixels <= 31; pixels++)
			for (int blocks = 1; blocks <= 7; blocks++)
				for (int t = 0; t < 4; t++) {
					struct conv_case c;
					case_init(&c, &rng, pixels, blocks, taps[t]);
					check_case(&c);
					case_free(&c);
				}
	}
}

/* --- the others --- */

Test(bf16_level, narrow_rounds_as_the_reference_does)
{
	static const float special[] = {0,
					-0.0F,
					1,
					0x1.01p0F, /* a tie, to even below */
					0x1.03p0F, /* and above */
					-0x1.0101p0F,
					0x1.fffffep127F,
					INFINITY,
					-INFINITY,
					FLT_MIN};
	enum { SPECIAL = sizeof special / sizeof special[0], N = 53 };
	struct avl_rng rng;
	avl_rng_init(&rng, 52, 0);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		for (int n = 0; n <= N; n++) {
			float x[N];
			uint16_t y[N + 1];
			for (int k = 0; k < n; k++)
				x[k] = k < SPECIAL ? special[k] : 2 * avl_rng_uniform(&rng) - 1;
			memset(y, 0x5a, sizeof y);
			avl_kern()->bf16.narrow(y, x, (size_t)n);
			for (int k = 0; k < n; k++)
				cr_expect_eq(y[k], avl_float_to_bfloat(x[k]), "%s: %a",
					     avl_kern()->level, (double)x[k]);
			cr_expect_eq(y[n], 0x5a5a, "%s: wrote beside", avl_kern()->level);
		}
		uint16_t nan;
		avl_kern()->bf16.narrow(&nan, &(float){NAN}, 1);
		cr_expect(isnan(avl_bfloat_to_float(nan)), "%s", avl_kern()->level);
	}
}

Test(bf16_level, add_and_sum_give_their_formulas_at_every_level)
{
	enum { PIXELS = 11, N = PIXELS * AVL_BLOCK };
	static _Alignas(64) uint16_t y[N];
	static _Alignas(64) float sum[AVL_BLOCK];
	struct avl_rng rng;
	avl_rng_init(&rng, 53, 0);
	uint16_t *const a = random_bf16(&rng, N), *const b = random_bf16(&rng, N);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		for (int two = 0; two < 2; two++) {
			avl_kern()->bf16.add(y, a, two ? b : NULL, N, -0.25F, 0.5F);
			for (int k = 0; k < N; k++) {
				const double other = two ? value(b[k]) : 0;
				const double wanted = fmin(0.5, fmax(-0.25, value(a[k]) + other));
				cr_assert_leq(fabs(value(y[k]) - wanted),
					      tolerance(2, 2, wanted, 0), "%s", avl_kern()->level);
			}
		}
		avl_kern()->bf16.sum(sum, a, PIXELS, 0.5F);
		for (int o = 0; o < AVL_BLOCK; o++) {
			double wanted = 0, magnitude = 0;
			for (int p = 0; p < PIXELS; p++) {
				wanted += 0.5 * value(a[p * AVL_BLOCK + o]);
				magnitude += 0.5 * fabs(value(a[p * AVL_BLOCK + o]));
			}
			cr_assert_leq(fabs((double)sum[o] - wanted),
				      sum_tolerance(PIXELS, magnitude), "%s", avl_kern()->level);
		}
	}
	free(a);
	free(b);
}

/* Rows of W pixels; windows that stick out at both ends. */
static void check_windows(struct avl_rng *rng, int rows, int width, int columns, int stride)
{
	enum { WIDTH_MAX = 64 };
	static _Alignas(64) uint16_t y[WIDTH_MAX * AVL_BLOCK], most[WIDTH_MAX * AVL_BLOCK];
	const int pad = columns / 2, pixels = (width - 1) / stride + 1;
	uint16_t *const x = random_bf16(rng, (size_t)(rows * width) * AVL_BLOCK);
	uint16_t *const w = random_bf16(rng, (size_t)(rows * columns) * AVL_BLOCK);
	float *const bias = below(rng, 2) ? random_floats(rng, AVL_BLOCK) : NULL;
	avl_kern()->bf16.depthwise(&(struct avl_depthwise_job){
	    .x = x,
	    .rows = rows,
	    .width = width,
	    .w = w,
	    .columns = columns,
	    .stride = stride,
	    .pad = pad,
	    .bias = bias,
	    .y = y,
	    .pixels = pixels,
	    .lo = -0.5F,
	    .hi = 6,
	});
	avl_kern()->bf16.maxpool(&(struct avl_maxpool_job){
	    .x = x,
	    .rows = rows,
	    .width = width,
	    .columns = columns,
	    .stride = stride,
	    .pad = pad,
	    .y = most,
	    .pixels = pixels,
	});
	for (int i = 0; i < pixels * AVL_BLOCK; i++) {
		const int o = i % AVL_BLOCK, left = i / AVL_BLOCK * stride - pad;
		double sum = bias ? (double)bias[o] : 0, magnitude = fabs(sum), best = -INFINITY;
		for (int r = 0; r < rows; r++)
			for (int q = 0; q < columns; q++) {
				if (left + q < 0 || left + q >= width)
					continue;
				const double v = value(x[(r * width + left + q) * AVL_BLOCK + o]);
				const double term = v * value(w[(r * columns + q) * AVL_BLOCK + o]);
				sum += term;
				magnitude += fabs(term);
				best = fmax(best, v);
			}
		const double wanted = fmin(6, fmax(-0.5, sum));
		cr_assert_leq(fabs(value(y[i]) - wanted),
			      tolerance(rows * columns + 1, magnitude, wanted, 0),
			      "%s: %d columns, stride %d, width %d", avl_kern()->level, columns,
			      stride, width);
		cr_assert_eq(value(most[i]), best, "%s: largest", avl_kern()->level);
	}
	free(x);
	free(w);
	free(bias);
}

Test(bf16_level, windows_give_their_formulas_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 54, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int width = 1; width <= 41; width += width < 20 ? 1 : 7)
			for (int columns = 1; columns <= 7; columns += 2)
				for (int stride = 1; stride <= 3; stride++)
					check_windows(&rng, 1 + below(&rng, 7), width, columns,
						      stride);
	}
}
