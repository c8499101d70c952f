/* SPDX-License-Identifier: MIT */
#ifndef AVL_OPS_OPS_H
#define AVL_OPS_OPS_H

#include <math.h>
#include <stddef.h>

#include "base/err.h"
#include "base/par.h"
#include "kern/kern.h"

/* The layers of the networks. An op is one file and one table: the shape it gives, what it needs,
 * and how it runs. Planning asks shape, packed and scratch once; running allocates nothing and
 * cannot fail. Results do not depend on the number of threads. */

struct avl_shape {
	int n, c, h, w;
};

enum avl_layout {
	AVL_BLOCKED,      /* [c/16][n][h][w][16]: kern/kern.h */
	AVL_PLANAR,       /* [n][c][h][w]: what goes into a first convolution */
	AVL_BLOCKED_BF16, /* as the first, elements of two bytes: ops/bf16.h */
};

/* A feature map; whoever made it owns the data. */
struct avl_map {
	struct avl_shape shape;
	enum avl_layout layout;
	float *data;
};

enum avl_pad {
	AVL_PAD_FIXED, /* pad_h rows above and below, pad_w columns left and right */
	AVL_PAD_SAME,  /* TensorFlow's: out = ceil(in / stride); the odd one goes behind */
};

/* What a row of a network's table may say of its op. */
struct avl_attr {
	int out;                /* channels */
	int kernel_h, kernel_w; /* window */
	int stride_h, stride_w;
	enum avl_pad pad;
	int pad_h, pad_w;
	int bias;     /* convolution: has one */
	int no_scale; /* batch norm: has no gamma */
	float eps;
	float lo, hi; /* clamp: ReLU is 0, INFINITY; ReLU6 is 0, 6 */
	int planar;   /* the input is planar: set by the graph for the first convolution */
	int winograd; /* convolve by F(m x m, 3x3): m, set by the graph (ops/winograd.h) */
	int plain;    /* weights are transformed in every run, not when packed: training */
	int late;     /* the same, from the checkpoint's: run->raw (ops/conv.h) */
	int pool;     /* convolution: the largest of 2 x 2 outputs is kept, set by the graph */
	const struct avl_attr *then; /* of an op that is several in one: what the next is told */
};

/* Parameters as a checkpoint holds them, in fp32 and torch's layouts. */
struct avl_params {
	const float *weight, *bias; /* bias may be NULL: zeros */
	const float *mean, *var;    /* batch norm; weight NULL: ones */
	const float *scale; /* convolutions: what the weights of each output are to be multiplied
			       by; NULL: ones */
	/* Convolutions: is told of the N weights at WEIGHT, those of BLOCK, when they are about to
	 * be read; by any thread. NULL: nobody wants to know. */
	void (*reads)(void *reader, int block, const float *weight, size_t n);
	void *reader;
};

/* The same to be written; NULL where nobody asks. */
struct avl_params_out {
	float *weight, *bias, *mean, *var;
};

struct avl_op_run {
	const struct avl_attr *attr;
	/* The second is of an addition, or a residual to be added before clamping; its data may be
	 * NULL: none. */
	struct avl_map in[2];
	struct avl_map out;
	const float *packed;
	const struct avl_params *raw; /* where attr->late */
	float *scratch;
	float *saved; /* what forward keeps for backward; NULL: this is not training */
	struct avl_par *par;
};

/* Gradients, laid out as what they are the gradients of, and of the same type: those of maps in
 * bf16 are in bf16. Backward adds to din and dpacked; NULL stands for one that nobody wants. Where
 * a din is fresh, it holds nothing yet and is written; of an op that says in_place, a fresh one may
 * be dout itself. What dout holds afterwards is open. */
struct avl_op_grad {
	float *dout;
	float *din[2];
	int fresh[2];
	float *dpacked;
	float *scratch;
};

