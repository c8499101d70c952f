/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_GRAPH_H
#define AVL_NET_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/par.h"
#include "io/safetensors.h"
#include "ops/ops.h"

/* A network is a const table of rows, one op each, as its paper's table lists them. The graph reads
 * the table once: it fuses what inference may fuse (batch norm into the convolution before it, then
 * an addition and an activation behind it; convolutions into one op where what lies between them
 * need not be kept), packs the parameters, and lays the activations out in
 * one block, memory being used again as soon as no later row needs it. Running allocates nothing.
 * Only convolutions may read the input, which is planar. */

struct avl_layer {
	const struct avl_op *op;
	struct avl_attr attr;
	const char *param; /* of its parameters in a checkpoint, the name before ".weight" */
	int back;          /* 0: the input is the row before; n: n rows before that one */
	int other;         /* second input of an addition: rows before the row before */
	const char *name;  /* of this row's output, where somebody asks for it */
};

struct avl_network {
	const char *name;
	int planar_channels; /* input planes; the first row reads planar pictures */
	const struct avl_layer *layers;
	int count;
};

struct avl_graph;

/* Of a network's arithmetic. In bf16, convolutions multiply numbers of bfloat16 (8 significant
 * bits) and add in fp32; maps between layers are in bf16; a convolution stays in fp32 where it
 * is faster so (ops/winograd.h). The output is in fp32 always.
 *
 * In training, bf16 means: maps and their gradients are in bf16, the last one's too, of which the
 * output is a copy; a convolution multiplies weights rounded to bf16, or by Winograd's way works in
 * fp32 on what it reads; parameters, their gradients, statistics of batch norms and all sums are in
 * fp32. Maps that an op reads or writes which has no such backward (the depthwise convolution), and
 * those joined to them by other ops, stay in fp32. */
enum avl_precision { AVL_FP32, AVL_BF16 };

/* Floats that activations and scratch memory of a graph may take (4 GiB): a model file says how
 * large its pictures are, and may say anything. */
#define AVL_GRAPH_FLOATS_MAX ((size_t)1 << 30)

struct avl_graph_options {
	struct avl_shape in; /* the largest n that will be run; c h w are fixed */
	const char *prefix;  /* of the parameters' names: "image." */
	int keep;            /* every row's output stays until the next run (for tests) */
	int direct;          /* no convolution by Winograd, which rounds a little differently */
	int late; /* it may be run but once: what is large is made ready only when it runs again,
		     and FILE stays open while avl_graph_is_late. Outputs are the same bit for bit.
		   */
	enum avl_precision precision;
	int train;  /* what backward needs is kept, and it may be called */
	int stored; /* training with the batch norms' stored statistics, which then stay as they are
		     */
	struct avl_par *par; /* borrowed, may be NULL */
};

/* Plans NET for the shape and takes its parameters from FILE (not needed any more on return, but
 * for options.late). FILE may be NULL: they are zeros until avl_graph_pack. AVL_ESHAPE names a
 * tensor that is missing or has another shape than the network needs; AVL_ELIMIT: the input is too
 * large. */
int avl_graph_new(struct avl_graph **graph, const struct avl_network *net,
		  const struct avl_graph_options *options, const struct avl_safetensors *file,
		  struct avl_err *err);
void avl_graph_free(struct avl_graph *graph); /* NULL is allowed */

/* Plans the same network, with the parameters it has, for pictures of another size: n h w of IN (c
 * is fixed). Nothing happens where that is the size already. After a failure the graph can only be
 * reshaped again or freed. */
int avl_graph_reshape(struct avl_graph *graph, const struct avl_shape *in, struct avl_err *err);

/* Where the input goes: planar, [n][c][h][w] of the planned shape. */
float *avl_graph_input(struct avl_graph *graph);

/* Whether parameters are still taken from the file. */
int avl_graph_is_late(const struct avl_graph *graph);
/* After a first run with options.late: tells FILE, the same, the sums of what that has read. */
void avl_graph_say_sums(const struct avl_graph *graph, struct avl_safetensors *file);

/* Runs the first N pictures of the input. The output, blocked, belongs to the graph and stays until
 * the next run. */
const struct avl_map *avl_graph_run(struct avl_graph *graph, int n);

/* --- training: options.train --- */

/* All parameters of a graph in one block, as its ops pack them, and their gradients. Numbers that
 * pad a block of channels are 0, and so are their gradients; so are the gradients of a batch norm's
 * statistics. */
struct avl_graph_parameters {
	float *value, *gradient;
	size_t count;
};

struct avl_graph_parameters avl_graph_parameters(const struct avl_graph *graph);

/* Keeps from training the parameters of all rows whose name in a checkpoint (options.prefix and the
 * row's param) begins with NAME, or that NAME is a tensor of: their gradients stay as they are, and
 * below the lowest row that is trained nothing is computed backwards. Returns how many rows that
 * froze. Statistics of a frozen batch norm move all the same unless options.stored. */
int avl_graph_freeze(struct avl_graph *graph, const char *name);

/* Makes the batch norms among those rows normalise with their stored statistics, which then stay.
 */
void avl_graph_still(struct avl_graph *graph, const char *name);

/* With ON, runs are for looking only: all batch norms use their stored statistics, and backward may
 * not be called. */
void avl_graph_evaluate(struct avl_graph *graph, int on);

/* The runs of floats in that block which training changes: neither frozen nor statistics. Writes
 * them to RANGES unless that is NULL and returns how many there are. */
struct avl_graph_range {
	size_t first, count;
};

int avl_graph_ranges(const struct avl_graph *graph, struct avl_graph_range *ranges);

/* A tensor of the parameters, named and shaped as in a checkpoint. A flat block holds them all,
 * each in C order at its place. */
struct avl_graph_tensor {
	char name[96];
	int ndim;
	int64_t dim[4];
	size_t first, count; /* in a flat block, floats */
	int statistic;       /* of a batch norm: has no gradient */
	int frozen;
};

/* Writes them to TENSORS unless that is NULL and returns how many there are; FLOATS, unless NULL:
 * the size of a flat block. */
int avl_graph_tensors(const struct avl_graph *graph, struct avl_graph_tensor *tensors,
		      size_t *floats);

/* Between a block laid out as the graph's parameters (the values, their gradients, an optimiser's
 * moments) and a flat block. */
void avl_graph_unpack(const struct avl_graph *graph, const float *block, float *flat);
void avl_graph_pack(const struct avl_graph *graph, const float *flat, float *block);

/* After a run: adds to the parameters' gradients those of a loss whose gradient with respect to the
 * output is DOUT, blocked, of the shape that the run gave. */
void avl_graph_backward(struct avl_graph *graph, const float *dout);

/* After a run: moves the statistics of all batch norms towards those of the batch; nothing happens
 * where options.stored. */
void avl_graph_move_statistics(struct avl_graph *graph, float momentum);

/* Shape of the output for one picture. */
struct avl_shape avl_graph_output(const struct avl_graph *graph);

/* The output of the row NAME after a run; NULL where there is none, or where it has been
 * overwritten since (without keep) or fused away. */
const struct avl_map *avl_graph_find(const struct avl_graph *graph, const char *name);

/* Bytes of the parameters and of the activations; in training of their gradients as well, and of
 * what backward works with. */
size_t avl_graph_bytes(const struct avl_graph *graph);

#endif
