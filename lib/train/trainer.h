/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_TRAINER_H
#define AVL_TRAIN_TRAINER_H

#include "base/rng.h"
#include "net/attention.h"
#include "train/backbone.h"
#include "train/heads.h"
#include "train/loss.h"
#include "train/match.h"

/* One step of training: from a batch of records to loss, gradients and new weights. The result
 * depends on the records, the weights, the seed and the number of the step alone. */

struct avl_trainer_options {
	const struct avl_loss *unsup, *sup; /* NULL: none; not both */
	double lambda;                      /* loss = unsup + lambda sup */
	enum avl_attention score;           /* of the map's softmax; pairs are always cosines */
	double temperature;                 /* of that softmax */
	double margin, tau;                 /* of unsup */
	int hardest;   /* embeddings: the negative is the nearest wrong sound, not a random one */
	int by_source; /* wrong sounds are those of another file, not just any other sound */
	double clip;   /* of the gradient's length; 0: none */
	struct avl_optim optim;
	int augment;    /* a sum of enum avl_augment */
	double dropout; /* share of v that is set to 0 in training, the rest growing accordingly */
	double follow;  /* momentum of the networks of avl_trainer_parts.target */
	uint64_t seed;
};

/* What is trained; all of it borrowed. */
struct avl_trainer_parts {
	struct avl_heads *heads;
	struct avl_backbone *image, *sound; /* NULL: records come with v, or f_s */
	/* Networks that follow those above and give the targets of the loss (SLAVC); heads NULL:
	 * none. Their backbones are there where those above learn. */
	struct {
		struct avl_heads *heads;
		struct avl_backbone *image, *sound;
	} target;
};

/* Means over a batch, or over several; NaN where there is nothing to take the mean of. */
struct avl_result {
	double loss, unsup, sup;
	double right;       /* share of records that prefer their own sound to another's */
	double pointing;    /* share of those with truth whose peak lies on it */
	double grad_norm;   /* before clipping */
	int records, known; /* of the batch, and those of them with truth */
	int bad;            /* the record where the loss or a gradient is not finite; -1: none */
};

struct avl_trainer {
	struct avl_trainer_options options;
	struct avl_trainer_parts parts;
	struct avl_param *param; /* all that learns */
	int nparams;
	struct avl_heads_run run, target; /* target: where there is one */
	struct avl_par *par;
	struct avl_sample *sample;       /* of the batch */
	struct avl_sample *twin;         /* (room): the same for the target */
	struct avl_variation *variation; /* (room) */
	int n, room;
	int rows, cols, area;
	uint32_t *group; /* (n): no sound of a record's own group is a wrong one for it */
	int *other;      /* (n): a record of another group; the record itself: there is none */
	int *negative;   /* (n): what the loss compares with */
	/* Pictures against sounds, of each head; with a target the pictures of the online network
	 * against the target's sounds, and BACK the other way round. */
	struct avl_match match[AVL_HEADS_MAX], back[AVL_HEADS_MAX];
	float *mean, *grad_mean; /* as the matches' scores: the mean over heads; several: (n, n) */
	float *own, *grad_own;   /* (n, area) */
	float *alpha, *grad_alpha; /* (n, area) */
	float *truth;              /* (n, area) */
	float *dropped;            /* (n, seen, area): v after dropout; with a target twice */
	unsigned char *kept;       /* the same: what is not dropped */
	const float **known;       /* (n) */
	double *scratch, *value;
	struct avl_arena memory;
};

/* Room for batches of BATCH records whose maps are ROWS x COLS. PAR is borrowed. */
int avl_trainer_init(struct avl_trainer *trainer, const struct avl_trainer_options *options,
		     const struct avl_trainer_parts *parts, int batch, int rows, int cols,
		     struct avl_par *par, struct avl_err *err);
void avl_trainer_release(struct avl_trainer *trainer);

enum avl_look {
	AVL_LOOK_EVALUATE, /* as what is trained would answer: nothing varied, stored statistics */
	AVL_LOOK_TRAIN,    /* as a step does it, but without gradients */
	AVL_LOOK_GRADIENT, /* with them */
};

/* Loss and gradients of N samples, whose v, f_s, patches and region are made where the parts have a
 * network for them. RNG draws variations, other sounds and annotators. Without gradients
 * result.grad_norm is NaN. */
int avl_trainer_look(struct avl_trainer *trainer, struct avl_sample *sample, int n,
		     struct avl_rng *rng, enum avl_look look, struct avl_result *result,
		     struct avl_err *err);
/* The same, then clipping and the optimiser's step number STEP (from 1) at RATE, unless
 * result.bad says that nothing may be learnt from this. */
int avl_trainer_step(struct avl_trainer *trainer, struct avl_sample *sample, int n, int64_t step,
		     double rate, struct avl_result *result, struct avl_err *err);

/* Takes ONE into the means of ALL, which begins as zeros. */
void avl_result_add(struct avl_result *all, const struct avl_result *one);

#endif
