/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	(void)attr;
	(void)err;
	*out = (struct avl_shape){.n = in->n, .c = in->c, .h = 1, .w = 1};
	return 0;
}

struct job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
};

static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t pixels = (size_t)in->h * (size_t)in->w;
	avl_kern()->sum(run->out.data + (size_t)number * AVL_BLOCK,
			run->in[0].data + (size_t)number * pixels * AVL_BLOCK, pixels,
			1.0F / (float)pixels);
}

static void forward(const struct avl_op_run *run)
{
	const struct avl_shape *const in = &run->in[0].shape;
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct job){run, NULL});
}

static void grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct job *const job = argument;
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
	const struct avl_shape *const in = &run->in[0].shape;
	if (grad->din[0])
		avl_par_for(run->par, avl_blocks(in->c) * in->n, grad_item,
			    &(struct job){run, grad});
}

const struct avl_op avl_op_mean = {
    .name = "mean",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
