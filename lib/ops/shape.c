/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

#include <string.h>

size_t avl_op_scratch(const struct avl_op *op, const struct avl_attr *attr,
		      const struct avl_shape *in, int threads)
{
	const size_t each = op->scratch_each ? op->scratch_each(attr, in) : 0;
	return (op->scratch ? op->scratch(attr, in) : 0) + each * (size_t)threads;
}

size_t avl_shape_floats(const struct avl_shape *shape)
{
	return (size_t)avl_blocks(shape->c) * (size_t)avl_block_stride(shape);
}

size_t avl_map_floats(const struct avl_map *map)
{
	const size_t floats = avl_shape_floats(&map->shape);
	if (map->layout != AVL_BLOCKED_BF16)
		return floats;
	return (floats / 2 + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

int avl_window_out(enum avl_pad pad, int in, int kernel, int stride, int fixed)
{
	if (pad == AVL_PAD_SAME)
		return (in + stride - 1) / stride;
	return in + 2 * fixed < kernel ? 0 : (in + 2 * fixed - kernel) / stride + 1;
}

int avl_window_before(enum avl_pad pad, int in, int kernel, int stride, int fixed)
{
	if (pad == AVL_PAD_FIXED)
		return fixed;
	const int out = avl_window_out(pad, in, kernel, stride, fixed);
	const int total = (out - 1) * stride + kernel - in;
	return total > 0 ? total / 2 : 0;
}

int avl_window_top(const struct avl_attr *attr, const struct avl_shape *in)
{
	return avl_window_before(attr->pad, in->h, attr->kernel_h, attr->stride_h, attr->pad_h);
}

int avl_window_left(const struct avl_attr *attr, const struct avl_shape *in)
{
	return avl_window_before(attr->pad, in->w, attr->kernel_w, attr->stride_w, attr->pad_w);
}

int avl_window_shape(const struct avl_attr *attr, const struct avl_shape *in, int c,
		     struct avl_shape *out, struct avl_err *err)
{
	*out = (struct avl_shape){
	    .n = in->n,
	    .c = c,
	    .h = avl_window_out(attr->pad, in->h, attr->kernel_h, attr->stride_h, attr->pad_h),
	    .w = avl_window_out(attr->pad, in->w, attr->kernel_w, attr->stride_w, attr->pad_w),
	};
	if (out->h < 1 || out->w < 1)
		return avl_fail(err, AVL_ESHAPE,
				"a map of %d x %d is too small for a window of %d x %d", in->h,
				in->w, attr->kernel_h, attr->kernel_w);
	return 0;
}

int avl_shape_same(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		   struct avl_err *err)
{
	(void)attr;
	(void)err;
	*out = *in;
	return 0;
}

int avl_shape_pooled(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		     struct avl_err *err)
{
	(void)attr;
	(void)err;
	*out = (struct avl_shape){.n = in->n, .c = in->c, .h = 1, .w = 1};
	return 0;
}

void avl_op_each_block(const struct avl_op_run *run, const struct avl_op_grad *grad,
		       void (*item)(void *job, int number, int thread))
{
	const struct avl_shape *const in = &run->in[0].shape;
	avl_par_for(run->par, avl_blocks(in->c) * in->n, item, &(struct avl_op_job){run, grad});
}

static void clear_item(void *argument, int number, int thread)
{
	(void)thread;
	const struct avl_map *const map = argument;
	const ptrdiff_t each = (ptrdiff_t)map->shape.h * map->shape.w * AVL_BLOCK;
	char *const first = avl_map_at(map, number * each);
	memset(first, 0, (size_t)((char *)avl_map_at(map, (number + 1) * each) - first));
}

void avl_op_clear(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	for (int k = 0; k < 2; k++) {
		struct avl_map din = avl_map_grad(&run->in[k], grad->din[k]);
		if (din.data && grad->fresh[k])
			avl_par_for(run->par, avl_blocks(din.shape.c) * din.shape.n, clear_item,
				    &din);
	}
}

void avl_layout_to_blocked(const struct avl_shape *shape, const float *planar, float *blocked)
{
	const size_t area = (size_t)shape->h * (size_t)shape->w;
	const ptrdiff_t stride = avl_block_stride(shape);
	memset(blocked, 0, avl_shape_floats(shape) * sizeof *blocked);
	for (int n = 0; n < shape->n; n++)
		for (int c = 0; c < shape->c; c++) {
			const float *const from =
			    planar + ((size_t)n * (size_t)shape->c + (size_t)c) * area;
			float *const to = blocked + c / AVL_BLOCK * stride +
					  (ptrdiff_t)((size_t)n * area * AVL_BLOCK) + c % AVL_BLOCK;
			for (size_t i = 0; i < area; i++)
				to[i * AVL_BLOCK] = from[i];
		}
}

void avl_layout_to_planar(const struct avl_shape *shape, const float *blocked, float *planar)
{
	const size_t area = (size_t)shape->h * (size_t)shape->w;
	const ptrdiff_t stride = avl_block_stride(shape);
	for (int n = 0; n < shape->n; n++)
		for (int c = 0; c < shape->c; c++) {
			float *const to =
			    planar + ((size_t)n * (size_t)shape->c + (size_t)c) * area;
			const float *const from = blocked + c / AVL_BLOCK * stride +
						  (ptrdiff_t)((size_t)n * area * AVL_BLOCK) +
						  c % AVL_BLOCK;
			for (size_t i = 0; i < area; i++)
				to[i] = from[i * AVL_BLOCK];
		}
}
