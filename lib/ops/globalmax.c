/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

/* Item: one block of one picture: a pool whose only window is the whole map. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	avl_kern()->maxpool(&(struct avl_maxpool_job){
	    .x = run->in[0].data + (ptrdiff_t)number * in->h * in->w * AVL_BLOCK,
	    .rows = in->h,
	    .width = in->w,
	    .columns = in->w,
	    .stride = 1,
	    .pad = 0,
	    .y = run->out.data + (ptrdiff_t)number * AVL_BLOCK,
	    .pixels = 1,
	});
}

static void forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, item);
}

/* The first of the largest gets the gradient, as in torch. */
static void grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const ptrdiff_t floats = (ptrdiff_t)in->h * in->w * AVL_BLOCK;
	const float *const x = job->run->in[0].data + number * floats;
	const float *const dy = job->grad->dout + (ptrdiff_t)number * AVL_BLOCK;
	float *const dx = job->grad->din[0] + number * floats;
	for (int i = 0; i < AVL_BLOCK; i++) {
		ptrdiff_t best = i;
		for (ptrdiff_t at = i; at < floats; at += AVL_BLOCK)
			if (x[at] > x[best])
				best = at;
		dx[best] += dy[i];
	}
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (!grad->din[0])
		return;
	avl_op_clear(run, grad);
	avl_op_each_block(run, grad, grad_item);
}

const struct avl_op avl_op_globalmax = {
    .name = "globalmax",
    .inputs = 1,
    .shape = avl_shape_pooled,
    .forward = forward,
    .backward = backward,
};
