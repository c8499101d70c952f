/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "ops/ops.h"

/* Each op's gradients against differences of its own forward along random directions: with
 * L = sum r y, (L(x + e u) - L(x - e u)) / 2e is <dx, u>, and the same for the parameters. The
 * forward is held to naive references elsewhere. */

struct bench {
	const struct avl_op *op;
	struct avl_attr attr;
	struct avl_shape in, out;
	struct avl_params raw;
	float *x[2], *packed, *y, *r, *saved, *scratch, *gscratch;
	float *dx[2], *dpacked, *dout;
	size_t nx, ny, np;
	struct avl_par *par;
	int fresh;
};

static float *fresh(size_t n)
{
	float *const p = avl_alloc(n + 1, sizeof *p);
	memset(p, 0, n * sizeof *p);
	return p;
}

/* Random values in the channels that exist, zeros in the others. */
static float *draw(struct avl_rng *rng, const struct avl_shape *shape, int planar)
{
	const size_t n = (size_t)shape->n * (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
	float *const flat = fresh(n), *const blocked = fresh(avl_shape_floats(shape));
	for (size_t i = 0; i < n; i++)
		flat[i] = avl_rng_normal(rng);
	if (planar) {
		free(blocked);
		return flat;
	}
	avl_layout_to_blocked(shape, flat, blocked);
	free(flat);
	return blocked;
}

static double loss(const struct bench *b)
{
	const enum avl_layout layout = b->attr.planar ? AVL_PLANAR : AVL_BLOCKED;
	const struct avl_op_run run = {
	    .attr = &b->attr,
	    .in = {{b->in, layout, b->x[0]}, {b->in, AVL_BLOCKED, b->x[1]}},
	    .out = {b->out, AVL_BLOCKED, b->y},
	    .packed = b->packed,
	    .scratch = b->scratch,
	    .saved = b->saved,
	    .par = b->par,
	};
	b->op->forward(&run);
	double sum = 0;
	for (size_t i = 0; i < b->ny; i++)
		sum += (double)b->r[i] * b->y[i];
	return sum;
}

static void backward(const struct bench *b)
{
	const enum avl_layout layout = b->attr.planar ? AVL_PLANAR : AVL_BLOCKED;
	const struct avl_op_run run = {
	    .attr = &b->attr,
	    .in = {{b->in, layout, b->x[0]}, {b->in, AVL_BLOCKED, b->x[1]}},
	    .out = {b->out, AVL_BLOCKED, b->y},
	    .packed = b->packed,
	    .scratch = b->scratch,
	    .saved = b->saved,
	    .par = b->par,
	};
	const int in_place = b->fresh && b->op->in_place && !b->dx[1];
	memcpy(b->dout, b->r, b->ny * sizeof *b->dout);
	const struct avl_op_grad grad = {
	    .dout = b->dout,
	    .din = {b->attr.planar ? NULL
		    : in_place     ? b->dout
				   : b->dx[0],
		    b->dx[1]},
	    .fresh = {b->fresh, b->fresh},
	    .dpacked = b->dpacked,
	    .scratch = b->gscratch,
	};
	b->op->backward(&run, &grad);
	if (in_place)
		memcpy(b->dx[0], b->dout, b->nx * sizeof *b->dout);
}

static void check(const struct bench *b, const char *what, float *at, const float *gradient,
		  const float *direction, size_t n, float step, double tolerance)
{
	float *const kept = fresh(n);
	memcpy(kept, at, n * sizeof *at);
	double expected = 0, size = 0;
	for (size_t i = 0; i < n; i++) {
		expected += (double)gradient[i] * direction[i];
		size += fabs((double)gradient[i] * direction[i]);
		at[i] = kept[i] + step * direction[i];
	}
	const double above = loss(b);
	for (size_t i = 0; i < n; i++)
		at[i] = kept[i] - step * direction[i];
	const double below = loss(b);
	memcpy(at, kept, n * sizeof *at);
	free(kept);
	const double slope = (above - below) / (2 * (double)step);
	cr_assert(fabs(slope - expected) <= tolerance * (size + 1e-3),
		  "%s to %s, n %d c %d h %d w %d: slope %g, gradient %g (of %g)", b->op->name, what,
		  b->in.n, b->in.c, b->in.h, b->in.w, slope, expected, size);
}

/* A parameter block with random values where PACK puts something, as a direction. */
static float *parameters(struct avl_rng *rng, const struct bench *b, int positive_variance)
{
	const size_t outputs = (size_t)(b->attr.out > b->in.c ? b->attr.out : b->in.c);
	const size_t n =
	    outputs * (size_t)b->in.c * (size_t)(b->attr.kernel_h * b->attr.kernel_w + 1);
	float *const values = fresh(4 * n), *const to = fresh(b->np);
	for (size_t i = 0; i < 4 * n; i++)
		values[i] = avl_rng_normal(rng);
	for (size_t i = 3 * n; positive_variance && i < 4 * n; i++)
		values[i] = 0.5F + fabsf(values[i]);
	const struct avl_params raw = {
	    .weight = values,
	    .bias = b->attr.bias || b->op->forward == avl_op_batchnorm.forward ? values + n : NULL,
	    .mean = values + 2 * n,
	    .var = values + 3 * n,
	};
	b->op->pack(&b->attr, &b->in, &raw, to);
	free(values);
	return to;
}

static void try(const struct avl_op *op, struct avl_attr attr, struct avl_shape in, int training,
		float step, double tolerance)
{
	struct avl_rng rng;
	struct bench b = {.op = op, .attr = attr, .in = in};
	const struct avl_shape both[2] = {in, in};
	avl_rng_init(&rng, 7, (uint64_t)(in.c * 100 + in.h));
	cr_assert_eq(op->shape(&b.attr, both, &b.out, NULL), 0);
	b.ny = avl_shape_floats(&b.out);
	b.nx = attr.planar ? (size_t)in.n * (size_t)in.c * (size_t)in.h * (size_t)in.w
			   : avl_shape_floats(&in);
	b.np = op->packed ? op->packed(&b.attr, &in) : 0;
	b.x[0] = draw(&rng, &in, attr.planar);
	b.x[1] = op->inputs == 2 ? draw(&rng, &in, 0) : NULL;
	b.r = draw(&rng, &b.out, 0);
	b.y = fresh(b.ny);
	b.dout = fresh(b.ny);
	b.packed = op->packed ? parameters(&rng, &b, 1) : NULL;
	b.scratch = fresh(avl_op_scratch(op, &b.attr, &in, 3));
	b.gscratch = fresh(op->grad_scratch ? op->grad_scratch(&b.attr, &in, 3) : 0);
	b.saved = training && op->saved ? fresh(op->saved(&b.attr, &in)) : NULL;
	b.dx[0] = fresh(b.nx);
	b.dx[1] = op->inputs == 2 ? fresh(b.nx) : NULL;
	b.dpacked = b.np ? fresh(b.np) : NULL;

	loss(&b);
	backward(&b);
	for (int k = 0; k < op->inputs && !attr.planar; k++) {
		float *const u = draw(&rng, &in, 0);
		check(&b, k ? "second input" : "input", b.x[k], b.dx[k], u, b.nx, step, tolerance);
		free(u);
	}
	if (b.np) {
		float *const u = parameters(&rng, &b, 0);
		if (op->forward == avl_op_batchnorm.forward)
			memset(u + b.np / 2, 0, b.np / 2 * sizeof *u);
		check(&b, "parameters", b.packed, b.dpacked, u, b.np, step, tolerance);
		free(u);
	}

	/* the same when there is nothing to add to, and from three threads */
	float *const once = fresh(b.nx), *const dparams = fresh(b.np);
	memcpy(once, b.dx[0], b.nx * sizeof *once);
	if (b.np)
		memcpy(dparams, b.dpacked, b.np * sizeof *dparams);
	if (b.np)
		memset(b.dpacked, 0, b.np * sizeof(float));
	b.fresh = !attr.planar;
	memset(b.dx[0], b.fresh ? 0xff : 0, b.nx * sizeof(float));
	cr_assert_eq(avl_par_new(&b.par, 3, NULL), 0);
	loss(&b);
	backward(&b);
	for (size_t i = 0; i < b.nx; i++)
		cr_assert(once[i] == b.dx[0][i], "%s: fresh or threaded, differs", op->name);
	cr_assert(!b.np || !memcmp(dparams, b.dpacked, b.np * sizeof *dparams));
	avl_par_free(b.par);
	float *const all[] = {b.x[0],     b.x[1],  b.packed, b.y,       b.r,  b.saved, b.scratch,
			      b.gscratch, b.dx[0], b.dx[1],  b.dpacked, once, dparams, b.dout};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		free(all[i]);
}

#define OPEN .lo = -INFINITY, .hi = INFINITY
#define EVERY_LEVEL                                                                                \
	for (int level = 0; avl_kern_level(level) && !avl_kern_use(avl_kern_level(level), NULL);   \
	     level++)

static struct avl_attr window(int out, int kh, int kw, int sh, int sw, enum avl_pad pad, int p)
{
	return (struct avl_attr){.out = out,
				 .kernel_h = kh,
				 .kernel_w = kw,
				 .stride_h = sh,
				 .stride_w = sw,
				 .pad = pad,
				 .pad_h = p,
				 .pad_w = p,
				 .bias = 1,
				 OPEN};
}

/* Convolutions are linear in each operand: any step is exact but for rounding. */
Test(backward, convolution)
{
	EVERY_LEVEL
	{
		try(&avl_op_conv, window(20, 1, 1, 1, 1, AVL_PAD_SAME, 0),
		    (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-5);
		try(&avl_op_conv, window(33, 3, 3, 1, 1, AVL_PAD_FIXED, 1),
		    (struct avl_shape){2, 16, 6, 7}, 1, 1, 1e-5);
		try(&avl_op_conv, window(16, 3, 3, 2, 2, AVL_PAD_SAME, 0),
		    (struct avl_shape){1, 40, 8, 9}, 1, 1, 1e-5);
		try(&avl_op_conv, window(5, 5, 3, 2, 1, AVL_PAD_FIXED, 2),
		    (struct avl_shape){3, 3, 9, 11}, 1, 1, 1e-5);
		try(&avl_op_conv, window(17, 1, 1, 2, 2, AVL_PAD_FIXED, 0),
		    (struct avl_shape){1, 18, 7, 8}, 1, 1, 1e-5);
		try(&avl_op_conv, window(9, 1, 8, 1, 2, AVL_PAD_FIXED, 0),
		    (struct avl_shape){2, 16, 1, 31}, 1, 1, 1e-5);
		try(&avl_op_conv, window(18, 2, 2, 3, 3, AVL_PAD_FIXED, 0),
		    (struct avl_shape){2, 33, 10, 12}, 1, 1, 1e-5);
		try(&avl_op_conv, window(16, 5, 4, 3, 2, AVL_PAD_FIXED, 2),
		    (struct avl_shape){1, 17, 11, 8}, 1, 1, 1e-5);
	}
}

/* The transforms round more. */
Test(backward, convolution_by_winograd)
{
	struct avl_attr attr = window(33, 3, 3, 1, 1, AVL_PAD_FIXED, 1);
	attr.winograd = 4;
	attr.plain = 1;
	EVERY_LEVEL
	{
		try(&avl_op_conv, attr, (struct avl_shape){3, 20, 9, 14}, 1, 1, 1e-4);
		attr.pad_h = 0;
		attr.pad_w = 2;
		try(&avl_op_conv, attr, (struct avl_shape){2, 48, 7, 5}, 1, 1, 1e-4);
		attr.pad_h = attr.pad_w = 1;
		attr.bias = !attr.bias;
	}
}

Test(backward, convolution_of_a_planar_picture)
{
	struct avl_attr attr = window(24, 7, 7, 2, 2, AVL_PAD_FIXED, 3);
	attr.planar = 1;
	EVERY_LEVEL
	try(&avl_op_conv, attr, (struct avl_shape){2, 3, 15, 17}, 1, 1, 1e-5);
}

Test(backward, depthwise)
{
	EVERY_LEVEL
	{
		try(&avl_op_depthwise, window(20, 3, 3, 1, 1, AVL_PAD_SAME, 0),
		    (struct avl_shape){2, 20, 7, 6}, 1, 1, 1e-5);
		try(&avl_op_depthwise, window(16, 5, 5, 2, 2, AVL_PAD_SAME, 0),
		    (struct avl_shape){1, 16, 9, 12}, 1, 1, 1e-5);
		try(&avl_op_depthwise, window(3, 3, 3, 2, 2, AVL_PAD_SAME, 0),
		    (struct avl_shape){1, 3, 1, 2}, 1, 1, 1e-5);
	}
}

/* The statistics bend: a step of 1/100 leaves an error of its square. */
Test(backward, batchnorm_of_a_batch)
{
	const struct avl_attr attr = {.eps = 1e-3F, OPEN};
	EVERY_LEVEL
	{
		try(&avl_op_batchnorm, attr, (struct avl_shape){3, 20, 5, 4}, 1, 0.01F, 1e-3);
		try(&avl_op_batchnorm, attr, (struct avl_shape){2, 16, 40, 40}, 1, 0.01F, 1e-3);
	}
}

Test(backward, batchnorm_with_stored_statistics)
{
	const struct avl_attr attr = {.eps = 1e-3F, OPEN};
	EVERY_LEVEL
	try(&avl_op_batchnorm, attr, (struct avl_shape){2, 18, 5, 4}, 0, 1, 1e-5);
}

/* A block's end: what is added, and a ReLU behind it. */
Test(backward, batchnorm_with_residual_and_clamp)
{
	struct avl_op op = avl_op_batchnorm;
	const struct avl_attr attr = {.eps = 1e-3F, .lo = 0, .hi = INFINITY};
	op.inputs = 2;
	EVERY_LEVEL
	{
		try(&op, attr, (struct avl_shape){2, 20, 9, 7}, 1, 1e-3F, 3e-3);
		try(&op, attr, (struct avl_shape){2, 20, 9, 7}, 0, 1e-3F, 3e-3);
		try(&avl_op_batchnorm, attr, (struct avl_shape){3, 16, 23, 29}, 1, 1e-3F, 3e-3);
	}
}

/* Kinks: a step so small that hardly a value crosses one. */
Test(backward, clamp_add_maxpool_mean)
{
	const struct avl_attr relu6 = {.lo = 0, .hi = 6}, open = {OPEN};
	EVERY_LEVEL
	{
		try(&avl_op_clamp, relu6, (struct avl_shape){2, 17, 5, 3}, 1, 1e-3F, 2e-3);
		try(&avl_op_add, open, (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-5);
		try(&avl_op_maxpool, window(0, 3, 3, 2, 2, AVL_PAD_FIXED, 1),
		    (struct avl_shape){2, 17, 9, 8}, 1, 1e-3F, 2e-3);
		try(&avl_op_maxpool, window(0, 2, 2, 2, 2, AVL_PAD_FIXED, 0),
		    (struct avl_shape){1, 16, 8, 8}, 1, 1e-3F, 2e-3);
		try(&avl_op_mean, open, (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-5);
		try(&avl_op_globalmax, open, (struct avl_shape){2, 17, 5, 3}, 1, 1e-3F, 2e-3);
	}
}

Test(backward, batchnorm_statistics_move_as_in_torch)
{
	const struct avl_attr attr = {.eps = 1e-3F, OPEN};
	const struct avl_shape in = {2, 1, 2, 1};
	static const float values[] = {1, 2, 3, 6};
	float *const x = fresh(avl_shape_floats(&in)), *const y = fresh(avl_shape_floats(&in));
	float *const packed = fresh(64), *const saved = fresh(32);
	avl_layout_to_blocked(&in, values, x);
	packed[0] = 1;
	packed[32] = 10; /* mean */
	packed[48] = 20; /* var */
	avl_op_batchnorm.forward(&(struct avl_op_run){.attr = &attr,
						      .in = {{in, AVL_BLOCKED, x}},
						      .out = {in, AVL_BLOCKED, y},
						      .packed = packed,
						      .saved = saved});
	avl_batchnorm_update(&attr, &in, saved, 0.1F, packed);
	cr_assert_float_eq(packed[32], 0.9 * 10 + 0.1 * 3, 1e-5);
	cr_assert_float_eq(packed[48], 0.9 * 20 + 0.1 * 14.0 / 3, 1e-4);
	free(x);
	free(y);
	free(packed);
	free(saved);
}
