/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

/* The additions of a network and its activations, which add nothing. */

static int shape_add(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		     struct avl_err *err)
{
	const struct avl_shape *const a = &in[0], *const b = &in[1];
	if (a->n != b->n || a->c != b->c || a->h != b->h || a->w != b->w)
		return avl_fail(err, AVL_ESHAPE,
				"maps of %d x %d x %d and %d x %d x %d do not add up", a->c, a->h,
				a->w, b->c, b->h, b->w);
	return avl_shape_same(attr, in, out, err);
}

static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct avl_op_job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t floats = (size_t)in->h * (size_t)in->w * AVL_BLOCK;
	const size_t at = (size_t)number * floats;
	const float *const other = run->in[1].data;
	avl_kern()->add(run->out.data + at, run->in[0].data + at, other ? other + at : NULL, floats,
			run->attr->lo, run->attr->hi);
}

static void forward(const struct avl_op_run *run)
{
	avl_op_each_block(run, NULL, item);
}

static void clamp_grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_op_run *const run = job->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t floats = (size_t)in->h * (size_t)in->w * AVL_BLOCK;
	const size_t at = (size_t)number * floats;
	avl_kern()->gate(job->grad->din[0] + at, job->grad->dout + at, run->in[0].data + at, floats,
			 run->attr->lo, run->attr->hi, !job->grad->fresh[0]);
}

static void backward_clamp(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	if (grad->din[0])
		avl_op_each_block(run, grad, clamp_grad_item);
}

static void add_grad_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_job *const job = argument;
	const struct avl_shape *const in = &job->run->in[0].shape;
	const size_t floats = (size_t)in->h * (size_t)in->w * AVL_BLOCK;
	const size_t at = (size_t)number * floats;
	for (int k = 0; k < 2; k++) {
		float *const din = job->grad->din[k];
		if (din && din != job->grad->dout)
			avl_kern()->add(din + at, job->grad->dout + at,
					job->grad->fresh[k] ? NULL : din + at, floats, -INFINITY,
					INFINITY);
	}
}

static void backward_add(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	avl_op_each_block(run, grad, add_grad_item);
}

const struct avl_op avl_op_add = {
    .name = "add",
    .inputs = 2,
    .shape = shape_add,
    .forward = forward,
    .backward = backward_add,
    .in_place = 1,
};

const struct avl_op avl_op_clamp = {
    .name = "clamp",
    .inputs = 1,
    .shape = avl_shape_same,
    .forward = forward,
    .backward = backward_clamp,
    .in_place = 1,
};
