/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	return avl_window_shape(attr, in, in->c, out, err);
}

struct job {
	const struct avl_op_run *run;
};

/* Item: one block of one picture. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct job *)argument)->run;
	const struct avl_attr *const attr = run->attr;
	const struct avl_shape *const in = &run->in[0].shape, *const out = &run->out.shape;
	const float *const x = run->in[0].data + (ptrdiff_t)number * in->h * in->w * AVL_BLOCK;
	float *const y = run->out.data + (ptrdiff_t)number * out->h * out->w * AVL_BLOCK;
	const int before_h =
	    avl_window_before(attr->pad, in->h, attr->kernel_h, attr->stride_h, attr->pad_h);
	for (int row = 0; row < out->h; row++) {
		const int top = row * attr->stride_h - before_h;
		const int first = top < 0 ? 0 : top;
		const int last = top + attr->kernel_h > in->h ? in->h : top + attr->kernel_h;
		avl_kern()->maxpool(&(struct avl_maxpool_job){
		    .x = x + (ptrdiff_t)first * in->w * AVL_BLOCK,
		    .rows = last - first,
		    .width = in->w,
		    .columns = attr->kernel_w,
		    .stride = attr->stride_w,
		    .pad = avl_window_before(attr->pad, in->w, attr->kernel_w, attr->stride_w,
					     attr->pad_w),
		    .y = y + (ptrdiff_t)row * out->w * AVL_BLOCK,
		    .pixels = out->w,
		});
	}
}

static void forward(const struct avl_op_run *run)
{
	const struct avl_shape *const in = &run->in[0].shape;
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct job){run});
}

const struct avl_op avl_op_maxpool = {
    .name = "maxpool",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
};
