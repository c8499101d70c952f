/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "ops/bf16.h"
#include "tests/kern/fenced.h"

/* The ops of training in bf16, forward and backward, at every CPU level against those in fp32 on
 * the same numbers, all rounded to bf16, at the plainest level and without Winograd; they are held
 * to double precision and to differences elsewhere. A map may differ by what sums in another order
 * do and by its rounding, half a unit of 8 bits, twice where it is added to what was there. */

struct side {
	const struct avl_op *op;
	struct avl_attr attr;
	int is_bf16, threads;
	struct avl_shape in, out;
	float *x[2], *y, *packed, *saved, *dout, *din[2], *dpacked;
};

/* What both sides begin with, in fp32. */
struct material {
	float *x[2], *dout, *din[2], *packed;
};

static float *zeros(size_t n)
{
	float *const p = avl_alloc(n + 1, sizeof *p);
	memset(p, 0, n * sizeof *p);
	return p;
}

static void round_to_bf16(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = avl_bfloat_to_float(avl_float_to_bfloat(x[i]));
}

/* Normal numbers in the channels that exist, zeros in the others. */
static float *draw(struct avl_rng *rng, const struct avl_shape *shape, int planar)
{
	const size_t n = (size_t)shape->n * (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
	float *const flat = zeros(n);
	for (size_t i = 0; i < n; i++)
		flat[i] = avl_rng_normal(rng);
	round_to_bf16(flat, n);
	if (planar)
		return flat;
	float *const blocked = zeros(avl_shape_floats(shape));
	avl_layout_to_blocked(shape, flat, blocked);
	free(flat);
	return blocked;
}

static float *copy_of(const float *from, size_t n, int is_bf16)
{
	if (!from)
		return NULL;
	float *const copy = zeros(n);
	if (is_bf16)
		avl_kern()->bf16.narrow((uint16_t *)(void *)copy, from, n);
	else
		memcpy(copy, from, n * sizeof *copy);
	return copy;
}

/* In place, from bf16. */
static void widen(float **map, size_t n)
{
	float *const wide = zeros(n);
	avl_tensor_to_float(*map, AVL_BF2, n, wide);
	free(*map);
	*map = wide;
}

/* Mean and globalmax give one value a channel, in fp32. */
static int gives_fp32(const struct side *s)
{
	return !s->is_bf16 || s->op->shape == avl_shape_pooled;
}

static size_t input_floats(const struct side *s)
{
	const struct avl_shape *const in = &s->in;
	return s->attr.planar ? (size_t)in->n * (size_t)in->c * (size_t)in->h * (size_t)in->w
			      : avl_shape_floats(in);
}

static size_t parameters_of(const struct side *s)
{
	return s->op->packed ? s->op->packed(&s->attr, &s->in) : 0;
}

/* Forward, backward, and all maps widened. */
static void run(struct side *s, const struct material *m, int fresh, int training)
{
	struct avl_par *par;
	cr_assert_eq(avl_par_new(&par, s->threads, NULL), 0);
	const size_t nx = input_floats(s), ny = avl_shape_floats(&s->out), np = parameters_of(s);
	const enum avl_layout layout = s->is_bf16 ? AVL_BLOCKED_BF16 : AVL_BLOCKED;
	const enum avl_layout of_x = s->attr.planar ? AVL_PLANAR : layout;
	const enum avl_layout of_y = gives_fp32(s) ? AVL_BLOCKED : layout;
	float *const scratch = zeros(avl_op_scratch(s->op, &s->attr, &s->in, s->threads));
	float *const grad_scratch =
	    zeros(s->op->grad_scratch ? s->op->grad_scratch(&s->attr, &s->in, s->threads) : 0);
	for (int k = 0; k < 2; k++) {
		s->x[k] = copy_of(m->x[k], nx, of_x == AVL_BLOCKED_BF16);
		s->din[k] = copy_of(s->attr.planar ? NULL : m->din[k], nx, s->is_bf16);
	}
	s->y = zeros(ny);
	s->dout = copy_of(m->dout, ny, of_y == AVL_BLOCKED_BF16);
	s->packed = copy_of(m->packed, np, 0);
	s->saved = training && s->op->saved ? zeros(s->op->saved(&s->attr, &s->in)) : NULL;
	s->dpacked = np ? zeros(np) : NULL;
	const struct avl_op_run forward = {
	    .attr = &s->attr,
	    .in = {{s->in, of_x, s->x[0]}, {s->in, layout, s->x[1]}},
	    .out = {s->out, of_y, s->y},
	    .packed = s->packed,
	    .scratch = scratch,
	    .saved = s->saved,
	    .par = par,
	};
	s->op->forward(&forward);
	s->op->backward(&forward, &(struct avl_op_grad){.dout = s->dout,
							.din = {s->din[0], s->din[1]},
							.fresh = {fresh, fresh},
							.dpacked = s->dpacked,
							.scratch = grad_scratch});
	if (of_y == AVL_BLOCKED_BF16)
		widen(&s->y, ny);
	for (int k = 0; k < 2 && s->is_bf16; k++)
		if (s->din[k])
			widen(&s->din[k], nx);
	free(scratch);
	free(grad_scratch);
	avl_par_free(par);
}

static void release(struct side *s)
{
	float *const all[] = {s->x[0],   s->x[1],   s->y,    s->packed, s->saved,
			      s->din[0], s->din[1], s->dout, s->dpacked};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		free(all[i]);
}

/* BEFORE: what a gradient was added to, or NULL. */
static void compare(const struct side *s, const char *what, const float *got, const float *wanted,
		    const float *before, size_t n, int rounded, double tolerance)
{
	double largest = 0;
	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs((double)wanted[i]));
	for (size_t i = 0; i < n; i++) {
		const double unit = rounded ? 1.0 / 256 : 0, w = (double)wanted[i];
		const double added = before ? (fabs((double)before[i]) + fabs(w)) * unit : 0;
		const double may = fabs(w) * unit + added + tolerance * largest;
		cr_assert(fabs((double)got[i] - w) <= may,
			  "%s at %s, n %d c %d h %d w %d: %s %zu is %g, not %g", s->op->name,
			  avl_kern()->level, s->in.n, s->in.c, s->in.h, s->in.w, what, i,
			  (double)got[i], w);
	}
}

