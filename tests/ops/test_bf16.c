/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/tensor.h"
#include "ops/bf16.h"
#include "tests/kern/fenced.h"
#include "trial.h"

static const int kernels[][2] = {{1, 1}, {3, 3}, {5, 5}, {7, 7}, {1, 8}, {64, 1}, {3, 5}};
static const int strides[][2] = {{1, 1}, {2, 2}, {4, 4}, {2, 1}, {1, 2}};
static const int channels[] = {1, 3, 15, 16, 17, 40, 64};

enum { ALL = TRIAL_IN | TRIAL_OTHER | TRIAL_OUT };

static struct trial window_trial(struct avl_rng *rng, const struct avl_op *op, int i)
{
	const int *const kernel = kernels[i % 7], *const stride = strides[i / 7 % 5];
	struct trial t = {.op = op, .in = trial_shape(rng), .bf16 = ALL};
	t.attr = (struct avl_attr){
	    .out = op == &avl_op_conv ? trial_pick(rng, channels, 7) : t.in.c,
	    .kernel_h = kernel[0],
	    .kernel_w = kernel[1],
	    .stride_h = stride[0],
	    .stride_w = stride[1],
	    .pad = i / 35 % 2 ? AVL_PAD_SAME : AVL_PAD_FIXED,
	    .bias = (int)avl_rng_below(rng, 2),
	};
	if (t.attr.pad == AVL_PAD_FIXED) {
		t.attr.pad_h = (int)avl_rng_below(rng, (uint32_t)kernel[0] / 2 + 1);
		t.attr.pad_w = (int)avl_rng_below(rng, (uint32_t)kernel[1] / 2 + 1);
	}
	trial_clamp(rng, &t.attr);
	return t;
}

/* Any mixture of types: a network in bf16 has layers in fp32 between. */
Test(conv_bf16, agrees_with_the_definition_on_rounded_operands)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 41, 0);
	for (int i = 0; i < 7 * 5 * 8; i++) {
		struct trial t = window_trial(&rng, &avl_op_conv, i);
		t.with_other = (int)avl_rng_below(&rng, 2);
		t.bf16 = i % 3 ? ALL : 1 + (int)avl_rng_below(&rng, ALL);
		trial_check(&t, &rng);
	}
}

Test(conv_bf16, planar_inputs_agree_with_the_definition)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 42, 0);
	for (int i = 0; i < 7 * 5 * 4; i++) {
		struct trial t = window_trial(&rng, &avl_op_conv, i);
		t.attr.planar = 1;
		t.in.c = 1 + i % 4;
		t.bf16 = i % 2 ? TRIAL_OUT : TRIAL_OTHER;
		trial_check(&t, &rng);
	}
}

/* Rows of every number of pixels that a tile may have and a few more, and maps cut by channels. */
Test(conv_bf16, every_way_of_cutting_agrees_with_the_definition)
{
	static const struct {
		int kernel, n, c, out, h, w;
	} cases[] = {
	    {1, 1, 33, 200, 1, 1}, {1, 3, 200, 33, 1, 1},  {1, 2, 5, 100, 2, 3},
	    {1, 1, 7, 20, 30, 41}, {3, 1, 3, 130, 2, 2},   {3, 2, 17, 33, 3, 5},
	    {3, 1, 2, 3, 40, 23},  {3, 1, 1, 5, 3, 140},   {5, 2, 3, 17, 9, 60},
	    {1, 3, 16, 16, 8, 14}, {1, 1, 16, 16, 7, 113}, {3, 2, 80, 512, 5, 7},
	};
	struct avl_rng rng;
	avl_rng_init(&rng, 43, 0);
	for (int i = 0; i < 12 + 31; i++) {
		struct trial t = window_trial(&rng, &avl_op_conv, 36);
		t.in = i < 12 ? (struct avl_shape){cases[i].n, cases[i].c, cases[i].h, cases[i].w}
			      : (struct avl_shape){1, 20, 2, i - 11};
		t.attr.out = i < 12 ? cases[i].out : 70;
		t.attr.kernel_h = t.attr.kernel_w = i < 12 ? cases[i].kernel : 1 + i % 2 * 2;
		t.attr.pad = AVL_PAD_SAME;
		trial_check(&t, &rng);
	}
}

