/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_SINK_H
#define AVL_IO_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/err.h"

#define AVL_SINK_BUFFER ((size_t)1 << 16)

/* Bytes to a file descriptor, through gzip where wanted: without a time or a name, so that the same
 * bytes become the same. */
struct avl_sink {
	int fd, gzip;
	size_t used;
	z_stream z;
	unsigned char buffer[AVL_SINK_BUFFER];
};

int avl_sink_init(struct avl_sink *sink, int fd, int gzip, struct avl_err *err);
void avl_sink_release(struct avl_sink *sink);

int avl_sink_put(struct avl_sink *sink, const void *bytes, size_t n, struct avl_err *err);
/* Hands all that was put to the system, so that a reader gets it now. */
int avl_sink_flush(struct avl_sink *sink, struct avl_err *err);
/* The same, and ends the gzip data. */
int avl_sink_finish(struct avl_sink *sink, struct avl_err *err);

/* All N bytes, however many write(2) calls that takes. */
int avl_write_all(int fd, const void *bytes, size_t n, struct avl_err *err);

#endif
