/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_SOURCE_H
#define AVL_MEDIA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The bytes of one media file, behind one descriptor that is read by position only, so that any
 * number of readers may use it at once. */
struct avl_source {
	int fd; /* -1: closed */
	int64_t size;
};

/* "-" is stdin. A pipe is copied to an unlinked temporary file first. */
int avl_source_open(struct avl_source *source, const char *path, struct avl_err *err);
void avl_source_close(struct avl_source *source);

/* Reads up to N bytes from OFFSET: what was there, 0 at the end, -1 with errno. */
int64_t avl_source_read(const struct avl_source *source, int64_t offset, void *bytes, size_t n);

#endif
