/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ops/winograd.h"
#include "trial.h"

/* Winograd's way against the direct one, which is held to the definition elsewhere. */

/* What comes behind the convolution. */
enum extra { NOTHING, RESIDUAL, POOL };

struct operands {
	struct avl_shape in, out;
	float *x, *residual, *weight, *bias;
	struct avl_par *par;
};

static float *normal(struct avl_rng *rng, size_t n)
{
	float *const p = avl_alloc(n, sizeof *p);
	for (size_t i = 0; i < n; i++)
		p[i] = avl_rng_normal(rng);
	return p;
}

static float *blocked(struct avl_rng *rng, const struct avl_shape *s)
{
	float *const flat = normal(rng, (size_t)s->n * (size_t)s->c * (size_t)s->h * (size_t)s->w);
	float *const to = avl_alloc(avl_shape_floats(s), sizeof *to);
	avl_layout_to_blocked(s, flat, to);
	free(flat);
	return to;
}

static float *convolve(const struct avl_attr *attr, const struct operands *o)
{
	const struct avl_params params = {.weight = o->weight, .bias = o->bias};
	float *const packed = avl_alloc(avl_op_conv.packed(attr, &o->in), sizeof *packed);
	const size_t room = avl_op_scratch(&avl_op_conv, attr, &o->in, avl_par_threads(o->par));
	float *const scratch = avl_alloc(room, sizeof *scratch);
	float *const y = avl_alloc(avl_shape_floats(&o->out), sizeof *y);
	avl_op_conv.pack(attr, &o->in, &params, packed);
	memset(scratch, 0xff, room * sizeof *scratch);
	avl_op_conv.forward(&(struct avl_op_run){
	    .attr = attr,
	    .in = {{o->in, AVL_BLOCKED, o->x}, {o->out, AVL_BLOCKED, o->residual}},
	    .out = {o->out, AVL_BLOCKED, y},
	    .packed = packed,
	    .raw = &params,
	    .scratch = scratch,
	    .par = o->par,
	});
	free(packed);
	free(scratch);
	return y;
}

/* 3e-5 of the largest, 1e-4 with m = 6: the transforms multiply by up to 8 (32) and cancel, here
 * over 2304 products. */
static void compare(const struct avl_attr *attr, struct operands *o, const float *direct)
{
	float *const fast = convolve(attr, o);
	cr_assert_eq(avl_par_new(&o->par, 3, NULL), 0);
	float *const threaded = convolve(attr, o);
	struct avl_attr late = *attr;
	late.late = 1;
	float *const unpacked = convolve(&late, o);
	avl_par_free(o->par);
	o->par = NULL;
	const size_t n = avl_shape_floats(&o->out);
	double largest = 0, error = 0;
	for (size_t i = 0; i < n; i++) {
		largest = fmax(largest, fabs((double)direct[i]));
		error = fmax(error, fabs((double)direct[i] - (double)fast[i]));
	}
	cr_assert(error <= (attr->winograd == 6 ? 1e-4 : 3e-5) * largest,
		  "%s, m %d, c %d h %d w %d: off by %g of %g", avl_kern()->level, attr->winograd,
		  o->in.c, o->in.h, o->in.w, error, largest);
	cr_assert_eq(memcmp(fast, threaded, n * sizeof *fast), 0);
	cr_assert_eq(memcmp(fast, unpacked, n * sizeof *fast), 0);
	free(fast);
	free(threaded);
	free(unpacked);
}

static void check(struct avl_shape in, int out, enum avl_pad pad, int fixed, enum extra extra,
		  float lo)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 5, (uint64_t)(in.h * 100 + in.w));
	struct avl_attr attr = {.out = out,
				.kernel_h = 3,
				.kernel_w = 3,
				.stride_h = 1,
				.stride_w = 1,
				.pad = pad,
				.pad_h = fixed,
				.pad_w = fixed,
				.bias = 1,
				.pool = extra == POOL,
				.lo = lo,
				.hi = INFINITY};
	struct operands o = {.in = in};
	cr_assert_eq(avl_op_conv.shape(&attr, &in, &o.out, NULL), 0);
	o.x = blocked(&rng, &in);
	o.residual = extra == RESIDUAL ? blocked(&rng, &o.out) : NULL;
	o.weight = normal(&rng, (size_t)out * (size_t)in.c * 9);
	o.bias = normal(&rng, (size_t)out);
	for (int level = 0; avl_kern_level(level); level++) {
		cr_assert_eq(avl_kern_use(avl_kern_level(level), NULL), 0);
		attr.winograd = 0;
		float *const direct = convolve(&attr, &o);
		for (attr.winograd = 2; attr.winograd <= 6; attr.winograd += 2)
			compare(&attr, &o, direct);
		free(direct);
	}
	free(o.x);
	free(o.residual);
	free(o.weight);
	free(o.bias);
}

Test(winograd, agrees_with_direct_convolution)
{
	check((struct avl_shape){1, 16, 16, 16}, 16, AVL_PAD_FIXED, 1, NOTHING, 0);
	check((struct avl_shape){2, 20, 13, 15}, 33, AVL_PAD_SAME, 0, RESIDUAL, -INFINITY);
	check((struct avl_shape){1, 48, 20, 20}, 40, AVL_PAD_FIXED, 1, RESIDUAL, 0);
	check((struct avl_shape){3, 17, 9, 22}, 18, AVL_PAD_FIXED, 0, NOTHING, -INFINITY);
	check((struct avl_shape){2, 20, 13, 15}, 33, AVL_PAD_FIXED, 1, POOL, 0);
	check((struct avl_shape){1, 40, 21, 18}, 16, AVL_PAD_FIXED, 0, POOL, -INFINITY);
	check((struct avl_shape){1, 130, 16, 17}, 144, AVL_PAD_FIXED, 1, NOTHING, 0);
}

/* So large that the tiles are worked off in several chunks. */
Test(winograd, works_in_chunks)
{
	check((struct avl_shape){1, 64, 90, 70}, 64, AVL_PAD_FIXED, 1, RESIDUAL, 0);
	check((struct avl_shape){2, 256, 30, 30}, 128, AVL_PAD_FIXED, 1, NOTHING, 0);
}

Test(winograd, fits_only_what_it_can_do)
{
	const struct avl_shape in = {1, 64, 28, 28}, small = {8, 64, 7, 7}, tiny = {8, 64, 5, 5};
	const struct avl_attr good = {.out = 64,
				      .kernel_h = 3,
				      .kernel_w = 3,
				      .stride_h = 1,
				      .stride_w = 1,
				      .pad = AVL_PAD_FIXED,
				      .pad_h = 1,
				      .pad_w = 1};
	struct avl_attr attr = good;
	cr_assert_eq(avl_winograd_fits(&attr, &in), 4);
	cr_assert_eq(avl_winograd_fits(&attr, &small), 2, "the batch must not decide");
	cr_assert_eq(avl_winograd_fits(&attr, &tiny), 0, "the batch must not decide");
	attr.stride_w = 2;
	cr_assert_not(avl_winograd_fits(&attr, &in));
	attr = good;
	attr.kernel_h = 5;
	cr_assert_not(avl_winograd_fits(&attr, &in));
	attr = good;
	attr.planar = 1;
	cr_assert_not(avl_winograd_fits(&attr, &in));
}
