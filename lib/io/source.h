/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_SOURCE_H
#define AVL_IO_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/err.h"

#define AVL_SOURCE_BUFFER ((size_t)1 << 16)

/* Bytes from a file descriptor, gzip undone where it is found. Waits for input only while nothing
 * of what was asked for is there; nothing is read ahead that would have to be waited for. */
struct avl_source {
	int fd;
	size_t at, end;  /* what BUFFER holds and has not been used */
	uint64_t offset; /* bytes handed out so far */
	enum { AVL_SOURCE_UNKNOWN, AVL_SOURCE_PLAIN, AVL_SOURCE_GZIP } kind;
	int between; /* gzip: no member is open */
	z_stream z;
	unsigned char buffer[AVL_SOURCE_BUFFER];
};

void avl_source_init(struct avl_source *source, int fd);
void avl_source_release(struct avl_source *source);

/* N bytes into DST, fewer only at the end of the input: *GOT says how many. */
int avl_source_read(struct avl_source *source, void *dst, size_t n, size_t *got,
		    struct avl_err *err);

#endif
