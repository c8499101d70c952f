/* SPDX-License-Identifier: MIT */
#ifndef AVL_OPS_WINOGRAD_H
#define AVL_OPS_WINOGRAD_H

#include "ops/ops.h"

/* How the op conv runs a 3x3 convolution of stride 1 where attr->winograd is m: by Winograd's
 * F(m x m, 3x3), with 36 multiplications where 144 would be needed (m = 4), or 16 for 36 (m = 2).
 * The weights are transformed when they are packed; the result is within 3e-5 of the largest value
 * of the direct one's. */

/* The m that pays, 0 where none does or none is possible: 3x3, stride 1, blocked, and enough tiles
 * that reading the transformed weights, 4 or 1.8 times the plain ones, does not cost more than it
 * saves. */
int avl_winograd_fits(const struct avl_attr *attr, const struct avl_shape *in);

size_t avl_winograd_packed(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_pack(const struct avl_attr *attr, const struct avl_shape *in,
		       const struct avl_params *params, float *packed);
size_t avl_winograd_scratch(const struct avl_attr *attr, const struct avl_shape *in);
size_t avl_winograd_scratch_each(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_forward(const struct avl_op_run *run);

/* Training, where the weights are packed as for a direct convolution (attr->plain) and transformed
 * in every run. Batches have tiles enough for m = 4: avl_winograd_trains says whether it pays. The
 * gradients are within 3e-5 of the largest value of the direct ones, as the outputs are. */
int avl_winograd_trains(const struct avl_attr *attr, const struct avl_shape *in);
size_t avl_winograd_plain_scratch(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_plain_forward(const struct avl_op_run *run);
size_t avl_winograd_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				 int threads);
void avl_winograd_backward(const struct avl_op_run *run, const struct avl_op_grad *grad);

#endif
