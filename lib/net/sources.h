/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_SOURCES_H
#define AVL_NET_SOURCES_H

#include "base/arena.h"
#include "net/class_map.h"
#include "net/sound_head.h"

/* Several sounds through one microphone: the units that were heard, parted into the sources they
 * speak of. Units that look for the same thing in the picture (Dog, Bark, Animal) are one source.
 *
 * A unit's prominence is q times the root of the length of its row of FC2: between what was heard
 * best and what is specific, since the row of a general class, a mean of many, is short ("Animal"
 * before "Cat" in q, after it in prominence). Units are taken from the most prominent to the least.
 * Each joins the source whose embedding, the sum of what its units add to h, makes the smallest
 * angle with its own row, if the cosine is at least AVL_SOURCE_ALIKE or the model's class map,
 * where it has one, says that the unit is the source's founder in general; or else it founds one.
 */
#define AVL_SOURCE_ALIKE 0.25F

struct avl_source {
	int unit; /* that founded it, and names it; its q is how well the source was heard */
	float *q; /* (units): q where the unit is of this source, else 0 */
};

/* The sources of Q, the most prominent first, in *SOURCE and *COUNT; all from ARENA. */
int avl_sources_find(const struct avl_sound_head *head, const struct avl_class_map *classes,
		     const float *q, struct avl_arena *arena, struct avl_source **source,
		     int *count, struct avl_err *err);

#endif