static void compare_sides(const struct side *got, const struct side *wanted,
			  const struct material *m, int fresh, double tolerance)
{
	const size_t nx = avl_shape_floats(&got->in), ny = avl_shape_floats(&got->out);
	compare(got, "output", got->y, wanted->y, NULL, ny, !gives_fp32(got), tolerance);
	for (int k = 0; k < 2; k++)
		if (got->din[k])
			compare(got, "input's gradient", got->din[k], wanted->din[k],
				fresh ? NULL : m->din[k], nx, 1, tolerance);
	if (got->dpacked)
		compare(got, "parameters' gradient", got->dpacked, wanted->dpacked, NULL,
			parameters_of(got), 0, tolerance);
}

static int same_sides(const struct side *a, const struct side *b)
{
	const size_t nx = avl_shape_floats(&a->in), np = parameters_of(a);
	int same = same_bits(a->y, b->y, avl_shape_floats(&a->out));
	for (int k = 0; k < 2; k++)
		same &= !a->din[k] || same_bits(a->din[k], b->din[k], nx);
	return same && (!np || same_bits(a->dpacked, b->dpacked, np));
}

static void draw_parameters(struct avl_rng *rng, const struct side *s, float *packed)
{
	const size_t n = parameters_of(s);
	const size_t outputs = (size_t)(s->attr.out > s->in.c ? s->attr.out : s->in.c);
	const size_t each =
	    outputs * (size_t)s->in.c * (size_t)(s->attr.kernel_h * s->attr.kernel_w + 1);
	float *const values = zeros(4 * each);
	for (size_t i = 0; i < 4 * each; i++)
		values[i] = avl_rng_normal(rng);
	for (size_t i = 3 * each; i < 4 * each; i++)
		values[i] = 0.5F + fabsf(values[i]);
	round_to_bf16(values, 4 * each);
	const int norm = s->op == &avl_op_batchnorm;
	if (n)
		s->op->pack(&s->attr, &s->in,
			    &(struct avl_params){
				.weight = values,
				.bias = s->attr.bias || norm ? values + each : NULL,
				.mean = values + 2 * each,
				.var = values + 3 * each,
			    },
			    packed);
	free(values);
}

/* TRAINING: with the statistics of the batch. */
static void try(const struct avl_op *op, struct avl_attr attr, struct avl_shape in, int inputs,
		int training, double tolerance)
{
	struct avl_rng rng;
	struct side plain = {.op = op, .attr = attr, .in = in, .threads = 1};
	const struct avl_shape both[2] = {in, in};
	avl_rng_init(&rng, 9, (uint64_t)(in.c * 100 + in.h));
	plain.attr.winograd = 0;
	cr_assert_eq(op->shape(&attr, both, &plain.out, NULL), 0);
	struct material m = {
	    .x = {draw(&rng, &in, attr.planar), inputs == 2 ? draw(&rng, &in, 0) : NULL},
	    .din = {draw(&rng, &in, 0), inputs == 2 ? draw(&rng, &in, 0) : NULL},
	    .dout = draw(&rng, &plain.out, 0),
	    .packed = zeros(parameters_of(&plain)),
	};
	draw_parameters(&rng, &plain, m.packed);
	for (int fresh = 0; fresh < 2; fresh++) {
		cr_assert_eq(avl_kern_use("portable", NULL), 0);
		run(&plain, &m, fresh, training);
		for (int level = 0; avl_kern_level(level); level++) {
			struct side half = {.op = avl_op_bf16(op),
					    .attr = attr,
					    .is_bf16 = 1,
					    .in = in,
					    .out = plain.out,
					    .threads = 1};
			struct side team = half;
			team.threads = 3;
			avl_kern_use(avl_kern_level(level), NULL);
			run(&half, &m, fresh, training);
			run(&team, &m, fresh, training);
			compare_sides(&half, &plain, &m, fresh, tolerance);
			cr_assert(same_sides(&half, &team), "%s at %s: differs with 3 threads",
				  half.op->name, avl_kern()->level);
			release(&half);
			release(&team);
		}
		release(&plain);
	}
	float *const all[] = {m.x[0], m.x[1], m.din[0], m.din[1], m.dout, m.packed};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		free(all[i]);
}

