/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/tensor.h"
#include "naive.h"
#include "ops/bf16.h"
#include "tests/kern/fenced.h"

struct operands {
	float *x, *other, *weight, *bias, *mean, *var;
	struct avl_params params;
	struct avl_shape out;
};

static void round_to_bf16(float *x, size_t n)
{
	for (size_t i = 0; x && i < n; i++)
		x[i] = avl_bfloat_to_float(avl_float_to_bfloat(x[i]));
}

static void operands_init(struct operands *o, const struct trial *t, struct avl_rng *rng)
{
	const struct avl_attr *const a = &t->attr;
	const int norm = t->op == &avl_op_batchnorm, deep = t->op == &avl_op_depthwise;
	const size_t c = (size_t)t->in.c;
	const size_t weights =
	    norm ? c : (size_t)a->out * (deep ? 1 : c) * (size_t)a->kernel_h * (size_t)a->kernel_w;
	const size_t outputs = norm ? c : (size_t)a->out;
	o->x = unaligned_floats(rng, naive_count(&t->in));
	o->other = t->with_other ? unaligned_floats(rng, naive_count(&o->out)) : NULL;
	o->weight = unaligned_floats(rng, weights);
	o->bias = unaligned_floats(rng, outputs);
	o->mean = unaligned_floats(rng, c);
	o->var = unaligned_floats(rng, c);
	for (size_t i = 0; i < c; i++)
		o->var[i] += 1.01f;
	if (t->bf16 & TRIAL_IN || (t->bf16 && t->op == &avl_op_conv))
		round_to_bf16(o->x, naive_count(&t->in));
	if (t->bf16 & TRIAL_OTHER)
		round_to_bf16(o->other, naive_count(&o->out));
	if (t->bf16)
		round_to_bf16(o->weight, weights);
	o->params = (struct avl_params){
	    .weight = a->no_scale ? NULL : o->weight,
	    .bias = a->bias || norm ? o->bias : NULL,
	    .mean = o->mean,
	    .var = o->var,
	};
}

static void operands_free(struct operands *o)
{
	free(o->x);
	free(o->other);
	free(o->weight);
	free(o->bias);
	free(o->mean);
	free(o->var);
}

static const char *describe(const struct trial *t)
{
	static char text[256];
	const struct avl_attr *const a = &t->attr;
	snprintf(
	    text, sizeof text,
	    "%s at %s: %d x %d x %d x %d -> %d, kernel %d x %d, stride %d x %d, %s %d x %d%s%s, "
	    "bf16 %d",
	    t->op->name, avl_kern()->level, t->in.n, t->in.c, t->in.h, t->in.w, a->out, a->kernel_h,
	    a->kernel_w, a->stride_h, a->stride_w, a->pad == AVL_PAD_SAME ? "same" : "pad",
	    a->pad_h, a->pad_w, a->planar ? ", planar" : "", t->with_other ? ", and another" : "",
	    t->bf16);
	return text;
}

/* A planar map for COUNT pictures from FIRST on, in the layout asked for. */
static float *part_of(const float *planar, struct avl_shape shape, int first, int count,
		      enum avl_layout layout)
{
	const size_t each = naive_count(&shape) / (size_t)shape.n;
	shape.n = count;
	if (layout == AVL_PLANAR) {
		float *const copy = avl_alloc(naive_count(&shape), sizeof *copy);
		memcpy(copy, planar + (size_t)first * each, naive_count(&shape) * sizeof *copy);
		return copy;
	}
	float *const blocked = avl_alloc(avl_shape_floats(&shape), sizeof *blocked);
	avl_layout_to_blocked(&shape, planar + (size_t)first * each, blocked);
	if (layout == AVL_BLOCKED)
		return blocked;
	uint16_t *const halves = avl_alloc(avl_shape_floats(&shape), sizeof *halves);
	for (size_t i = 0; i < avl_shape_floats(&shape); i++)
		halves[i] = avl_float_to_bfloat(blocked[i]);
	free(blocked);
	return (float *)(void *)halves;
}

