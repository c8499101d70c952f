/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_STREAM_H
#define AVL_IO_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/tensor.h"
#include "io/json.h"

/* The stream that avl's commands pass to each other: a ustar archive of records, each a few .npy
 * members closed by a JSON seal; avl-stream(5) is the format's page. */

#define AVL_KEY_MAX     95
#define AVL_SUFFIX_MAX  31
#define AVL_MEMBERS_MAX 32

/* A member of a record: KEY.SUFFIX in the archive. */
struct avl_member {
	char suffix[AVL_SUFFIX_MAX + 1]; /* "frame.npy": lower case, no slash */
	struct avl_tensor tensor;        /* of an .npy member; dtype AVL_DTYPES for any other */
	const void *bytes;               /* the whole payload as it stands in the archive, or NULL
					    where only TENSOR is set (then the writer makes it) */
	size_t size;
	uint32_t crc32; /* of BYTES; the readers and avl_record_put_bytes set it, and the writer
			   passes it on, so that it guards the payload from end to end */
};

/* A record. Whoever fills it owns what the pointers name; avl_record_release frees what the
 * record itself holds (its arena and its seal). */
struct avl_record {
	char key[AVL_KEY_MAX + 1]; /* [A-Za-z0-9_-]+ */
	int nmembers;
	struct avl_member member[AVL_MEMBERS_MAX];
	struct avl_json *seal;  /* what is not a tensor, without "members" and "crc32" */
	struct avl_arena arena; /* payloads, and memory for whoever adds members */
};

#define AVL_PAYLOAD_LIMIT ((size_t)1 << 30) /* the default of avl_reader_open */

/* LIMIT: bytes the record's memory may ever take, 0 for no limit. */
void avl_record_init(struct avl_record *record, size_t limit);
void avl_record_reset(struct avl_record *record); /* empty, with a new seal; memory is kept */
void avl_record_release(struct avl_record *record);

/* The member of that suffix, or NULL. */
const struct avl_member *avl_record_find(const struct avl_record *record, const char *suffix);

/* Adds or replaces the member SUFFIX ("heat.npy"). The tensor's data is not copied and must stay
 * until the record has been written. */
int avl_record_put(struct avl_record *record, const char *suffix, const struct avl_tensor *tensor,
		   struct avl_err *err);

/* The same for bytes that are no tensor ("heat.png"). */
int avl_record_put_bytes(struct avl_record *record, const char *suffix, const void *bytes,
			 size_t size, struct avl_err *err);

/* --- reading ------------------------------------------------------------------------------------
 * A record is handed on as soon as its seal has been read, before any byte behind it arrives.
 * gzip is recognised and undone. Everything is verified: header sums, names, order, CRC-32s of
 * the seal and of every member, the end record; the first violation is an error that names the
 * stream, the record and the byte offset (of the archive, after gzip is undone), and ends the
 * stream. */
struct avl_reader;

/* FD is not closed. NAME, for messages, is copied. LIMIT: bytes all payloads of one record may
 * take, 0 for AVL_PAYLOAD_LIMIT. */
int avl_reader_open(struct avl_reader **reader, int fd, const char *name, size_t limit,
		    struct avl_err *err);
/* 1: *RECORD holds the next record, until the next call. 0: the end record was read, and nothing
 * but zeros follows. Negative: error. */
int avl_reader_next(struct avl_reader *reader, struct avl_record *record, struct avl_err *err);
/* The first member, __avl__/stream.json: NULL before the first call of avl_reader_next. */
const struct avl_json *avl_reader_header(const struct avl_reader *reader);
void avl_reader_close(struct avl_reader *reader); /* NULL is allowed */

/* --- writing ------------------------------------------------------------------------------------
 * Deterministic: the same records give the same bytes. */
struct avl_writer;

enum { AVL_WRITER_GZIP = 1 };

/* Writes __avl__/stream.json at once. PRODUCER is the command's name ("avl-extract"); SETTINGS
 * (borrowed, may be NULL) are copied into the header. FD is not closed. */
int avl_writer_open(struct avl_writer **writer, int fd, const char *name, const char *producer,
		    const struct avl_json *settings, int flags, struct avl_err *err);
/* Members in the order they were put, then the seal; on return all of it has been handed to the
 * system. The record's seal gets "members" and "crc32" in the archive, not in memory. */
int avl_writer_record(struct avl_writer *writer, const struct avl_record *record,
		      struct avl_err *err);
/* Writes the end record and frees the writer, also after an error. */
int avl_writer_close(struct avl_writer *writer, struct avl_err *err);
/* Frees the writer without an end record: what was written will be refused as cut off. */
void avl_writer_abandon(struct avl_writer *writer);

#endif
