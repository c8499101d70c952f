/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_SOUND_HEAD_H
#define AVL_NET_SOUND_HEAD_H

#include "base/arena.h"
#include "io/contract.h"
#include "net/linear.h"

/* What turns the sound network's feature f_s into the embedding h, by the contract's head:
 *
 *   fc      q = pool over patches of activation(FC1 f_s)     "sound_fc1"
 *           h = FC2 q, of three layers FC3 ReLU(FC2 q)       "sound_fc2", "sound_fc3"
 *   linear  q = pool over patches of f_s
 *           h = W q + b, one after the other of each head    "sound_proj", or "sound_proj1" ...
 *   none    h = q = pool over patches of f_s
 *
 * The first is Senocak et al. 2018, section 3.2. Activations at or below the contract's floor count
 * as 0. */
struct avl_sound_head {
	const struct avl_contract *contract;
	struct avl_linear fc1; /* of fc */
	int units, channels;   /* of q and of h, all heads together */
	float *fc2;            /* (units, channels), of three layers (units, hidden); NULL: none */
	float *bias;           /* (channels), or (hidden); zeros where the file has none */
	int hidden;            /* of three layers; else 0 */
	float *fc3, *bias3;    /* (hidden, channels), (channels) */
	float *length;         /* (units): of each row of fc2; zeros where units mean nothing alone:
				  three layers, linear, none */
	struct avl_arena memory;
};

/* FEATURES: of f_s; CHANNELS: of what each head's embedding is compared with. */
int avl_sound_head_init(struct avl_sound_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, int features, int channels,
			struct avl_err *err);
void avl_sound_head_release(struct avl_sound_head *head);

/* Takes some patches of f_s (blocked, a patch a position) into the pool Q. BEFORE patches are in it
 * already, ALL will be. SCRATCH: a blocked map of UNITS channels for as many patches. */
void avl_sound_head_hear(const struct avl_sound_head *head, const struct avl_map *fs,
			 float *scratch, size_t before, size_t all, float *q, struct avl_par *par);

/* h of q. SCRATCH: HIDDEN floats. */
void avl_sound_head_embed(const struct avl_sound_head *head, const float *q, float *scratch,
			  float *h);

#endif