struct avl_op {
	const char *name;
	int inputs;
	/* The output's shape, or AVL_ESHAPE where the input does not fit. */
	int (*shape)(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		     struct avl_err *err);
	/* Floats that pack writes, NULL: the op has no parameters. */
	size_t (*packed)(const struct avl_attr *attr, const struct avl_shape *in);
	/* PARAMS: one, or one for each of the ops that this op is. */
	void (*pack)(const struct avl_attr *attr, const struct avl_shape *in,
		     const struct avl_params *params, float *packed);
	/* The way back from what pack wrote, or from gradients and moments laid out alike. */
	void (*unpack)(const struct avl_attr *attr, const struct avl_shape *in, const float *packed,
		       const struct avl_params_out *params);
	/* Of the packed floats, how many have a gradient, from *FIRST on; NULL: all. */
	size_t (*trained)(const struct avl_attr *attr, const struct avl_shape *in, size_t *first);
	/* Floats of working memory, NULL: none. */
	size_t (*scratch)(const struct avl_attr *attr, const struct avl_shape *in);
	/* Floats, a multiple of 16, of each thread's own working memory, which lies behind that,
	 * thread after thread; NULL: none. */
	size_t (*scratch_each)(const struct avl_attr *attr, const struct avl_shape *in);
	void (*forward)(const struct avl_op_run *run);
	/* Floats of run->saved in training, NULL: none. */
	size_t (*saved)(const struct avl_attr *attr, const struct avl_shape *in);
	/* Floats of grad->scratch for a team of THREADS, NULL: none. */
	size_t (*grad_scratch)(const struct avl_attr *attr, const struct avl_shape *in,
			       int threads);
	/* RUN as forward had it, but for a clamp behind an op other than a batch norm: dout is that
	 * of what comes before the clamp. No residual behind a convolution. */
	void (*backward)(const struct avl_op_run *run, const struct avl_op_grad *grad);
	int in_place;
};

/* conv: weight (out, c, kernel_h, kernel_w), bias (out). A fully connected layer is the 1x1
 * convolution of a map of 1x1. After a convolution come its residual and its clamp, where the graph
 * has fused them. */
extern const struct avl_op avl_op_conv;
/* depthwise: weight (c, 1, kernel_h, kernel_w), bias (c); clamp as above. */
extern const struct avl_op avl_op_depthwise;
/* batchnorm: y = clamp((x - mean) / sqrt(var + eps) * weight + bias + residual), with stored
 * statistics; in training (saved is there) with those of the batch. Packed: weight, bias, mean,
 * var, a row of channels each; the last two have no gradient. */
extern const struct avl_op avl_op_batchnorm;
/* Moves the stored statistics towards those of the batch that forward saved, as torch does:
 * new = (1 - momentum) old + momentum batch, the variance with n - 1 below. */
void avl_batchnorm_update(const struct avl_attr *attr, const struct avl_shape *in,
			  const float *batch, float momentum, float *parameters);
/* clamp: y = min(hi, max(lo, x)). */
extern const struct avl_op avl_op_clamp;
/* add: y = clamp(a + b). */
extern const struct avl_op avl_op_add;
/* maxpool: over windows cut at the border (padding never wins). */
extern const struct avl_op avl_op_maxpool;
/* convpool: a convolution, then a maxpool along the rows whose windows of as many columns as its
 * stride touch no border (attr->then). What lies between is never whole in memory; the output is
 * that of the two, bit for bit. Forward only. */
extern const struct avl_op avl_op_convpool;
/* separable: a 1x1 convolution (or none), a depthwise one and a 1x1 one, attr the first of them and
 * attr->then the next, in[1] the residual of the last. The maps between are never whole in memory;
 * the output is that of the three. Forward only. */
extern const struct avl_op avl_op_separable;
/* mean: over all positions; n c h w -> n c 1 1. */
extern const struct avl_op avl_op_mean;
/* globalmax: the largest over all positions; n c h w -> n c 1 1. */
extern const struct avl_op avl_op_globalmax;

