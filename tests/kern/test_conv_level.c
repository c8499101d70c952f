/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

/* A job with its operands: outputs of a block are followed by GAP pixels that belong to others. */
enum { GAP = 3, TAPS_MAX = 12 };

struct conv_case {
	struct avl_conv_job job;
	ptrdiff_t tap[TAPS_MAX];
	float *x, *w, *bias, *residual;
	size_t y_floats;
};

static int below(struct avl_rng *rng, int n)
{
	return (int)avl_rng_below(rng, (uint32_t)n);
}

static void set_clamp(struct avl_rng *rng, struct avl_conv_job *job)
{
	static const float lo[] = {-INFINITY, 0, 0, -0.25f}, hi[] = {INFINITY, INFINITY, 6, 0.5f};
	const int i = below(rng, 4);
	job->lo = lo[i];
	job->hi = hi[i];
}

static void case_init(struct conv_case *c, struct avl_rng *rng, int pixels, int blocks, int inner,
		      int taps)
{
	static const int blocked[] = {16, 32, 64}, planar[] = {1, 2, 4};
	const int x_pixel = (inner == 1 ? planar : blocked)[below(rng, 3)];
	ptrdiff_t last = 0;
	for (int t = 0; t < taps; t++) {
		c->tap[t] = below(rng, 40) * inner;
		last = c->tap[t] > last ? c->tap[t] : last;
	}
	const size_t x_floats = (size_t)((pixels - 1) * x_pixel + last + inner);
	c->y_floats = (size_t)blocks * (size_t)(pixels + GAP) * AVL_BLOCK;
	c->x = unaligned_floats(rng, x_floats);
	c->w = random_floats(rng, (size_t)(blocks * taps * inner) * AVL_BLOCK);
	c->bias = below(rng, 3) ? random_floats(rng, (size_t)blocks * AVL_BLOCK) : NULL;
	c->residual = below(rng, 2) ? random_floats(rng, c->y_floats) : NULL;
	c->job = (struct avl_conv_job){
	    .x = c->x,
	    .x_pixel = x_pixel,
	    .tap = c->tap,
	    .taps = taps,
	    .inner = inner,
	    .w = c->w,
	    .bias = c->bias,
	    .residual = c->residual,
	    .y_block = (ptrdiff_t)(pixels + GAP) * AVL_BLOCK,
	    .pixels = pixels,
	    .blocks = blocks,
	};
	set_clamp(rng, &c->job);
}

static void case_free(struct conv_case *c)
{
	free(c->x);
	free(c->w);
	free(c->bias);
	free(c->residual);
}

/* The formula of kern.h in double; how far Y is from it, in tolerances. */
static double distance_at(const struct avl_conv_job *job, const float *y, int b, int p, int o)
{
	const size_t w_block = (size_t)(job->taps * job->inner);
	const ptrdiff_t at = b * job->y_block + p * AVL_BLOCK + o;
	double sum = 0, magnitude = 0;
	for (int t = 0; t < job->taps; t++)
		for (int i = 0; i < job->inner; i++) {
			const size_t k = (size_t)b * w_block + (size_t)(t * job->inner + i);
			const double term = (double)job->w[k * AVL_BLOCK + (size_t)o] *
					    (double)job->x[p * job->x_pixel + job->tap[t] + i];
			sum += term;
			magnitude += fabs(term);
		}
	const double bias = job->bias ? (double)job->bias[b * AVL_BLOCK + o] : 0;
	const double residual = job->residual ? (double)job->residual[at] : 0;
	const double wanted = fmin(job->hi, fmax(job->lo, bias + residual + sum));
	magnitude += fabs(bias) + fabs(residual);
	return fabs((double)y[at] - wanted) / sum_tolerance(job->taps * job->inner + 2, magnitude);
}

static double distance(const struct avl_conv_job *job, const float *y)
{
	double worst = 0;
	for (int b = 0; b < job->blocks; b++)
		for (int p = 0; p < job->pixels; p++)
			for (int o = 0; o < AVL_BLOCK; o++) {
				const double d = distance_at(job, y, b, p, o);
				worst = d <= worst ? worst : d;
				if (isnan(d))
					return INFINITY;
			}
	return worst;
}

static int gaps_stand(const struct avl_conv_job *job, const struct fenced *y)
{
	int ok = fences_stand(y);
	for (int b = 0; b < job->blocks; b++)
		ok &=
		    untouched(y->at + b * job->y_block + job->pixels * AVL_BLOCK, GAP * AVL_BLOCK);
	return ok;
}