/* What AT holds in bf16, as floats. */
static float *widened(const struct avl_shape *shape, const float *at)
{
	const size_t n = avl_shape_floats(shape);
	float *const wide = avl_alloc(n, sizeof *wide);
	avl_tensor_to_float(at, AVL_BF2, n, wide);
	return wide;
}

static int tail_is_zero(const struct avl_shape *s, const float *blocked)
{
	const size_t pixels = (size_t)s->n * (size_t)s->h * (size_t)s->w;
	const int used = s->c - (avl_blocks(s->c) - 1) * AVL_BLOCK;
	const float *const last = blocked + (avl_blocks(s->c) - 1) * avl_block_stride(s);
	for (size_t p = 0; p < pixels; p++)
		for (int o = used; o < AVL_BLOCK; o++)
			if (!(last[p * AVL_BLOCK + (size_t)o] == 0))
				return 0;
	return 1;
}

static void count_weights(void *read, int block, const float *weight, size_t n)
{
	(void)block;
	(void)weight;
	atomic_fetch_add((_Atomic size_t *)read, n);
}

/* Runs COUNT pictures from FIRST on; the planar output into Y. */
static void run(const struct trial *t, const struct operands *o, int first, int count,
		struct avl_par *par, float *y)
{
	struct avl_shape in = t->in, out = o->out;
	in.n = out.n = count;
	const struct avl_op *const op = t->bf16 ? avl_op_bf16(t->op) : t->op;
	const enum avl_layout of_x = t->attr.planar       ? AVL_PLANAR
				     : t->bf16 & TRIAL_IN ? AVL_BLOCKED_BF16
							  : AVL_BLOCKED;
	const enum avl_layout of_other = t->bf16 & TRIAL_OTHER ? AVL_BLOCKED_BF16 : AVL_BLOCKED;
	const enum avl_layout of_y = t->bf16 & TRIAL_OUT ? AVL_BLOCKED_BF16 : AVL_BLOCKED;
	float *const x = part_of(o->x, t->in, first, count, of_x);
	float *const other = o->other ? part_of(o->other, o->out, first, count, of_other) : NULL;
	float *const packed = op->packed ? avl_alloc(op->packed(&t->attr, &in), 4) : NULL;
	_Atomic size_t read = 0;
	struct avl_params raw = o->params;
	raw.reads = count_weights;
	raw.reader = &read;
	float *const scratch =
	    avl_alloc(avl_op_scratch(op, &t->attr, &in, avl_par_threads(par)), 4);
	struct fenced to = fenced_new(avl_shape_floats(&out) / (of_y == AVL_BLOCKED_BF16 ? 2 : 1));
	if (packed)
		op->pack(&t->attr, &in, &o->params, packed);
	op->forward(&(struct avl_op_run){
	    .attr = &t->attr,
	    .in = {{in, of_x, x}, {out, of_other, other}},
	    .out = {out, of_y, to.at},
	    .packed = packed,
	    .raw = &raw,
	    .scratch = scratch,
	    .par = par,
	});
	if (t->attr.late)
		cr_assert_eq(read,
			     (size_t)t->attr.out * (size_t)in.c * (size_t)t->attr.kernel_h *
				 (size_t)t->attr.kernel_w,
			     "%s: says to have read %zu weights", describe(t), read);
	cr_assert(fences_stand(&to), "%s: wrote beside its output", describe(t));
	float *const wide = of_y == AVL_BLOCKED_BF16 ? widened(&out, to.at) : to.at;
	cr_assert(tail_is_zero(&out, wide), "%s: unused channels are not zero", describe(t));
	avl_layout_to_planar(&out, wide, y);
	if (wide != to.at)
		free(wide);
	fenced_free(&to);
	free(x);
	free(other);
	free(packed);
	free(scratch);
}

/* An output in bf16 is rounded once more, by half a unit of its 8 bits. */
static double distance(const struct naive *wanted, const float *got, int is_bf16)
{
	double worst = 0;
	for (size_t i = 0; i < naive_count(&wanted->shape); i++) {
		const double difference = fabs((double)got[i] - wanted->at[i]);
		const double sum = sum_tolerance(wanted->terms, wanted->size[i]);
		const double d =
		    difference / (is_bf16 ? sum * 1.01 + fabs(wanted->at[i]) / 256 : sum);
		if (!(d <= worst))
			worst = d;
	}
	return worst;
}

