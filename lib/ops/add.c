/* SPDX-License-Identifier: MIT */
#include "ops/bf16.h"

/* The additions of a network and its activations, which add nothing. Backward they take maps of
 * either type, all of the same. */

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
	const struct avl_map *const x = &run->in[0];
	const struct avl_map dx = avl_map_grad(x, job->grad->din[0]);
	const struct avl_map dy = avl_map_grad(&run->out, job->grad->dout);
	const size_t n = (size_t)x->shape.h * (size_t)x->shape.w * AVL_BLOCK;
	const ptrdiff_t at = number * (ptrdiff_t)n;
	const int add = !job->grad->fresh[0];
	if (x->layout == AVL_BLOCKED_BF16)
		avl_kern()->bf16.gate(avl_map_at(&dx, at), avl_map_at(&dy, at), avl_map_at(x, at),
				      n, run->attr->lo, run->attr->hi, add);
	else
		avl_kern()->gate(avl_map_at(&dx, at), avl_map_at(&dy, at), avl_map_at(x, at), n,
				 run->attr->lo, run->attr->hi, add);
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
	const struct avl_map dy = avl_map_grad(&job->run->out, job->grad->dout);
	const size_t n = (size_t)in->h * (size_t)in->w * AVL_BLOCK;
	const ptrdiff_t at = number * (ptrdiff_t)n;
	for (int k = 0; k < 2; k++) {
		const struct avl_map din = avl_map_grad(&job->run->in[k], job->grad->din[k]);
		if (!din.data || din.data == dy.data)
			continue;
		const void *const so_far = job->grad->fresh[k] ? NULL : avl_map_at(&din, at);
		if (din.layout == AVL_BLOCKED_BF16)
			avl_kern()->bf16.add(avl_map_at(&din, at), avl_map_at(&dy, at), so_far, n,
					     -INFINITY, INFINITY);
		else
			avl_kern()->add(avl_map_at(&din, at), avl_map_at(&dy, at), so_far, n,
					-INFINITY, INFINITY);
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
