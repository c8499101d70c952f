/* SPDX-License-Identifier: MIT */
#include "ops/bf16.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, in->c, out, err);
}

/* Item: one block of one picture; in bf16 as well. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape, *const out = &run->out.shape;
	const ptrdiff_t x_row = (ptrdiff_t)in->w * AVL_BLOCK, y_row = (ptrdiff_t)out->w * AVL_BLOCK;
	const int top = avl_window_top(attr, in), left = avl_window_left(attr, in);
	for (int row = 0; row < out->h; row++) {
		const struct avl_window_rows rows = avl_window_rows(attr, top, in->h, row);
		const struct avl_maxpool_job job = {
		    .x = avl_map_at(&run->in[0], (number * in->h + rows.at) * x_row),
		    .rows = rows.count,
		    .width = in->w,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = left,
		    .y = avl_map_at(&run->out, (number * out->h + row) * y_row),
		    .pixels = out->w,
		};
		if (run->in[0].layout == AVL_BLOCKED_BF16)
			avl_kern()->bf16.maxpool(&job);
		else
			avl_kern()->maxpool(&job);
	}
}

static void forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, item);
}

static void grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const struct avl_shape *const out = &job->run->out.shape;
	const ptrdiff_t at = (ptrdiff_t)number * in->h * in->w * AVL_BLOCK;
	const int top = avl_window_top(attr, in), left = avl_window_left(attr, in);
	const struct avl_map *const from = &job->run->in[0], *const to = &job->run->out;
	const struct avl_map din = avl_map_grad(from, job->grad->din[0]);
	const struct avl_map dout = avl_map_grad(to, job->grad->dout);
	for (int row = 0; row < out->h; row++) {
		const struct avl_window_rows rows = avl_window_rows(attr, top, in->h, row);
		const ptrdiff_t x = at + (ptrdiff_t)rows.at * in->w * AVL_BLOCK;
		const ptrdiff_t y = ((ptrdiff_t)number * out->h + row) * out->w * AVL_BLOCK;
		const struct avl_maxpool_grad_job pool = {
		    .x = avl_map_at(from, x),
		    .y = avl_map_at(to, y),
		    .dx = avl_map_at(&din, x),
		    .rows = rows.count,
		    .width = in->w,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = left,
		    .dy = avl_map_at(&dout, y),
		    .pixels = out->w,
		};
		if (from->layout == AVL_BLOCKED_BF16)
			avl_kern()->bf16.maxpool_grad(&pool);
		else
			avl_kern()->maxpool_grad(&pool);
	}
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (!grad->din[0])
		return;
	avl_op_clear(run, grad);
	avl_op_each_block(run, grad, grad_item);
}

const struct avl_op avl_op_maxpool = {
    .name = "maxpool",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