static void check_here(const struct trial *t, const struct operands *o, const struct naive *wanted,
		       struct avl_par *const team[2])
{
	const size_t n = naive_count(&o->out), each = n / (size_t)o->out.n;
	float *const y = avl_alloc(n, sizeof *y), *const again = avl_alloc(n, sizeof *again);
	run(t, o, 0, t->in.n, NULL, y);
	const double d = distance(wanted, y, t->bf16 & TRIAL_OUT);
	cr_assert(d <= 1, "%s: off by %g tolerances", describe(t), d);
	for (int i = 0; i < 2; i++) {
		memset(again, 0xff, n * sizeof *again);
		run(t, o, 0, t->in.n, team[i], again);
		cr_assert(same_bits(y, again, n), "%s: differs with %d threads", describe(t),
			  avl_par_threads(team[i]));
	}
	for (int i = 0; t->in.n > 1 && i < t->in.n; i++)
		run(t, o, i, 1, team[0], again + (size_t)i * each);
	cr_assert(same_bits(y, again, n), "%s: differs for a picture alone", describe(t));
	struct trial late = *t;
	late.attr.late = 1;
	for (int i = 0; t->op == &avl_op_conv && !t->bf16 && i < 2; i++) {
		run(&late, o, 0, t->in.n, team[i], again);
		cr_assert(same_bits(y, again, n), "%s: differs from the weights as they are",
			  describe(t));
	}
	free(y);
	free(again);
}

void trial_check(const struct trial *t, struct avl_rng *rng)
{
	struct operands o = {0};
	struct avl_err err = {0};
	struct avl_par *team[2];
	const struct avl_shape in[2] = {t->in, t->in};
	const int code = t->op->shape(&t->attr, in, &o.out, &err);
	operands_init(&o, t, rng);
	const struct naive x = naive_from(t->in, o.x);
	struct naive other = {0}, *const second = o.other ? &other : NULL;
	if (second)
		other = naive_from(o.out, o.other);
	struct naive y = naive_apply(t->op, &t->attr, &x, second, &o.params);
	if (y.shape.h < 1 || y.shape.w < 1) {
		cr_assert_eq(code, AVL_ESHAPE, "%s", describe(t));
		cr_assert(strstr(err.text, "too small for a window"), "%s", err.text);
		goto out;
	}
	cr_assert_eq(code, 0, "%s: %s", describe(t), err.text);
	cr_assert_eq(memcmp(&o.out, &y.shape, sizeof y.shape), 0, "%s: gives %d x %d x %d",
		     describe(t), o.out.c, o.out.h, o.out.w);
	avl_par_new(&team[0], 2, NULL);
	avl_par_new(&team[1], 3, NULL);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check_here(t, &o, &y, team);
	}
	avl_par_free(team[0]);
	avl_par_free(team[1]);
out:
	operands_free(&o);
	naive_free(&y);
	naive_free(&other);
	naive_free(&(struct naive){.at = x.at, .size = x.size});
}

int trial_pick(struct avl_rng *rng, const int *of, int n)
{
	return of[avl_rng_below(rng, (uint32_t)n)];
}

struct avl_shape trial_shape(struct avl_rng *rng)
{
	static const int channels[] = {1, 3, 15, 16, 17, 40};
	return (struct avl_shape){
	    .n = 1 + (int)avl_rng_below(rng, 3),
	    .c = trial_pick(rng, channels, 6),
	    .h = 1 + (int)avl_rng_below(rng, 13),
	    .w = 1 + (int)avl_rng_below(rng, 13),
	};
}

void trial_clamp(struct avl_rng *rng, struct avl_attr *attr)
{
	static const float lo[] = {-INFINITY, 0, 0, -0.25f}, hi[] = {INFINITY, INFINITY, 6, 0.5f};
	const uint32_t i = avl_rng_below(rng, 4);
	attr->lo = lo[i];
	attr->hi = hi[i];
}