Test(depthwise_bf16, agrees_with_the_definition_on_rounded_operands)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 44, 0);
	for (int i = 0; i < 7 * 5 * 4; i++) {
		struct trial t = window_trial(&rng, &avl_op_depthwise, i);
		if (i % 4 == 0)
			t.in.w += 30;
		trial_check(&t, &rng);
	}
}

Test(maxpool_bf16, agrees_with_the_definition)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 45, 0);
	for (int i = 0; i < 7 * 5 * 2; i++) {
		struct trial t = window_trial(&rng, &avl_op_maxpool, i);
		trial_check(&t, &rng);
	}
}

static void check_plain(const struct avl_op *op, int with_other, int bf16)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 46, 0);
	for (int i = 0; i < 40; i++) {
		struct trial t = {
		    .op = op, .in = trial_shape(&rng), .with_other = with_other, .bf16 = bf16};
		trial_clamp(&rng, &t.attr);
		trial_check(&t, &rng);
	}
}

Test(add_bf16, agrees_with_the_definition)
{
	check_plain(&avl_op_add, 1, ALL);
	check_plain(&avl_op_clamp, 0, ALL);
}

Test(mean_bf16, agrees_with_the_definition)
{
	check_plain(&avl_op_mean, 0, TRIAL_IN);
}

Test(globalmax_bf16, agrees_with_the_definition)
{
	check_plain(&avl_op_globalmax, 0, TRIAL_IN);
}

Test(bf16, ops_without_a_twin_have_none)
{
	cr_expect_null(avl_op_bf16(&avl_op_separable));
	cr_expect_null(avl_op_bf16(&avl_op_convpool));
	cr_expect_eq(avl_op_bf16(&avl_op_conv), &avl_op_conv_bf16);
}

/* As the op packs them: behind the biases, 16 channels side by side. */
static double packed_weight(const float *packed, int count, int c, int k, int window)
{
	const uint16_t *const weights =
	    (const uint16_t *)(const void *)(packed + avl_blocks(count) * AVL_BLOCK);
	const int at = (c / AVL_BLOCK * window + k) * AVL_BLOCK + c % AVL_BLOCK;
	return (double)avl_bfloat_to_float(weights[at]);
}

Test(depthwise_bf16, rounding_keeps_the_sum_of_a_channel_and_all_weights_but_the_least)
{
	enum { CHANNELS = 21, WINDOW = 25 };
	const struct avl_attr attr = {
	    .out = CHANNELS, .kernel_h = 5, .kernel_w = 5, .stride_h = 1, .stride_w = 1};
	const struct avl_shape in = {1, CHANNELS, 9, 9};
	struct avl_rng rng;
	avl_rng_init(&rng, 47, 0);
	float *const weight = random_floats(&rng, (size_t)(CHANNELS * WINDOW));
	float *const packed = avl_alloc(avl_op_depthwise_bf16.packed(&attr, &in), sizeof *packed);
	avl_op_depthwise_bf16.pack(&attr, &in, &(struct avl_params){.weight = weight}, packed);
	for (int c = 0; c < CHANNELS; c++) {
		const float *const w = weight + c * WINDOW;
		double off = 0, least = 1;
		int moved = 0;
		for (int k = 0; k < WINDOW; k++) {
			const double got = packed_weight(packed, CHANNELS, c, k, WINDOW);
			off += got - (double)w[k];
			least = fmin(least, fabs((double)w[k]));
			moved += got != (double)avl_bfloat_to_float(avl_float_to_bfloat(w[k]));
		}
		/* the least weight, with half a unit of 25 weights of up to 1 in it, is rounded */
		cr_expect_leq(fabs(off), (least + WINDOW / 512.0) / 256, "%d: off by %g", c, off);
		cr_expect_leq(moved, 1, "%d: %d are not the nearest", c, moved);
	}
	free(weight);
	free(packed);
}