/* The same outputs, a piece of pixels and blocks at a time. */
static void run_in_pieces(const struct avl_conv_job *whole, struct avl_rng *rng, float *y)
{
	const ptrdiff_t w_block = (ptrdiff_t)whole->taps * whole->inner * AVL_BLOCK;
	for (int b = 0, bn; b < whole->blocks; b += bn) {
		bn = 1 + below(rng, whole->blocks - b);
		for (int p = 0, pn; p < whole->pixels; p += pn) {
			struct avl_conv_job piece = *whole;
			const ptrdiff_t at = b * whole->y_block + p * AVL_BLOCK;
			pn = 1 + below(rng, whole->pixels - p);
			piece.x += p * whole->x_pixel;
			piece.w += b * w_block;
			piece.bias = whole->bias ? whole->bias + b * AVL_BLOCK : NULL;
			piece.residual = whole->residual ? whole->residual + at : NULL;
			piece.y = y + at;
			piece.pixels = pn;
			piece.blocks = bn;
			avl_kern()->conv(&piece);
		}
	}
}

static void check_case(struct conv_case *c, struct avl_rng *rng)
{
	struct avl_conv_job *const job = &c->job;
	struct fenced y = fenced_new(c->y_floats), again = fenced_new(c->y_floats);
	job->y = y.at;
	avl_kern()->conv(job);
	const double d = distance(job, y.at);
	cr_assert(d <= 1, "%s: %d pixels, %d blocks, %d x %d inputs: off by %g tolerances",
		  avl_kern()->level, job->pixels, job->blocks, job->taps, job->inner, d);
	cr_assert(gaps_stand(job, &y), "%s: wrote beside its %d pixels", avl_kern()->level,
		  job->pixels);

	run_in_pieces(job, rng, again.at);
	cr_assert(same_bits(y.at, again.at, c->y_floats), "%s: pieces of %d pixels, %d blocks",
		  avl_kern()->level, job->pixels, job->blocks);

	if (c->residual) { /* added in place */
		for (int b = 0; b < job->blocks; b++)
			memcpy(again.at + b * job->y_block, c->residual + b * job->y_block,
			       (size_t)job->pixels * AVL_BLOCK * sizeof(float));
		struct avl_conv_job inplace = *job;
		inplace.residual = inplace.y = again.at;
		avl_kern()->conv(&inplace);
		cr_assert(same_bits(y.at, again.at, c->y_floats), "%s: residual in place",
			  avl_kern()->level);
	}
	fenced_free(&y);
	fenced_free(&again);
}

static void check_level(int inner)
{
	static const int taps[] = {1, 2, 9};
	struct avl_rng rng;
	avl_rng_init(&rng, 1, (uint64_t)inner);
	for (int pixels = 1; pixels <= 31; pixels++)
		for (int blocks = 1; blocks <= 5; blocks++)
			for (int t = 0; t < 3; t++) {
				struct conv_case c;
				case_init(&c, &rng, pixels, blocks, inner, taps[t]);
				check_case(&c, &rng);
				case_free(&c);
			}
}

Test(conv_level, blocked_inputs_give_the_formula_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check_level(AVL_BLOCK);
	}
}

Test(conv_level, half_blocks_give_the_formula_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check_level(AVL_BLOCK / 2);
	}
}

Test(conv_level, planar_inputs_give_the_formula_at_every_level)
{
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check_level(1);
	}
}

/* Five pixels by one input channel, weights of 1 and 0, clamped to 0..6 as ReLU6. */
static void run_special(const float x[5], float weight, float y[5 * AVL_BLOCK])
{
	static _Alignas(64) float w[AVL_BLOCK];
	static _Alignas(64) float out[5 * AVL_BLOCK];
	static const ptrdiff_t tap[] = {0};
	for (int o = 0; o < AVL_BLOCK; o++)
		w[o] = weight;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = x,
	    .x_pixel = 1,
	    .tap = tap,
	    .taps = 1,
	    .inner = 1,
	    .w = w,
	    .y = out,
	    .y_block = (ptrdiff_t)(sizeof out / sizeof out[0]),
	    .pixels = 5,
	    .blocks = 1,
	    .lo = 0,
	    .hi = 6,
	});
	memcpy(y, out, sizeof out);
}

Test(conv_level, nan_stays_nan_through_the_clamp_and_infinity_meets_its_bound)
{
	const float x[5] = {NAN, INFINITY, -INFINITY, 2, -2};
	float y[5 * AVL_BLOCK];
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		int ok = 1;
		run_special(x, 1, y);
		for (int o = 0; o < AVL_BLOCK; o++)
			ok &= isnan(y[o]) && y[16 + o] == 6 && y[32 + o] == 0 && y[48 + o] == 2 &&
			      y[64 + o] == 0;
		cr_expect(ok, "%s", avl_kern()->level);
		run_special(x, 0, y); /* infinity times 0 is NaN */
		ok = 1;
		for (int o = 0; o < AVL_BLOCK; o++)
			ok &= isnan(y[o]) && isnan(y[16 + o]) && isnan(y[32 + o]) && y[48 + o] == 0;
		cr_expect(ok, "%s", avl_kern()->level);
	}
}
