/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "ops/bf16.h"

/* A batch norm's factors come to a convolution beside its weights: packing multiplies. */

enum { INPUTS = 20, OUTPUTS = 35 };

static float *packed_by(const struct avl_op *op, const struct avl_attr *attr,
			const struct avl_shape *in, const struct avl_params *params, size_t *n)
{
	*n = op->packed(attr, in);
	float *const to = avl_alloc(*n, sizeof *to);
	op->pack(attr, in, params, to);
	return to;
}

static void check(const struct avl_op *op, const struct avl_attr *attr, struct avl_shape in,
		  size_t each, struct avl_rng *rng)
{
	const size_t outputs = (size_t)attr->out;
	float *const weight = avl_alloc(outputs * each, sizeof *weight);
	float *const product = avl_alloc(outputs * each, sizeof *product);
	float *const scale = avl_alloc(outputs, sizeof *scale);
	for (size_t o = 0; o < outputs; o++) {
		scale[o] = avl_rng_normal(rng);
		for (size_t i = o * each; i < (o + 1) * each; i++) {
			weight[i] = avl_rng_normal(rng);
			product[i] = weight[i] * scale[o];
		}
	}
	const struct avl_params apart = {.weight = weight, .scale = scale};
	const struct avl_params multiplied = {.weight = product};
	for (int level = 0; avl_kern_level(level); level++) {
		size_t n;
		cr_assert_eq(avl_kern_use(avl_kern_level(level), NULL), 0);
		float *const a = packed_by(op, attr, &in, &apart, &n);
		float *const b = packed_by(op, attr, &in, &multiplied, &n);
		cr_expect_eq(memcmp(a, b, n * sizeof *a), 0, "%s at %s", op->name,
			     avl_kern_level(level));
		free(a);
		free(b);
	}
	free(weight);
	free(product);
	free(scale);
}

Test(scale, is_that_of_weights_multiplied_before)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 11, 0);
	const struct avl_shape in = {1, INPUTS, 12, 12};
	struct avl_attr attr = {
	    .out = OUTPUTS, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1};
	for (attr.winograd = 0; attr.winograd <= 6; attr.winograd += 2)
		check(&avl_op_conv, &attr, in, INPUTS * 9, &rng);
	attr.winograd = 0;
	check(avl_op_bf16(&avl_op_conv), &attr, in, INPUTS * 9, &rng);
	attr.out = INPUTS;
	check(&avl_op_depthwise, &attr, in, 9, &rng);
	check(avl_op_bf16(&avl_op_depthwise), &attr, in, 9, &rng);
	attr.kernel_h = 7;
	attr.planar = 1;
	check(&avl_op_conv, &attr, (struct avl_shape){1, 3, 12, 12}, 3 * 21, &rng);
}
