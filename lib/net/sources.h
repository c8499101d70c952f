/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_SOURCES_H
#define AVL_NET_SOURCES_H

#include "base/arena.h"
#include "net/sound_head.h"

/* Several sounds through one microphone: the units that were heard, parted into the sources they
 * speak of. Units that look for the same thing in the picture (Dog, Bark, Animal) are one source.
 *
 * What a unit adds to h, q times its row of FC2, has a length: its share. Units are taken from the
 * largest share to the smallest, so that "Chicken" comes before "Animal", whose row is short. Each
 * joins the source whose embedding, the sum of its units' parts, makes the smallest angle with its
 * own row, if the cosine is at least AVL_SOURCE_ALIKE, or else founds one. */
#define AVL_SOURCE_ALIKE 0.25F

struct avl_source {
	int unit;    /* that founded it, and names it */
	float score; /* the largest q of its units */
	float share; /* its units' part of the shares of all, 0..1 */
	float *q;    /* (units): q where the unit is of this source, else 0 */
};

/* The sources of Q, the largest share first, in *SOURCE and *COUNT; all from ARENA. */
int avl_sources_find(const struct avl_sound_head *head, const float *q, struct avl_arena *arena,
		     struct avl_source **source, int *count, struct avl_err *err);

#endif
