/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "ops/ops.h"

static int shape(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		 struct avl_err *err)
{
	(void)attr;
	(void)err;
	*out = *in;
	return 0;
}

static size_t packed(const struct avl_attr *attr, const struct avl_shape *in)
{
	(void)attr;
	return (size_t)avl_blocks(in->c) * AVL_BLOCK * 2;
}

/* Scales of all channels, then shifts. */
static void pack(const struct avl_attr *attr, const struct avl_shape *in,
		 const struct avl_params *params, float *to)
{
	const size_t width = (size_t)avl_blocks(in->c) * AVL_BLOCK;
	memset(to, 0, 2 * width * sizeof *to);
	for (int c = 0; c < in->c; c++) {
		const double gamma = params->weight ? params->weight[c] : 1;
		const double scale = gamma / sqrt((double)params->var[c] + attr->eps);
		to[c] = (float)scale;
		to[width + (size_t)c] =
		    (float)((params->bias ? params->bias[c] : 0) - params->mean[c] * scale);
	}
}

struct job {
	const struct avl_op_run *run;
};

static void item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_op_run *const run = ((const struct job *)argument)->run;
	const struct avl_shape *const in = &run->in[0].shape;
	const size_t width = (size_t)avl_blocks(in->c) * AVL_BLOCK;
	const size_t pixels = (size_t)in->h * (size_t)in->w;
	const size_t at = (size_t)number * pixels * AVL_BLOCK;
	const size_t block = (size_t)(number / in->n) * AVL_BLOCK;
	avl_kern()->affine(run->out.data + at, run->in[0].data + at, run->packed + block,
			   run->packed + width + block, pixels, run->attr->lo, run->attr->hi);
}

static void forward(const struct avl_op_run *run)
{
	const struct avl_shape *const in = &run->in[0].shape;
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct job){run});
}

const struct avl_op avl_op_batchnorm = {
    .name = "batchnorm",
    .inputs = 1,
    .shape = shape,
    .packed = packed,
    .pack = pack,
    .forward = forward,
};
