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

/* Item: one block of one picture: a pool whose only window is the whole map. */
static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct job *)argument)->run;
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
	const struct avl_shape *const in = &run->in[0].shape;
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct job){run});
}

const struct avl_op avl_op_globalmax = {
    .name = "globalmax",
    .inputs = 1,
    .shape = shape,
    .forward = forward,
};
