/* SPDX-License-Identifier: MIT */
#include "rows_naive.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void add(struct parts *parts, const struct avl_layer *row, const char *suffix, int ndim,
		const int *dim, double centre, double spread, struct avl_rng *rng)
{
	static float values[1 << 20];
	char name[128];
	int n = 1;
	for (int i = 0; i < ndim; i++)
		n *= dim[i];
	cr_assert_leq(n, 1 << 20);
	for (int i = 0; i < n; i++)
		values[i] = (float)(centre + spread * (2 * (double)avl_rng_uniform(rng) - 1));
	snprintf(name, sizeof name, "net.%s.%s", row->param, suffix);
	parts_add(parts, name, ndim, dim, values);
}

static void add_row(struct parts *parts, const struct avl_layer *row, int c, struct avl_rng *rng)
{
	const struct avl_attr *const a = &row->attr;
	if (row->op == &avl_op_batchnorm) {
		if (!a->no_scale)
			add(parts, row, "weight", 1, &c, 1, 0.5, rng);
		add(parts, row, "bias", 1, &c, 0, 0.5, rng);
		add(parts, row, "running_mean", 1, &c, 0, 0.5, rng);
		add(parts, row, "running_var", 1, &c, 1, 0.5, rng);
	}
	if (row->op != &avl_op_conv && row->op != &avl_op_depthwise)
		return;
	const int inputs = row->op == &avl_op_conv ? c : 1;
	const int dim[] = {a->out, inputs, a->kernel_h, a->kernel_w};
	add(parts, row, "weight", 4, dim, 0, 2 / sqrt(inputs * a->kernel_h * a->kernel_w), rng);
	if (a->bias)
		add(parts, row, "bias", 1, &a->out, 0, 1, rng);
}

void rows_weights(struct parts *parts, const struct avl_network *net, struct avl_shape in,
		  struct avl_rng *rng)
{
	struct avl_shape shape[ROWS_MAX];
	*parts = (struct parts){0};
	for (int i = 0; i < net->count; i++) {
		const struct avl_layer *const row = &net->layers[i];
		const int from = i - 1 - row->back, other = i - 1 - row->other;
		const struct avl_shape inputs[] = {from < 0 ? in : shape[from],
						   other < 0 ? in : shape[other]};
		struct avl_err err = {0};
		cr_assert_eq(row->op->shape(&row->attr, inputs, &shape[i], &err), 0, "row %d: %s",
			     i, err.text);
		add_row(parts, row, inputs[0].c, rng);
	}
}

/* NULL where there is no such tensor. */
static const float *values(const struct parts *parts, const struct avl_layer *row,
			   const char *suffix)
{
	char name[128];
	snprintf(name, sizeof name, "net.%s.%s", row->param ? row->param : "", suffix);
	for (int i = 0; i < parts->n; i++)
		if (!strcmp(parts->tensor[i].name, name))
			return parts->tensor[i].tensor.data;
	return NULL;
}

void rows_run(const struct avl_network *net, struct parts *parts, const struct naive *x,
	      struct naive *out)
{
	for (int i = 0; i < net->count; i++) {
		const struct avl_layer *const row = &net->layers[i];
		const int from = i - 1 - row->back, other = i - 1 - row->other;
		struct avl_attr attr = row->attr;
		if (row->op != &avl_op_clamp) {
			attr.lo = -INFINITY;
			attr.hi = INFINITY;
		}
		const struct avl_params params = {
		    .weight = values(parts, row, "weight"),
		    .bias = values(parts, row, "bias"),
		    .mean = values(parts, row, "running_mean"),
		    .var = values(parts, row, "running_var"),
		};
		out[i] = naive_apply(row->op, &attr, from < 0 ? x : &out[from],
				     row->op == &avl_op_add ? &out[other] : NULL, &params);
	}
}
