/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_TRAINER_H
#define AVL_TRAIN_TRAINER_H

#include "base/rng.h"
#include "net/attention.h"
#include "train/heads.h"
#include "train/loss.h"

/* One step of training the heads: from a batch of records to loss, gradients and new weights. The
 * result depends on the records, the weights, the seed and the number of the step alone. */

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
	uint64_t seed;
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
	struct avl_heads *heads;
	struct avl_heads_run run;
	struct avl_par *par;
	const struct avl_sample *sample; /* of the batch */
	int n, room;
	int rows, cols, area;
	int sounds;      /* that each picture is scored with: the batch's, or its own and another */
	uint32_t *group; /* (n): no sound of a record's own group is a wrong one for it */
	int *other;      /* (n): a record of another group; the record itself: there is none */
	int *negative;   /* (n): what the loss compares with */
	float *norm;     /* (n, area) */
	float *unit, *length;      /* (n, channels), (n): of h */
	float *score;              /* (n, sounds, area) */
	float *slope;              /* as score */
	float *grad_score;         /* as score */
	float *own, *grad_own;     /* (n, area) */
	float *alpha, *grad_alpha; /* (n, area) */
	float *truth;              /* (n, area) */
	const float **known;       /* (n) */
	float *part;               /* (channel blocks, n, block): of grad_h */
	double *scratch, *value;
	struct avl_arena memory;
};

/* Room for batches of BATCH records whose maps are ROWS x COLS. HEADS and PAR are borrowed. */
int avl_trainer_init(struct avl_trainer *trainer, const struct avl_trainer_options *options,
		     struct avl_heads *heads, int batch, int rows, int cols, struct avl_par *par,
		     struct avl_err *err);
void avl_trainer_release(struct avl_trainer *trainer);

/* Loss and gradients of N samples. RNG draws other sounds and annotators. GRADIENT 0: no
 * gradients, and result.grad_norm is NaN. */
int avl_trainer_look(struct avl_trainer *trainer, const struct avl_sample *sample, int n,
		     struct avl_rng *rng, int gradient, struct avl_result *result,
		     struct avl_err *err);
/* The same, then clipping and the optimiser's step number STEP (from 1) at RATE, unless
 * result.bad says that nothing may be learnt from this. */
int avl_trainer_step(struct avl_trainer *trainer, const struct avl_sample *sample, int n,
		     int64_t step, double rate, struct avl_result *result, struct avl_err *err);

/* Takes ONE into the means of ALL, which begins as zeros. */
void avl_result_add(struct avl_result *all, const struct avl_result *one);

#endif
