/* SPDX-License-Identifier: MIT */
#include "chain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "naive.h"
#include "tests/kern/fenced.h"

struct operands {
	struct avl_shape shape[4]; /* before each part, and behind the last */
	float *x, *residual, *weight[3], *bias[3];
	struct avl_params params[3];
};

static size_t weights_of(const struct chain *chain, const struct operands *o, int i)
{
	const struct avl_attr *const a = &chain->attr[i];
	const int inputs = chain->part[i] == &avl_op_depthwise ? 1 : o->shape[i].c;
	return (size_t)a->out * (size_t)inputs * (size_t)a->kernel_h * (size_t)a->kernel_w;
}

/* 0 where the chain has no output. */
static int operands_init(struct operands *o, const struct chain *chain, struct avl_rng *rng)
{
	*o = (struct operands){.shape = {chain->in}};
	for (int i = 0; i < chain->count; i++)
		if (chain->part[i]->shape(&chain->attr[i], &o->shape[i], &o->shape[i + 1], NULL))
			return 0;
	const struct avl_shape *const out = &o->shape[chain->count];
	o->x = unaligned_floats(rng, naive_count(&chain->in));
	if (chain->with_residual)
		o->residual = unaligned_floats(rng, naive_count(out));
	for (int i = 0; i < chain->count; i++) {
		if (!chain->part[i]->packed)
			continue;
		o->weight[i] = unaligned_floats(rng, weights_of(chain, o, i));
		o->bias[i] = unaligned_floats(rng, (size_t)chain->attr[i].out);
		o->params[i].weight = o->weight[i];
		o->params[i].bias = chain->attr[i].bias ? o->bias[i] : NULL;
	}
	return 1;
}

static void operands_free(struct operands *o)
{
	free(o->x);
	free(o->residual);
	for (int i = 0; i < 3; i++) {
		free(o->weight[i]);
		free(o->bias[i]);
	}
}

static const char *describe(const struct chain *chain)
{
	static char text[256];
	int n = snprintf(text, sizeof text, "%s at %s: %d x %d x %d x %d", chain->op->name,
			 avl_kern()->level, chain->in.n, chain->in.c, chain->in.h, chain->in.w);
	for (int i = 0; i < chain->count; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, ", %d x %d / %d -> %d",
			      chain->attr[i].kernel_h, chain->attr[i].kernel_w,
			      chain->attr[i].stride_w, chain->attr[i].out);
	return text;
}

static float *map_of(const struct avl_shape *shape, const float *planar, int keep_planar)
{
	float *const map = avl_alloc(avl_shape_floats(shape), sizeof *map);
	if (keep_planar)
		memcpy(map, planar, naive_count(shape) * sizeof *map);
	else
		avl_layout_to_blocked(shape, planar, map);
	return map;
}

/* Runs OP; the output, blocked, for free(3). */
static float *run(const struct avl_op *op, const struct avl_attr *attr, const struct avl_shape *in,
		  const struct avl_shape *out, const struct avl_params *params, const float *x,
		  const float *residual, struct avl_par *par)
{
	const size_t scratch = avl_op_scratch(op, attr, in, avl_par_threads(par));
	struct fenced y = fenced_new(avl_shape_floats(out)), memory = fenced_new(scratch);
	float *const packed = op->packed ? avl_alloc(op->packed(attr, in), sizeof *packed) : NULL;
	if (packed)
		op->pack(attr, in, params, packed);
	const enum avl_layout layout = attr->planar ? AVL_PLANAR : AVL_BLOCKED;
	op->forward(&(struct avl_op_run){
	    .attr = attr,
	    .in = {{*in, layout, (float *)(uintptr_t)x},
		   {*out, AVL_BLOCKED, (float *)(uintptr_t)residual}},
	    .out = {*out, AVL_BLOCKED, y.at},
	    .packed = packed,
	    .scratch = memory.at,
	    .par = par,
	});
	cr_assert(fences_stand(&y) && fences_stand(&memory), "%s wrote beside its memory",
		  op->name);
	float *const copy = avl_alloc(y.n, sizeof *copy);
	memcpy(copy, y.at, y.n * sizeof *copy);
	fenced_free(&y);
	fenced_free(&memory);
	free(packed);
	return copy;
}

static float *one_after_the_other(const struct chain *chain, const struct operands *o, float *x,
				  const float *residual)
{
	for (int i = 0; i < chain->count; i++) {
		struct avl_attr attr = chain->attr[i];
		attr.then = NULL;
		float *const y =
		    run(chain->part[i], &attr, &o->shape[i], &o->shape[i + 1], &o->params[i], x,
			i == chain->count - 1 ? residual : NULL, NULL);
		free(x);
		x = y;
	}
	return x;
}

