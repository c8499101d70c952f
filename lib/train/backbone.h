/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_BACKBONE_H
#define AVL_TRAIN_BACKBONE_H

#include "net/graph.h"
#include "net/networks.h"
#include "train/augment.h"
#include "train/checkpoint.h"
#include "train/sample.h"

/* One of a model's two networks in training, with its front end: from the pictures of a batch to v,
 * or from its sounds to f_s, and back to the gradients of its parameters. Where nothing in it
 * learns it runs as in inference. */
struct avl_backbone;

struct avl_backbone_options {
	enum avl_stream stream;
	int batch;          /* records at most */
	int stored;         /* batch norms use their stored statistics, and leave them */
	const char *prefix; /* of the tensors' names, "image." or "sound." behind it; NULL: none */
	const char *freeze; /* names or their beginnings, by commas; NULL: none. Frozen batch norms
			     * use their stored statistics. */
	int frozen;         /* all of it */
	int direct;         /* no convolution by Winograd, which rounds a little differently */
	int moments;        /* that the optimiser keeps: 1 or 2 */
	enum avl_precision precision; /* of the maps (net/graph.h); parameters are in fp32 */
	struct avl_par *par;
};

/* CONTRACT is borrowed. AVL_ESHAPE where FILE does not have the network's tensors. */
int avl_backbone_new(struct avl_backbone **backbone, const struct avl_backbone_options *options,
		     const struct avl_contract *contract, const struct avl_safetensors *file,
		     struct avl_err *err);
void avl_backbone_free(struct avl_backbone *backbone); /* NULL is allowed */

/* Of v, or of f_s (rows and columns 1). */
struct avl_shape avl_backbone_output(const struct avl_backbone *backbone);
/* Whether anything in it learns. */
int avl_backbone_learns(const struct avl_backbone *backbone);
/* What learns, as the optimiser sees it: runs of the graph's parameters, which keep its layout. */
struct avl_param *avl_backbone_params(const struct avl_backbone *backbone, int *count);

/* Plans for batches of sounds like that of SAMPLE, so that avl_backbone_bytes tells what they need;
 * other lengths are planned for when they come. */
int avl_backbone_plan(struct avl_backbone *backbone, const struct avl_sample *sample,
		      struct avl_err *err);
/* Of parameters, gradients, moments and activations. */
size_t avl_backbone_bytes(const struct avl_backbone *backbone);

/* Makes v and region, or f_s and patches, of N samples; they stay until the next run. VARIATION
 * (n): how each is varied, NULL: not at all. EVALUATE: with stored statistics, and no way back. The
 * error names the record. */
int avl_backbone_run(struct avl_backbone *backbone, struct avl_sample *sample, int n,
		     const struct avl_variation *variation, int evaluate, struct avl_err *err);

/* The gradients of the parameters, given GRAD, that of what the last run made: planar, a map after
 * the other (pictures), or a patch after the other (sounds). */
void avl_backbone_backward(struct avl_backbone *backbone, const float *grad);

/* Moves the statistics of batch norms towards those of the last batch: 0.9 old + 0.1 new, as torch
 * does. */
void avl_backbone_settle(struct avl_backbone *backbone);

/* What a checkpoint keeps: the tensors of what learns, or of all where options.frozen, named PREFIX
 * "image." and so on, and the moments. */
int avl_backbone_save(const struct avl_backbone *backbone, const char *prefix,
		      struct avl_tensors *to, struct avl_err *err);
/* The gradients of the last backward, named as the tensors. */
int avl_backbone_gradients(const struct avl_backbone *backbone, struct avl_tensors *to,
			   struct avl_err *err);
/* The moments that a checkpoint kept. */
int avl_backbone_resume(struct avl_backbone *backbone, const struct avl_safetensors *file,
			struct avl_err *err);

/* For momentum networks: the parameters (not statistics) become KEEP times themselves plus the rest
 * of OF's, a backbone of the same network. */
void avl_backbone_follow(struct avl_backbone *backbone, const struct avl_backbone *of, double keep);

#endif
