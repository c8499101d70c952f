/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = (size_t)in->h * (size_t)in->w;
	avl_kern()->sum(run->out.data + (size_t)number * AVL_BLOCK,
			run->in[0].data + (size_t)number * pixels * AVL_BLOCK, pixels,
			1.0F / (float)pixels);
}

static void forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, item);
}

static void grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const size_t pixels = (size_t)in->h * (size_t)in->w;
	const float *const dy = job->grad->dout + (size_t)number * AVL_BLOCK;
	float *const dx = job->grad->din[0] + (size_t)number * pixels * AVL_BLOCK;
	for (size_t p = 0; p < pixels; p++)
		for (size_t i = 0; i < AVL_BLOCK; i++)
			dx[p * AVL_BLOCK + i] += dy[i] / (float)pixels;
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (!grad->din[0])
		return;
	avl_op_clear(run, grad);
	avl_op_each_block(run, grad, grad_item);
}

const struct avl_op avl_op_mean = {
    .name = "mean",
    .inputs = 1,
    .shape = avl_shape_pooled,
    .forward = forward,
    .backward = backward,
};
