/* SPDX-License-Identifier: MIT */
#ifndef AVL_OPS_WINOGRAD_H
#define AVL_OPS_WINOGRAD_H

#include "ops/ops.h"

/* How the op conv runs a 3x3 convolution of stride 1 where attr->winograd is m: by Winograd's
 * F(m x m, 3x3), with (m + 2)^2 multiplications where 9 m^2 would be needed: 16 for 36, 36 for 144,
 * 64 for 324. The weights are transformed when they are packed; the result is within 3e-5 (m = 6:
 * 1e-4) of the largest value of the direct one's. */

/* The m, 2, 4 or 6, that is fastest for one picture; 0 where direct convolution is, or where the
 * convolution is another than 3x3 with stride 1, or planar. Small maps make large tiles wasteful,
 * and the transformed weights, 1.8, 4 or 7.1 times the plain ones, must come from memory. */
int avl_winograd_fits(const struct avl_attr *attr, const struct avl_shape *in);

/* Of avl_conv_can_be_late (ops/conv.h), for such a convolution. */
int avl_winograd_can_be_late(const struct avl_attr *attr, const struct avl_shape *in);

/* The weights of two blocks of outputs: [positions][2][input blocks][16][16], these floats from a
 * position to the next: an odd number of vectors, for what is written to all positions in turn
 * would else fall into one set of a cache. */
ptrdiff_t avl_winograd_weights_step(int cblocks);

size_t avl_winograd_packed(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_pack(const struct avl_attr *attr, const struct avl_shape *in,
		       const struct avl_params *params, float *packed);
size_t avl_winograd_scratch(const struct avl_attr *attr, const struct avl_shape *in);
size_t avl_winograd_scratch_each(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_forward(const struct avl_op_run *run);

/* Input and output may each be in fp32 or bf16, a residual as the output; the arithmetic is in
 * fp32.
 *
 * Training, where the weights are packed as for a direct convolution (attr->plain) and transformed
 * in every run. Batches have tiles enough for m = 4: avl_winograd_trains says whether it pays. The
 * gradients are within 3e-5 of the largest value of the direct ones, as the outputs are. */
int avl_winograd_trains(const struct avl_attr *attr, const struct avl_shape *in);
size_t avl_winograd_plain_scratch(const struct avl_attr *attr, const struct avl_shape *in);
void avl_winograd_plain_forward(const struct avl_op_run *run);
size_t avl_winograd_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				 int threads);
void avl_winograd_backward(const struct avl_op_run *run, const struct avl_op_grad *grad);

#endif
