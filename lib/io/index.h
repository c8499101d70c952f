/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_INDEX_H
#define AVL_IO_INDEX_H

#include <stdint.h>

#include "io/stream.h"

/* A stream in a file, for taking its records in any order and more than once: mapped, and indexed
 * by a scan that reads headers and passes over payloads. 16 bytes of memory a record. */
struct avl_index;

/* PATH must be a regular file and not compressed. Every tar header, the order of the members, the
 * stream's own header and the end record are verified; seals and payloads are at avl_index_read.
 * LIMIT as for avl_reader_open. The file must not be changed while it is open: the pages of a file
 * that is cut short are gone, and touching them ends the process. */
int avl_index_open(struct avl_index **index, const char *path, size_t limit, struct avl_err *err);
void avl_index_close(struct avl_index *index); /* NULL is allowed */

int64_t avl_index_count(const struct avl_index *index);
const struct avl_json *avl_index_header(const struct avl_index *index);

/* The key of record I, 0 <= I < count. */
void avl_index_key(const struct avl_index *index, int64_t i, char key[AVL_KEY_MAX + 1]);

/* Record I, as avl_reader_next gives it, but its payloads lie in the mapping (read only) and stay
 * until the index is closed. The seal is verified every time, each payload's CRC-32 the first time.
 * Different threads may read at once, each into a record of its own. */
int avl_index_read(struct avl_index *index, int64_t i, struct avl_record *record,
		   struct avl_err *err);

#endif