/* --- what the ops share --- */

/* Floats of working memory that OP needs for a team of THREADS. */
size_t avl_op_scratch(const struct avl_op *op, const struct avl_attr *attr,
		      const struct avl_shape *in, int threads);

/* Floats of a blocked map. */
size_t avl_shape_floats(const struct avl_shape *shape);
/* Floats of memory that a blocked map of either type takes, a multiple of a block's: what follows
 * is aligned. */
size_t avl_map_floats(const struct avl_map *map);

/* The gradients of a map's elements. */
static inline struct avl_map avl_map_grad(const struct avl_map *map, float *grad)
{
	return (struct avl_map){map->shape, map->layout, grad};
}

/* Output size of a window that moves over IN positions, and the padding before the first. */
int avl_window_out(enum avl_pad pad, int in, int kernel, int stride, int fixed);
int avl_window_before(enum avl_pad pad, int in, int kernel, int stride, int fixed);

/* The same of a window op: rows of padding above its first window, columns to the left of it. */
int avl_window_top(const struct avl_attr *attr, const struct avl_shape *in);
int avl_window_left(const struct avl_attr *attr, const struct avl_shape *in);

/* The rows of a window that lie inside the picture: COUNT from the window's row FIRST on, which is
 * the picture's row AT. */
struct avl_window_rows {
	int first, at, count;
};

/* Of output row Y; TOP and HEIGHT: rows of padding, and of the picture. */
static inline struct avl_window_rows avl_window_rows(const struct avl_attr *attr, int top,
						     int height, int y)
{
	const int above = y * attr->stride_h - top, first = above < 0 ? -above : 0;
	const int below = above + attr->kernel_h > height ? height - above : attr->kernel_h;
	return (struct avl_window_rows){first, above + first, below - first};
}

/* Shape after a window op with C output channels. */
int avl_window_shape(const struct avl_attr *attr, const struct avl_shape *in, int c,
		     struct avl_shape *out, struct avl_err *err);

/* avl_op.shape of ops that keep the shape, and of those that leave one position: n c 1 1. */
int avl_shape_same(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		   struct avl_err *err);
int avl_shape_pooled(const struct avl_attr *attr, const struct avl_shape *in, struct avl_shape *out,
		     struct avl_err *err);

/* What the items of an op's loops are given. */
struct avl_op_job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad; /* NULL forward */
};

/* Calls ITEM with a struct avl_op_job for each block of channels of each picture of the first
 * input: block NUMBER / n of picture NUMBER % n, which stands at NUMBER * h * w * 16 floats. */
void avl_op_each_block(const struct avl_op_run *run, const struct avl_op_grad *grad,
		       void (*item)(void *job, int number, int thread));

/* Makes zeros of a din that is fresh, for ops that can only add. */
void avl_op_clear(const struct avl_op_run *run, const struct avl_op_grad *grad);

static inline float avl_scale_of(const struct avl_params *params, size_t output)
{
	return params->scale ? params->scale[output] : 1;
}

/* Elements from one block of channels to the next. */
static inline ptrdiff_t avl_block_stride(const struct avl_shape *shape)
{
	return (ptrdiff_t)shape->n * shape->h * shape->w * AVL_BLOCK;
}

/* Element AT of a blocked map of either type. */
static inline void *avl_map_at(const struct avl_map *map, ptrdiff_t at)
{
	const size_t size = map->layout == AVL_BLOCKED_BF16 ? sizeof(uint16_t) : sizeof(float);
	return (char *)map->data + at * (ptrdiff_t)size;
}

/* Between the layouts; SRC and DST do not overlap. */
void avl_layout_to_blocked(const struct avl_shape *shape, const float *planar, float *blocked);
void avl_layout_to_planar(const struct avl_shape *shape, const float *blocked, float *planar);

#endif
