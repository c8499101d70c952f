/* SPDX-License-Identifier: MIT */
#include "ops/bf16.h"

#include "base/arena.h"
#include "base/tensor.h"

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

static void add_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	avl_op_add.backward(run, grad);
}

static void clamp_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	avl_op_clamp.backward(run, grad);
}

static void maxpool_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	avl_op_maxpool.backward(run, grad);
}

/* Each pixel of a block gets its share of the block's gradient. */
static void mean_grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_map din = avl_map_grad(&job->run->in[0], job->grad->din[0]);
	const size_t n = elements(&din.shape), pixels = n / AVL_BLOCK;
	const float *const dy = job->grad->dout + (size_t)number * AVL_BLOCK;
	uint16_t *const dx = avl_map_bf16(&din) + (size_t)number * n;
	_Alignas(AVL_ALIGN) uint16_t share[AVL_BLOCK];
	for (int i = 0; i < AVL_BLOCK; i++)
		share[i] = avl_float_to_bfloat(dy[i] / (float)pixels);
	for (size_t at = 0; at < n; at += AVL_BLOCK)
		avl_kern()->bf16.add(dx + at, share, job->grad->fresh[0] ? NULL : dx + at,
				     AVL_BLOCK, -INFINITY, INFINITY);
}

static void mean_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (grad->din[0])
		avl_op_each_block(run, grad, mean_grad_item);
}

/* A pool whose only window is the whole map; the sum of one pixel is the pixel in fp32. */
static void globalmax_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	_Alignas(AVL_ALIGN) uint16_t largest[AVL_BLOCK];
	avl_kern()->bf16.maxpool(&(struct avl_maxpool_job){
	    .x = avl_map_bf16(&run->in[0]) + (size_t)number * elements(in),
	    .rows = in->h,
	    .width = in->w,
	    .columns = in->w,
	    .stride = 1,
	    .y = largest,
	    .pixels = 1,
	});
	avl_kern()->bf16.sum(run->out.data + (size_t)number * AVL_BLOCK, largest, 1, 1);
}

static void globalmax_forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, globalmax_item);
}

/* The first of the largest gets the gradient, as in torch. */
static void globalmax_grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_map din = avl_map_grad(&job->run->in[0], job->grad->din[0]);
	const size_t n = elements(&din.shape);
	const uint16_t *const x = avl_map_bf16(&job->run->in[0]) + (size_t)number * n;
	const float *const dy = job->grad->dout + (size_t)number * AVL_BLOCK;
	uint16_t *const dx = avl_map_bf16(&din) + (size_t)number * n;
	for (size_t i = 0; i < AVL_BLOCK; i++) {
		size_t best = i;
		for (size_t at = i; at < n; at += AVL_BLOCK)
			if (avl_bfloat_to_float(x[at]) > avl_bfloat_to_float(x[best]))
				best = at;
		dx[best] = avl_float_to_bfloat(avl_bfloat_to_float(dx[best]) + dy[i]);
	}
}

static void globalmax_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (!grad->din[0])
		return;
	avl_op_clear(run, grad);
	avl_op_each_block(run, grad, globalmax_grad_item);
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
    .backward = add_backward,
    .in_place = 1,
};

const struct avl_op avl_op_clamp_bf16 = {
    .name = "clamp in bf16",
    .inputs = 1,
    .shape = avl_shape_same,
    .forward = add_forward,
    .backward = clamp_backward,
    .in_place = 1,
};

const struct avl_op avl_op_maxpool_bf16 = {
    .name = "maxpool in bf16",
    .inputs = 1,
    .shape = shape_maxpool,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
};

const struct avl_op avl_op_mean_bf16 = {
    .name = "mean in bf16",
    .inputs = 1,
    .shape = avl_shape_pooled,
    .forward = mean_forward,
    .backward = mean_backward,
};

const struct avl_op avl_op_globalmax_bf16 = {
    .name = "globalmax in bf16",
    .inputs = 1,
    .shape = avl_shape_pooled,
    .forward = globalmax_forward,
    .backward = globalmax_backward,
};

const struct avl_op *avl_op_bf16(const struct avl_op *op)
{
	static const struct {
		const struct avl_op *op, *bf16;
	} twins[] = {
	    {&avl_op_conv, &avl_op_conv_bf16},
	    {&avl_op_depthwise, &avl_op_depthwise_bf16},
	    {&avl_op_add, &avl_op_add_bf16},
	    {&avl_op_clamp, &avl_op_clamp_bf16},
	    {&avl_op_mean, &avl_op_mean_bf16},
	    {&avl_op_maxpool, &avl_op_maxpool_bf16},
	    {&avl_op_globalmax, &avl_op_globalmax_bf16},
	    {&avl_op_batchnorm, &avl_op_batchnorm_bf16},
	};
	for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++)
		if (twins[i].op == op)
			return twins[i].bf16;
	return NULL;
}
