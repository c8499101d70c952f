/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_BELT_H
#define AVL_BASE_BELT_H

#include "base/err.h"

/* A belt on which things pass through stages, each done by a thread or more of its own: a few
 * slots, used over and over in a ring. Things enter every stage in the order in which they entered
 * the first, and a thing is handed on as soon as a stage has passed it. What a slot holds is the
 * caller's: whoever has taken it may use it until passing it. */
struct avl_belt;

int avl_belt_new(struct avl_belt **belt, int slots, int stages, struct avl_err *err);
void avl_belt_free(struct avl_belt *belt); /* NULL is allowed; no thread may be at it */

/* Waits for the next thing of STAGE and returns its slot (of stage 0: an empty slot); -1 where none
 * will come. A thread that is cancelled meanwhile ends behind that: stop the belt first. */
int avl_belt_take(struct avl_belt *belt, int stage);
/* STAGE is done with SLOT; behind the last stage it is empty again. */
void avl_belt_pass(struct avl_belt *belt, int stage, int slot);

/* Instead of passing the slot taken last, by the one thread of stage 0: nothing more comes. */
void avl_belt_end(struct avl_belt *belt);
/* Every take from now on, and every one that waits, gets -1. */
void avl_belt_stop(struct avl_belt *belt);

#endif
