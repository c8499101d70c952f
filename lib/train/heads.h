/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_HEADS_H
#define AVL_TRAIN_HEADS_H

#include "base/arena.h"
#include "base/par.h"
#include "io/contract.h"
#include "train/optim.h"
#include "train/sample.h"

/* What stands between the two networks and the score, forward and backward over a batch. By the
 * contract's head (net/sound_head.h, net/image_head.h), with u what h is compared with:
 *
 *   fc      q = pool over patches of activation(sound_fc1 f_s), h = sound_fc2 q, u = v,
 *           or of three layers h = sound_fc3 ReLU(sound_fc2 q)
 *   linear  q = pool over patches of f_s; of each head h = sound_proj q, u = image_proj v
 *   none    h = q = pool over patches of f_s, u = v
 *
 * and for losses that compare embeddings, with z a mean of v (Senocak et al. 2018, section 3.4),
 *
 *   f_v = image_fc2 ReLU(image_fc1 z) */
enum avl_head_param {
	AVL_SOUND_FC1_WEIGHT,
	AVL_SOUND_FC1_BIAS,
	AVL_SOUND_FC2_WEIGHT,
	AVL_SOUND_FC2_BIAS,
	AVL_IMAGE_FC1_WEIGHT,
	AVL_IMAGE_FC1_BIAS,
	AVL_IMAGE_FC2_WEIGHT,
	AVL_IMAGE_FC2_BIAS,
	AVL_PROJ, /* of each linear head: weight and bias of the picture's, then of the sound's */
	AVL_SOUND_FC3_WEIGHT =
	    AVL_PROJ + 4 * AVL_HEADS_MAX, /* last: streams of seeds are by place */
	AVL_SOUND_FC3_BIAS,
	AVL_HEAD_PARAMS
};

struct avl_heads {
	const char *prefix; /* of the tensors' names in the file they came from */
	enum avl_head_kind kind;
	enum avl_activation activation;
	float floor;
	enum avl_contract_pool pool;
	int count;           /* of pairs of u and h */
	int features, units; /* of f_s and q */
	int middle;          /* units behind fc's second layer of three; 0: it has two */
	int seen, channels;  /* of v, and of u and h */
	int hidden;          /* of the image head; 0: there is none */
	/* A parameter that the model does not have has count 0 and is frozen. */
	struct avl_param param[AVL_HEAD_PARAMS];
	struct avl_arena memory;
};

struct avl_heads_options {
	int fresh;          /* those not frozen start at random; fc then has ReLU, no floor, unless
			     * its first layer is frozen */
	int layers;         /* then: of fc, 0: as the contract says */
	int units;          /* then: of fc's layers but the last, 0: as in the file */
	int image;          /* there is an image head; at random where the file has none */
	int hidden;         /* then: of its first layer */
	int seen, features; /* of v and f_s, where there is no head to tell (none) */
	const char *prefix; /* of the tensors' names in the file; NULL: none */
	const char *freeze; /* names or their beginnings, by commas; NULL: none */
	int frozen;         /* all of them */
	int moments;        /* that the optimiser keeps: 1 or 2 */
	uint64_t seed;
};

/* Takes the heads out of FILE, in fp32. AVL_ESHAPE where they do not fit each other. */
int avl_heads_init(struct avl_heads *heads, const struct avl_contract *contract,
		   const struct avl_safetensors *file, const struct avl_heads_options *options,
		   struct avl_err *err);
void avl_heads_release(struct avl_heads *heads);

/* What a batch leaves behind between forward and backward. */
struct avl_heads_run {
	const struct avl_heads *heads;
	struct avl_par *par;
	int room, area, hears;
	int batch;              /* records, as many as there is room for or fewer */
	int rows;               /* patches of all records */
	int *first;             /* (batch + 1): of each record */
	float *x;               /* (rows, features): f_s */
	float *a;               /* (rows, units): activations of fc; then their gradient */
	int *winner;            /* (batch, units): which row the maximum came from */
	float *q, *mean_fs;     /* (batch, units), (batch, features) */
	float *m;               /* (batch, middle): the activations between the last two of three */
	float *h;               /* (count, batch, channels) */
	const float **v, **u;   /* (batch), (count, batch) */
	float *projected;       /* (count, batch, channels, area): u of linear heads */
	float *z, *hidden, *fv; /* (batch, seen), (batch, hidden), (batch, features) */
	/* Gradients, as what they are of. Those of v and f_s where they are wanted, else NULL. */
	float *grad_q, *grad_m, *grad_h, *grad_z, *grad_hidden, *grad_fv, *grad_mean_fs;
	float *grad_more; /* of q, by way of another head */
	float *grad_projected, *grad_seen;
	float **grad_v, **grad_u; /* grad_u: NULL where nobody wants it */
	float *grad_x;
	float *turned;
	size_t rows_room;
	struct avl_arena memory;
};

/* Room for batches of BATCH records with maps of AREA positions. HEARS: the gradient of f_s is
 * wanted; SEES: that of v. */
int avl_heads_run_init(struct avl_heads_run *run, const struct avl_heads *heads, int batch,
		       int area, int hears, int sees, struct avl_par *par, struct avl_err *err);
void avl_heads_run_release(struct avl_heads_run *run);

/* h, and the mean of f_s over its patches, of N records. */
int avl_heads_hear(struct avl_heads_run *run, const struct avl_sample *sample, int n,
		   struct avl_err *err);
/* u of run->v (n). */
void avl_heads_look(struct avl_heads_run *run, int n);
/* f_v of run->z. */
void avl_heads_see(struct avl_heads_run *run);

/* From run->grad_fv: the gradients of the image head, and run->grad_z. */
void avl_heads_see_backward(struct avl_heads_run *run);
/* From run->grad_u: the gradients of the picture's projections, and adds to run->grad_v. */
void avl_heads_look_backward(struct avl_heads_run *run);
/* From run->grad_h and, with EMBEDDED, run->grad_mean_fs: the gradients of the sound head, and
 * run->grad_x. */
void avl_heads_hear_backward(struct avl_heads_run *run, int embedded);

/* The fully connected layer whose weight is parameter WEIGHT. */
struct avl_dense;
struct avl_dense avl_heads_layer(const struct avl_heads *heads, int weight);

#endif
