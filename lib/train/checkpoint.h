/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_CHECKPOINT_H
#define AVL_TRAIN_CHECKPOINT_H

#include "io/safetensors.h"
#include "train/optim.h"

/* Checkpoints are model files (avl-model(5)) that hold the state of their training as well: each
 * parameter NAME that is trained has the optimiser's moments beside it as "optim.first.NAME" and
 * "optim.second.NAME", and the metadata entry "avl.training" is JSON text:
 *
 *   {"format":1,"step":120,"settings":{...},"best":{"step":100,"loss":0.25}}
 *
 * Order of the records, learning rate and all random draws follow from the step and the settings.
 * No path and no time of day is in it: the same training gives the same bytes. */

struct avl_training {
	int64_t step;
	int64_t best_step; /* 0: nothing has been validated */
	double best_loss;
	struct avl_json *settings; /* an object, compared at --resume */
};

/* Changes to a contract: the text of INIT's with score and temperature, and with FRESH also
 * activation and floor, set anew. Malloc'd, NULL: out of memory, or INIT has none that can be
 * read. */
char *avl_checkpoint_contract(const struct avl_safetensors *init, const char *score,
			      double temperature, int fresh);

/* Writes to FD what INIT holds, with the parameters (those not frozen as F32) in the place of its
 * tensors of their names, and CONTRACT in the place of its contract, but not what was fitted to
 * other weights ("avl.sure"). FRESH: without what names the
 * units of the first layer ("class_map.*", "avl.classes"). */
int avl_checkpoint_write(int fd, const struct avl_safetensors *init, const char *contract,
			 int fresh, const struct avl_param *param, int nparams,
			 const struct avl_training *training, struct avl_err *err);

/* The training state of a checkpoint; settings belong to the caller. AVL_ENONE where FILE is a
 * model without one. */
int avl_training_read(struct avl_training *training, const struct avl_safetensors *file,
		      struct avl_err *err);
/* The moments of the parameters that are not frozen (values are read as of any model). */
int avl_moments_read(struct avl_param *param, int nparams, const struct avl_safetensors *file,
		     struct avl_err *err);

#endif
