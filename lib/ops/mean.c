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
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct job){run});
}

const struct avl_op avl_op_mean = {
    .name = "mean",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
};
