/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_SOUND_HEAD_H
#define AVL_NET_SOUND_HEAD_H

#include "base/arena.h"
#include "io/contract.h"
#include "net/linear.h"

/* The two fully connected layers that turn what the sound network gives into the embedding
 * (Senocak et al. 2018, section 3.2):
 *
 *   q = pool over patches of activation(FC1 f_s)      "sound_fc1"; the contract's head
 *   h = FC2 q                                         "sound_fc2"
 *
 * Activations at or below the contract's floor count as 0. */
struct avl_sound_head {
	const struct avl_contract *contract;
	struct avl_linear fc1;
	int units, channels;
	float *fc2;    /* (units, channels) */
	float *bias;   /* (channels); zeros where the file has none */
	float *length; /* (units): of each row of fc2 */
	struct avl_arena memory;
};

/* FEATURES: of f_s; CHANNELS: of v. */
int avl_sound_head_init(struct avl_sound_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, int features, int channels,
			struct avl_err *err);
void avl_sound_head_release(struct avl_sound_head *head);

/* FC1's output for some patches, in place: activation and floor. X: blocked, a patch a position. */
void avl_sound_head_activate(const struct avl_sound_head *head, struct avl_map *x);

/* Takes the N patches of X into the pool Q; BEFORE patches are in it already, ALL will be. */
void avl_sound_head_pool(const struct avl_sound_head *head, const struct avl_map *x, size_t before,
			 size_t all, float *q);

/* h of q. */
void avl_sound_head_embed(const struct avl_sound_head *head, const float *q, float *h);

#endif
