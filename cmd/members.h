/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_MEMBERS_H
#define AVL_CMD_MEMBERS_H

#include <stdbool.h>

#include "io/stream.h"

/* Members named by an option: LIST is "frame,audio.npy", the ending may be left out. NULL: none. */

bool avl_members_list(const char *list, const char *suffix); /* whether SUFFIX is named */
/* Takes those that are named out of RECORD. */
void avl_members_drop(struct avl_record *record, const char *list);

#endif