#define OPEN .lo = -INFINITY, .hi = INFINITY

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
				 .plain = 1,
				 OPEN};
}

Test(backward_bf16, direct_convolution)
{
	const double t = 1e-5;
	try(&avl_op_conv, window(20, 3, 3, 1, 1, AVL_PAD_FIXED, 1), (struct avl_shape){2, 17, 5, 6},
	    1, 1, t);
	try(&avl_op_conv, window(18, 3, 3, 2, 2, AVL_PAD_FIXED, 1),
	    (struct avl_shape){2, 33, 9, 12}, 1, 1, t);
	try(&avl_op_conv, window(33, 1, 1, 2, 2, AVL_PAD_FIXED, 0), (struct avl_shape){3, 20, 7, 8},
	    1, 1, t);
	try(&avl_op_conv, window(40, 1, 1, 1, 1, AVL_PAD_FIXED, 0), (struct avl_shape){2, 48, 5, 9},
	    1, 1, t);
	try(&avl_op_conv, window(9, 1, 8, 1, 2, AVL_PAD_FIXED, 0),
	    (struct avl_shape){2, 16, 1, 231}, 1, 1, t);
	try(&avl_op_conv, window(18, 2, 2, 3, 3, AVL_PAD_FIXED, 0),
	    (struct avl_shape){2, 33, 10, 12}, 1, 1, t);
	try(&avl_op_conv, window(16, 5, 4, 3, 2, AVL_PAD_SAME, 0), (struct avl_shape){1, 17, 11, 8},
	    1, 1, t);
}

Test(backward_bf16, convolution_of_a_planar_picture)
{
	struct avl_attr attr = window(24, 7, 7, 2, 2, AVL_PAD_FIXED, 3);
	attr.planar = 1;
	try(&avl_op_conv, attr, (struct avl_shape){2, 3, 15, 17}, 1, 1, 1e-5);
	attr = window(64, 3, 3, 1, 1, AVL_PAD_FIXED, 1);
	attr.planar = 1;
	try(&avl_op_conv, attr, (struct avl_shape){2, 3, 20, 33}, 1, 1, 1e-5);
}

/* The transforms round more. */
Test(backward_bf16, convolution_by_winograd)
{
	struct avl_attr attr = window(33, 3, 3, 1, 1, AVL_PAD_FIXED, 1);
	attr.winograd = 4;
	try(&avl_op_conv, attr, (struct avl_shape){3, 20, 9, 14}, 1, 1, 1e-4);
	attr.bias = 0;
	attr.pad_h = 0;
	attr.pad_w = 2;
	try(&avl_op_conv, attr, (struct avl_shape){2, 48, 7, 5}, 1, 1, 1e-4);
}

Test(backward_bf16, batchnorm)
{
	const struct avl_attr open = {.eps = 1e-3F, OPEN};
	const struct avl_attr relu = {.eps = 1e-3F, .lo = 0, .hi = INFINITY};
	for (int training = 0; training < 2; training++) {
		try(&avl_op_batchnorm, open, (struct avl_shape){3, 20, 5, 4}, 1, training, 1e-5);
		try(&avl_op_batchnorm, relu, (struct avl_shape){2, 16, 40, 40}, 1, training, 1e-5);
		try(&avl_op_batchnorm, relu, (struct avl_shape){2, 33, 9, 7}, 2, training, 1e-5);
	}
}

Test(backward_bf16, clamp_add_maxpool_mean)
{
	const struct avl_attr relu6 = {.lo = 0, .hi = 6}, open = {OPEN};
	try(&avl_op_clamp, relu6, (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-6);
	try(&avl_op_add, open, (struct avl_shape){2, 17, 5, 3}, 2, 1, 1e-6);
	try(&avl_op_mean, open, (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-6);
	try(&avl_op_globalmax, open, (struct avl_shape){2, 17, 5, 3}, 1, 1, 1e-6);
	try(&avl_op_maxpool, window(0, 2, 2, 2, 2, AVL_PAD_FIXED, 0),
	    (struct avl_shape){1, 16, 8, 8}, 1, 1, 1e-6);
}

/* A gradient may be added up from four windows, and is rounded each time: 4 units. */
Test(backward_bf16, maxpool_of_windows_that_overlap)
{
	try(&avl_op_maxpool, window(0, 3, 3, 2, 2, AVL_PAD_FIXED, 1),
	    (struct avl_shape){2, 17, 9, 8}, 1, 1, 1e-2);
}
