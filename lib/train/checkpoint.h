/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_CHECKPOINT_H
#define AVL_TRAIN_CHECKPOINT_H

#include "base/arena.h"
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

/* Changes to a contract: the text of INIT's with score and temperature, with FRESH also activation
 * and floor, and where LAYERS is not 0 those of the sound's head, set anew. Malloc'd, NULL: out of
 * memory, or INIT has none that can be read. */
char *avl_checkpoint_contract(const struct avl_safetensors *init, const char *score,
			      double temperature, int fresh, int layers);

#define AVL_MOMENT_FIRST  "optim.first."
#define AVL_MOMENT_SECOND "optim.second."

/* Tensors on their way into a checkpoint, and memory for names and for what is made for them. */
struct avl_tensors {
	struct avl_safetensor *at;
	int count, room;
	struct avl_arena memory;
};

void avl_tensors_init(struct avl_tensors *tensors);
void avl_tensors_release(struct avl_tensors *tensors);

/* Adds TENSOR, whose data is borrowed, as PREFIX NAME. */
int avl_tensors_add(struct avl_tensors *tensors, const char *prefix, const char *name,
		    const struct avl_tensor *tensor, struct avl_err *err);
/* Adds a parameter as PREFIX NAME, and its moments where it is not frozen. */
int avl_tensors_add_param(struct avl_tensors *tensors, const char *prefix,
			  const struct avl_param *param, struct avl_err *err);

/* Writes to FD what INIT holds, with the tensors MADE in the place of those of their names, and
 * CONTRACT in the place of its contract, but no state of an older training and not what was fitted
 * to other weights ("avl.sure"). FRESH: without what names the units of the first layer
 * ("class_map.*", "avl.classes") and without the layers of the sound's head. */
int avl_checkpoint_write(int fd, const struct avl_safetensors *init, const char *contract,
			 int fresh, const struct avl_tensors *made,
			 const struct avl_training *training, struct avl_err *err);

/* The training state of a checkpoint; settings belong to the caller. AVL_ENONE where FILE is a
 * model without one. */
int avl_training_read(struct avl_training *training, const struct avl_safetensors *file,
		      struct avl_err *err);
/* The moments of the parameters that are not frozen (values are read as of any model), and those of
 * one tensor, PREFIX NAME of COUNT floats. */
int avl_moments_read(struct avl_param *param, int nparams, const struct avl_safetensors *file,
		     struct avl_err *err);
int avl_moment_read(const struct avl_safetensors *file, const char *prefix, const char *name,
		    size_t count, float *moment, struct avl_err *err);

#endif
