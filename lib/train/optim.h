/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_OPTIM_H
#define AVL_TRAIN_OPTIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/par.h"

/* A parameter of a network as the optimiser sees it: a flat block of floats, its gradient, and what
 * the optimiser remembers of it. Whoever makes the block owns the memory. */
struct avl_param {
	const char *name; /* of the tensor in a checkpoint */
	int ndim, dim[4];
	size_t count;
	int frozen;    /* never changed; grad and state may be NULL */
	float *value;  /* as many as count */
	float *grad;   /* the same */
	float *first;  /* first moment, or momentum */
	float *second; /* second moment; not used by SGD */
};

enum avl_optim_kind { AVL_OPTIM_ADAM, AVL_OPTIM_ADAMW, AVL_OPTIM_SGD };

/* The update rules are PyTorch's (Kingma & Ba 2015; Loshchilov & Hutter 2019):
 *   adam   g += decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *          w -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *   adamw  w -= rate decay w; then as adam without decay in g
 *   sgd    g += decay w;  m = momentum m + g (g at the first step);  w -= rate m */
struct avl_optim {
	enum avl_optim_kind kind;
	double beta1, beta2, eps; /* usual: 0.9, 0.999, 1e-8 */
	double momentum;
	double decay;
	struct avl_par *par; /* borrowed, may be NULL; every element is on its own, so that no bit
				depends on it */
};

/* STEP counts from 1. */
void avl_optim_step(const struct avl_optim *optim, struct avl_param *param, int nparams,
		    int64_t step, double rate);

/* The length of the gradient of all parameters that are not frozen. */
double avl_grad_norm(const struct avl_param *param, int nparams);
/* Multiplies them all by FACTOR. */
void avl_grad_scale(struct avl_param *param, int nparams, double factor);

/* How the rate changes with the step: over the first WARMUP steps it rises linearly, then it stays,
 * falls to 0 along half a cosine up to TOTAL, or is multiplied by GAMMA every EVERY steps. */
enum avl_schedule_kind { AVL_SCHEDULE_CONSTANT, AVL_SCHEDULE_COSINE, AVL_SCHEDULE_STEP };

struct avl_schedule {
	enum avl_schedule_kind kind;
	double rate, gamma;
	int64_t warmup, every, total;
};

/* STEP counts from 1. */
double avl_schedule_rate(const struct avl_schedule *schedule, int64_t step);

#endif
