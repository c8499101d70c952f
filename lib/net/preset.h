/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_PRESET_H
#define AVL_NET_PRESET_H

#include "io/contract.h"

/* The contracts of published methods, as their official code has them, and of the default model. */
struct avl_preset {
	const char *summary; /* the publication */
	struct avl_contract contract;
};

/* The I-th preset, NULL behind the last. */
const struct avl_preset *avl_preset_at(int i);

/* NULL: there is none of that name. */
const struct avl_preset *avl_preset_find(const char *name);

/* What a new model of NAME, a preset or an architecture IMAGE+SOUND, is to have. An architecture
 * gets the input that its networks are known with, the paper's two fully connected layers, and the
 * cosine as score. AVL_EUSAGE where it is neither. */
int avl_preset_contract(struct avl_contract *contract, const char *name, struct avl_err *err);

#endif
