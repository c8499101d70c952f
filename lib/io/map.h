/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_MAP_H
#define AVL_IO_MAP_H

#include <stddef.h>

#include "base/err.h"

/* A whole file, mapped to be read. Bytes of a file that is cut short while it is mapped are gone,
 * and touching them ends the process. */
struct avl_map {
	const unsigned char *bytes; /* at the start of a page */
	size_t size;                /* > 0 */
};

/* Refuses what is not a regular file, and an empty one. */
int avl_map_open(struct avl_map *map, const char *path, struct avl_err *err);
void avl_map_close(struct avl_map *map);

#endif
