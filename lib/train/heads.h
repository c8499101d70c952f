/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_HEADS_H
#define AVL_TRAIN_HEADS_H

#include "base/arena.h"
#include "base/par.h"
#include "io/contract.h"
#include "train/optim.h"
#include "train/sample.h"

/* The layers that are trained on frozen backbones, forward and backward over a batch:
 *
 *   q = pool over patches of activation(sound_fc1 f_s), h = sound_fc2 q     (net/sound_head.h)
 *   f_v = image_fc2 ReLU(image_fc1 z)                      Senocak et al. 2018, section 3.4 */
enum avl_head_param {
	AVL_SOUND_FC1_WEIGHT,
	AVL_SOUND_FC1_BIAS,
	AVL_SOUND_FC2_WEIGHT,
	AVL_SOUND_FC2_BIAS,
	AVL_IMAGE_FC1_WEIGHT,
	AVL_IMAGE_FC1_BIAS,
	AVL_IMAGE_FC2_WEIGHT,
	AVL_IMAGE_FC2_BIAS,
	AVL_HEAD_PARAMS
};

struct avl_heads {
	enum avl_activation activation;
	float floor;
	enum avl_contract_pool pool;
	int features, units, channels; /* of f_s, q, h and v */
	int hidden;                    /* of the image head; 0: there is none */
	/* A parameter that the model does not have has count 0 and is frozen. */
	struct avl_param param[AVL_HEAD_PARAMS];
	struct avl_arena memory;
};

struct avl_heads_options {
	int fresh;          /* the sound head starts at random: ReLU, no floor */
	int units;          /* then: of its first layer, 0: as in the file */
	int image;          /* there is an image head; at random where the file has none */
	int hidden;         /* then: of its first layer */
	const char *freeze; /* names or their beginnings, by commas; NULL: none */
	int moments;        /* that the optimiser keeps: 1 or 2 */
	uint64_t seed;
};

/* Takes the heads out of FILE, in fp32. AVL_ESHAPE where they do not fit each other, AVL_EUSAGE
 * where a name in freeze begins no parameter that is there, or all are frozen. */
int avl_heads_init(struct avl_heads *heads, const struct avl_contract *contract,
		   const struct avl_safetensors *file, const struct avl_heads_options *options,
		   struct avl_err *err);
void avl_heads_release(struct avl_heads *heads);

/* What a batch leaves behind between forward and backward. */
struct avl_heads_run {
	const struct avl_heads *heads;
	struct avl_par *par;
	int batch;              /* records, as many as there is room for or fewer */
	int rows;               /* patches of all records */
	int *first;             /* (batch + 1): of each record */
	float *x;               /* (rows, features): f_s */
	float *u;               /* (rows, units): activations; then their gradient */
	int *winner;            /* (batch, units): which row the maximum came from */
	float *q, *h, *mean_fs; /* (batch, units), (batch, channels), (batch, features) */
	float *z, *hidden, *fv; /* (batch, channels), (batch, hidden), (batch, features) */
	float *grad_q, *grad_h, *grad_z, *grad_hidden, *grad_fv;
	float *turned;
	size_t rows_room;
	struct avl_arena memory;
};

int avl_heads_run_init(struct avl_heads_run *run, const struct avl_heads *heads, int batch,
		       struct avl_par *par, struct avl_err *err);
void avl_heads_run_release(struct avl_heads_run *run);

/* h, and the mean of f_s over its patches, of N records. */
int avl_heads_hear(struct avl_heads_run *run, const struct avl_sample *sample, int n,
		   struct avl_err *err);
/* f_v of run->z. */
void avl_heads_see(struct avl_heads_run *run);

/* From run->grad_fv: the gradients of the image head, and run->grad_z. */
void avl_heads_see_backward(struct avl_heads_run *run);
/* From run->grad_h: the gradients of the sound head. */
void avl_heads_hear_backward(struct avl_heads_run *run);

#endif
