/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_NETWORKS_H
#define AVL_CMD_TRAIN_NETWORKS_H

#include "train/trainer.h"

/* What avl-train trains: heads, and the networks of those streams that begin with pictures or
 * sounds. With --follow there are networks that follow these as well; they are then what the
 * checkpoint holds as the model, and those that learn stand in it as "online.NAME". What cannot be
 * done ends the command. */
struct networks {
	const struct avl_contract *contract;
	const struct avl_safetensors *init;
	bool resumed, follows;
	bool drops_names; /* the checkpoint leaves out what names INIT's units */
	int moments;
	struct avl_par *par;
	struct avl_heads heads, follower;
	struct avl_backbone *image, *sound, *follower_image, *follower_sound; /* NULL: none */
};

/* The heads; contract, init, resumed and par are set. */
void networks_open(struct networks *networks, const struct avl_trainer_options *options);
/* Then the networks of the streams that are RAW in SHAPE, whose rows and columns are set; LIKE: a
 * record, whose sound the plan is made for. */
void networks_add(struct networks *networks, struct avl_sample_shape *shape,
		  const struct avl_sample *like);
void networks_close(struct networks *networks);

struct avl_trainer_parts networks_parts(struct networks *networks);
/* Bytes of all but heads. */
size_t networks_bytes(const struct networks *networks);

/* What a checkpoint keeps of them, and the optimiser's moments back from it. */
void networks_save(const struct networks *networks, struct avl_tensors *to);
void networks_resume(struct networks *networks);

#endif
