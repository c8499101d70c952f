/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, in->c, out, err);
}

/* Item: one block of one picture. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape, *const out = &run->out.shape;
	const float *const x = run->in[0].data + (ptrdiff_t)number * in->h * in->w * AVL_BLOCK;
	float *const y = run->out.data + (ptrdiff_t)number * out->h * out->w * AVL_BLOCK;
	const int before = avl_window_top(attr, in), left = avl_window_left(attr, in);
	for (int row = 0; row < out->h; row++) {
		const int top = row * attr->stride_h - before;
		const int first = top < 0 ? 0 : top;
		const int last = top + attr->kernel_h > in->h ? in->h : top + attr->kernel_h;
		avl_kern()->maxpool(&(struct avl_maxpool_job){
		    .x = x + (ptrdiff_t)first * in->w * AVL_BLOCK,
		    .rows = last - first,
		    .width = in->w,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = left,
		    .y = y + (ptrdiff_t)row * out->w * AVL_BLOCK,
		    .pixels = out->w,
		});
	}
}

static void forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, item);
}

/* The first of the largest in window order gets the gradient, as in torch. */
static void grad_pixel(const struct avl_attr *attr, const struct avl_shape *in, const float *x,
		       float *dx, int top, int left, const float *dy)
{
	for (int i = 0; i < AVL_BLOCK; i++) {
		ptrdiff_t best = -1;
		for (int r = top < 0 ? 0 : top; r < top + attr->kernel_h && r < in->h; r++)
			for (int q = left < 0 ? 0 : left; q < left + attr->kernel_w && q < in->w;
			     q++) {
				const ptrdiff_t at = ((ptrdiff_t)r * in->w + q) * AVL_BLOCK + i;
				if (best < 0 || x[at] > x[best])
					best = at;
			}
		if (best >= 0)
			dx[best] += dy[i];
	}
}

static void grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const struct avl_shape *const out = &job->run->out.shape;
	const ptrdiff_t at = (ptrdiff_t)number * in->h * in->w * AVL_BLOCK;
	const float *dy = job->grad->dout + (ptrdiff_t)number * out->h * out->w * AVL_BLOCK;
	const int top = avl_window_top(attr, in), left = avl_window_left(attr, in);
	for (int row = 0; row < out->h; row++)
		for (int p = 0; p < out->w; p++, dy += AVL_BLOCK)
			grad_pixel(attr, in, job->run->in[0].data + at, job->grad->din[0] + at,
				   row * attr->stride_h - top, p * attr->stride_w - left, dy);
}

static void backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (grad->din[0])
		avl_op_each_block(run, grad, grad_item);
}

const struct avl_op avl_op_maxpool = {
    .name = "maxpool",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
