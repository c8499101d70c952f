/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_PARAMETERS_H
#define AVL_NET_PARAMETERS_H

#include "base/tensor.h"
#include "io/contract.h"

/* The tensors that a model of a contract consists of, as its checkpoint names them: those of the
 * image network behind "image.", of the sound network behind "sound.", then the heads
 * (avl-model(5)).
 */

enum avl_parameter_role {
	AVL_PARAMETER_WEIGHT, /* of a convolution or a fully connected layer */
	AVL_PARAMETER_BIAS,
	AVL_PARAMETER_SCALE, /* of a batch norm, as the rest */
	AVL_PARAMETER_SHIFT,
	AVL_PARAMETER_MEAN,
	AVL_PARAMETER_VARIANCE,
};

struct avl_parameter {
	char name[96];
	enum avl_parameter_role role;
	int ndim;
	int64_t dim[4];
	int fan_in;        /* inputs that an output of the layer sums: of weights and biases */
	int for_training;  /* only training needs it: a checkpoint may lack it */
	int may_be_absent; /* a bias whose absence means zeros */
};

struct avl_parameters {
	struct avl_parameter *at; /* owned */
	int count, room;
};

/* HIDDEN: units behind the first and, of three, behind the second of the sound's fully connected
 * layers, 0: as many as f_s has values; NULL: so are both.
 * AVL_EUSAGE for an architecture that does not exist, AVL_ESHAPE for heads that do not fit it. */
int avl_parameters_list(struct avl_parameters *list, const struct avl_contract *contract,
			const int hidden[2], struct avl_err *err);
void avl_parameters_release(struct avl_parameters *list);

size_t avl_parameter_count(const struct avl_parameter *parameter);

/* The values a new model begins with, from the generator of base/rng.h for SEED and the stream of
 * the tensor's name (its CRC-32): weights uniform within sqrt(6 / fan_in) (He et al. 2015), those
 * of heads and all biases within 1 / sqrt(fan_in), as torch.nn.Linear; shifts and means 0, scales
 * and variances 1. */
void avl_parameter_init(const struct avl_parameter *parameter, uint64_t seed, float *values);

#endif