static float *magnitudes(const float *x, size_t n)
{
	float *const y = malloc(n * sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = fabsf(x[i]);
	return y;
}

/* The chain in double precision. With SIZE, that of the magnitudes of everything, unclamped: the
 * error of a sum of products of inputs that have errors grows no faster. */
static struct naive naive_chain(const struct chain *chain, const struct operands *o, int size,
				int *terms)
{
	struct naive x = naive_from(chain->in, o->x);
	for (size_t i = 0; size && i < naive_count(&x.shape); i++)
		x.at[i] = fabs(x.at[i]);
	for (int i = 0; i < chain->count; i++) {
		struct avl_attr attr = chain->attr[i];
		struct avl_params params = o->params[i];
		const int last = i == chain->count - 1;
		float *weight = NULL, *bias = NULL, *add = NULL;
		const size_t outputs = naive_count(&o->shape[i + 1]);
		if (size && o->weight[i]) {
			attr.lo = 0;
			attr.hi = INFINITY;
			params.weight = weight = magnitudes(o->weight[i], weights_of(chain, o, i));
			bias = magnitudes(o->bias[i], (size_t)attr.out);
			params.bias = attr.bias ? bias : NULL;
		}
		struct naive residual = {0};
		if (last && o->residual) {
			add = magnitudes(o->residual, outputs);
			residual = naive_from(o->shape[i + 1], size ? add : o->residual);
		}
		struct naive y =
		    naive_apply(chain->part[i], &attr, &x, residual.at ? &residual : NULL, &params);
		*terms += y.terms;
		naive_free(&x);
		naive_free(&residual);
		free(weight);
		free(bias);
		free(add);
		x = y;
	}
	return x;
}

static void check_naive(const struct chain *chain, const struct operands *o, const float *blocked)
{
	int terms = 0, unused = 0;
	struct naive wanted = naive_chain(chain, o, 0, &terms);
	struct naive size = naive_chain(chain, o, 1, &unused);
	float *const got = malloc((naive_count(&wanted.shape) + 1) * sizeof *got);
	avl_layout_to_planar(&wanted.shape, blocked, got);
	double worst = 0;
	for (size_t i = 0; i < naive_count(&wanted.shape); i++) {
		const double d =
		    fabs((double)got[i] - wanted.at[i]) / sum_tolerance(terms, size.at[i]);
		if (!(d <= worst))
			worst = d;
	}
	cr_assert(worst <= 1, "%s: off by %g", describe(chain), worst);
	naive_free(&wanted);
	naive_free(&size);
	free(got);
}

static void check_here(const struct chain *chain, const struct operands *o)
{
	const struct avl_shape *const out = &o->shape[chain->count];
	const int planar = chain->attr[0].planar;
	float *const residual = o->residual ? map_of(out, o->residual, 0) : NULL;
	float *const wanted =
	    one_after_the_other(chain, o, map_of(&chain->in, o->x, planar), residual);
	float *const x = map_of(&chain->in, o->x, planar);
	for (int threads = 1; threads <= 3; threads++) {
		struct avl_par *par;
		avl_par_new(&par, threads, NULL);
		float *const got =
		    run(chain->op, &chain->attr[0], &chain->in, out, o->params, x, residual, par);
		size_t wrong = 0;
		for (size_t i = 0; i < avl_shape_floats(out); i++)
			wrong += !(got[i] == wanted[i]);
		cr_assert_eq(wrong, 0, "%s, %d threads: %zu of %zu differ", describe(chain),
			     threads, wrong, avl_shape_floats(out));
		if (threads == 1)
			check_naive(chain, o, got);
		free(got);
		avl_par_free(par);
	}
	free(residual);
	free(wanted);
	free(x);
}

void chain_check(struct chain *chain, struct avl_rng *rng)
{
	struct operands o;
	for (int i = 0; i + 1 < chain->count; i++)
		chain->attr[i].then = &chain->attr[i + 1];
	if (!operands_init(&o, chain, rng))
		return;
	struct avl_shape out;
	cr_assert_eq(chain->op->shape(&chain->attr[0], &chain->in, &out, NULL), 0);
	cr_assert_eq(memcmp(&out, &o.shape[chain->count], sizeof out), 0, "%s: the shape",
		     describe(chain));
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		check_here(chain, &o);
	}
	avl_kern_use("auto", NULL);
	operands_free(&o);
}
