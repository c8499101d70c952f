/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_LIST_H
#define AVL_MEDIA_LIST_H

#include "base/arena.h"
#include "base/err.h"

/* A list of what to extract: a text file of rows `key picture-or-video sound time`, fields apart
 * by one tab, "-" for none. Columns from the right may be missing. Empty rows and rows that begin
 * with # say nothing. */
struct avl_list_row {
	const char *wrong; /* why the row says nothing that can be done, or NULL: it can */
	const char *key;
	const char *picture; /* NULL: none */
	const char *sound;   /* NULL: the video's own */
	double time_s;       /* negative: none given */
};

struct avl_list {
	struct avl_list_row *row;
	int n;
	char *text;             /* what the rows point into */
	struct avl_arena notes; /* and the reasons */
};

/* PATH "-": stdin. A row that is wrong is kept with the reason, and spoils no other. */
int avl_list_read(struct avl_list *list, const char *path, struct avl_err *err);
void avl_list_release(struct avl_list *list);

#endif
