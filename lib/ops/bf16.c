/* SPDX-License-Identifier: MIT */
#include "ops/bf16.h"

/* The ops without parameters on maps in bf16, and which op stands for which. */

static size_t elements(const struct avl_shape *in)
{
	return (size_t)in->h * (size_t)in->w * AVL_BLOCK;
}

static void add_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const size_t n = elements(&run->in[0].shape), at = (size_t)number * n;
	const uint16_t *const other = run->in[1].data ? avl_map_bf16(&run->in[1]) + at : NULL;
	avl_kern()->bf16.add(avl_map_bf16(&run->out) + at, avl_map_bf16(&run->in[0]) + at, other, n,
			     run->attr->lo, run->attr->hi);
}

static void add_forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, add_item);
}

static void maxpool_forward(const struct avl_op_run *run)
{
	avl_op_maxpool.forward(run);
}

static void mean_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = (size_t)in->h * (size_t)in->w;
	avl_kern()->bf16.sum(run->out.data + (size_t)number * AVL_BLOCK,
			     avl_map_bf16(&run->in[0]) + (size_t)number * elements(in), pixels,
			     1.0F / (float)pixels);
}

static void mean_forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, mean_item);
}

static int shape_add(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		     struct avl_err *err)
{
	return avl_op_add.shape(attr, in, out, err);
}

static int shape_maxpool(const struct avl_attr *attr, const struct avl_shape *in,
			 struct avl_shape *out, struct avl_err *err)
{
	return avl_window_shape(attr, in, in->c, out, err);
}

const struct avl_op avl_op_add_bf16 = {
    .name = "add in bf16",
    .inputs = 2,
    .shape = shape_add,
    .forward = add_forward,
};

const struct avl_op avl_op_clamp_bf16 = {
    .name = "clamp in bf16",
    .inputs = 1,
    .shape = avl_shape_same,
    .forward = add_forward,
};

const struct avl_op avl_op_maxpool_bf16 = {
    .name = "maxpool in bf16",
    .inputs = 1,
    .shape = shape_maxpool,
    .forward = maxpool_forward,
};

const struct avl_op avl_op_mean_bf16 = {
    .name = "mean in bf16",
    .inputs = 1,
    .shape = avl_shape_pooled,
    .forward = mean_forward,
};

const struct avl_op *avl_op_bf16(const struct avl_op *op)
{
	static const struct {
		const struct avl_op *op, *bf16;
	} twins[] = {
	    {&avl_op_conv, &avl_op_conv_bf16}, {&avl_op_depthwise, &avl_op_depthwise_bf16},
	    {&avl_op_add, &avl_op_add_bf16},   {&avl_op_clamp, &avl_op_clamp_bf16},
	    {&avl_op_mean, &avl_op_mean_bf16}, {&avl_op_maxpool, &avl_op_maxpool_bf16},
	};
	for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++)
		if (twins[i].op == op)
			return twins[i].bf16;
	return NULL;
}
