/* SPDX-License-Identifier: MIT */
#ifndef AVL_OPS_CONV_H
#define AVL_OPS_CONV_H

#include "ops/ops.h"

/* How the loop of a direct convolution is cut, in fp32 and in bf16: bands of rows of each picture
 * (or of the flat row) by ranges of blocks of output channels. */
struct avl_conv_cut {
	int bands, ranges, range_blocks;
};

/* What an item of it does: band BAND of picture N, blocks FIRST..LAST-1 of output channels. */
struct avl_conv_part {
	int n, band, first, last;
};

static inline struct avl_conv_part avl_conv_part(const struct avl_conv_cut *cut, int blocks,
						 int item)
{
	const int first = item % cut->ranges * cut->range_blocks;
	const int last = first + cut->range_blocks;
	return (struct avl_conv_part){.n = item / cut->ranges / cut->bands,
				      .band = item / cut->ranges % cut->bands,
				      .first = first,
				      .last = last < blocks ? last : blocks};
}

/* What the op conv forward (conv.c) and backward (conv_backward.c) share: the sizes of a direct
 * convolution and the copy of its input with a border. */
struct avl_conv_plan {
	struct avl_shape in, out;
	int planar;
	int flat;               /* 1x1, stride 1: the map is one long row */
	int copied;             /* a bordered copy is made */
	int before_h, before_w; /* border */
	int h, w;               /* of the picture the taps see, border included */
	int taps, inner;
};

struct avl_conv_plan avl_conv_plan(const struct avl_attr *attr, const struct avl_shape *in);

/* Whether a network that may run but once should leave the weights as they are (attr->late): packed
 * are only the biases then, and every run makes those of two blocks of outputs at a time, in cache,
 * and does with them all that is to be done. It takes longer than a run with weights that are
 * ready, but far less than to make those, for memory that was never touched is dear. The results
 * are the same, bit for bit. Room is left for a run with attr->late taken back. */
int avl_conv_can_be_late(const struct avl_attr *attr, const struct avl_shape *in);

/* The copy with a border (conv_border.c), in fp32 or in bf16, of a map of either type: the floats
 * of ROOM that it takes, a multiple of a block, 0 where FROM itself serves and is returned. */
size_t avl_conv_border_floats(const struct avl_conv_plan *plan, int in_bf16);
struct avl_map avl_conv_border(const struct avl_conv_plan *plan, struct avl_par *par,
			       const struct avl_map *from, int in_bf16, float *room);

/* The weights of the 16 outputs of BLOCK, scaled, lane by lane side by side: [n][16], the N from
 * FIRST on of the EACH that an output has, as a checkpoint holds them; zeros for outputs from
 * OUTPUTS on. */
enum { AVL_CONV_LANES_MAX = 144 }; /* n at most: 16 windows of 3x3 */
void avl_conv_lanes(const struct avl_params *params, int outputs, int block, size_t each,
		    size_t first, size_t n, float *to);

/* Before that: tells params->reads. */
void avl_conv_reads(const struct avl_params *params, int outputs, int block, size_t each);

/* Floats from the input of an output pixel to each of the plan->taps taps. */
void avl_conv_taps(const struct avl_attr *attr, const struct avl_conv_plan *plan, ptrdiff_t *tap);

void avl_conv_unpack(const struct avl_attr *attr, const struct avl_shape *in, const float *packed,
		     const struct avl_params_out *params);
/* Backward in fp32 and, where the output is in bf16, in bf16 but for the parameters' gradients. */
size_t avl_conv_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in, int threads);
size_t avl_conv_bf16_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				  int threads);
void avl_conv_backward(const struct avl_op_run *run, const struct avl_op_grad *grad);

/* Of that, directly to the input (conv_reverse.c, conv_reverse_bf16.c). */
size_t avl_conv_reverse_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				int threads);
void avl_conv_reverse(const struct avl_op_run *run, const struct avl_op_grad *grad);

size_t avl_conv_bf16_reverse_scratch(const struct avl_attr *attr, const struct avl_shape *in,
				     int threads);
void avl_conv_bf16_reverse(const struct avl_op_run *run, const struct avl_op_grad *grad);

/* A direct convolution backward to its input, in fp32 and in bf16. With the stride s, an input at
 * position x sees the outputs (x + before - q) / s for the columns q of the kernel that leave no
 * rest; so positions are parted into s phases by (x + before) % s, and rows likewise. Each phase is
 * a convolution of stride 1 of the gradients, bordered by zeros, with its part of the kernel turned
 * round and its channels exchanged. */
struct avl_conv_reversed {
	const struct avl_attr *attr;
	struct avl_conv_plan p;      /* forward */
	struct avl_conv_plan border; /* of the gradients */
	int cblocks, oblocks;
};

struct avl_conv_phase {
	int h, w;   /* rows and columns of the kernel */
	int before; /* of its taps among all */
};

struct avl_conv_reversed avl_conv_reversed(const struct avl_attr *attr, const struct avl_shape *in);
struct avl_conv_phase avl_conv_phase(const struct avl_conv_reversed *r, int number);

/* The tap of the forward weights [output blocks][taps][16][16] that tap K of phase NUMBER turned
 * round is, for block C of inputs; and floats (or elements) from a gradient to that tap's. */
ptrdiff_t avl_conv_phase_weights(const struct avl_conv_reversed *r, int number, int k, int c);
ptrdiff_t avl_conv_phase_tap(const struct avl_conv_reversed *r, int number, int k);

/* Of row Y, the pixels of column phase COLUMN: phase NUMBER, FIRST and every stride's from there,
 * PIXELS in number; they see the gradients from row DOWN and column RIGHT of the border on. */
struct avl_conv_phase_row {
	int number, first, pixels, down, right;
};

struct avl_conv_phase_row avl_conv_phase_row(const struct avl_conv_reversed *r, int y, int column);

#endif
