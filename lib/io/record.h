/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_RECORD_H
#define AVL_IO_RECORD_H

#include "io/stream.h"
#include "io/tar.h"

/* What the stream's reader, writer and index share about records; the rest of avl has stream.h. */

#define AVL_HEADER_NAME "__avl__/stream.json"
#define AVL_SEAL_MAX    ((size_t)1 << 24) /* bytes of a seal or a stream header */

/* 1 where TEXT is a key ([A-Za-z0-9_-]+) or a suffix (lower-case letters, digits, _ and -, in parts
 * joined by single dots) and not too long. */
int avl_key_valid(const char *text);
int avl_suffix_valid(const char *text);

/* Takes the name of an archive member apart at its first dot. */
int avl_name_split(const char *name, char key[AVL_KEY_MAX + 1], char suffix[AVL_SUFFIX_MAX + 1],
		   struct avl_err *err);

/* 1 where members of that suffix are NumPy arrays. */
int avl_suffix_is_npy(const char *suffix);

/* Adds the member SUFFIX, whose payload was read from an archive; refuses a second of that name.
 * The tensor of a .npy member is made; where its data would lie at an odd address the record's
 * arena gets an aligned copy. */
int avl_record_take(struct avl_record *record, const char *suffix, const void *bytes, size_t size,
		    uint32_t crc32, struct avl_err *err);

/* CRC-32 (ISO 3309, as zlib and gzip have it) of N bytes that follow those of CRC (0: none). */
uint32_t avl_crc32(uint32_t crc, const void *bytes, size_t n);
/* That of two blocks put together, of which the second has N bytes. */
uint32_t avl_crc32_join(uint32_t first, uint32_t second, size_t n);

/* Reads N bytes of sealed JSON: its last field must be the "crc32" of the bytes before. The object
 * comes without that field. */
int avl_seal_parse(struct avl_json **seal, const char *text, size_t n, struct avl_err *err);

/* The sealed text of an object, which is used up; malloc'd. */
int avl_seal_dump(struct avl_json *object, char **text, size_t *n, struct avl_err *err);

/* Holds the seal's "members" against the record's, which all must have BYTES, and removes it. */
int avl_seal_verify(struct avl_json *seal, const struct avl_record *record, struct avl_err *err);

/* A copy of the record's seal with "members" as given; NULL when memory is exhausted. */
struct avl_json *avl_seal_make(const struct avl_record *record, const uint64_t *size,
			       const uint32_t *crc32);

/* The order of an archive's members, which the reader and the index watch over alike. */
struct avl_order {
	size_t limit;              /* bytes the payloads of a record may take; set by the user */
	size_t left;               /* of them, for the record that is open */
	char key[AVL_KEY_MAX + 1]; /* of the record that is open; empty: none is */
	char last[AVL_KEY_MAX + 1];
	char suffix[AVL_SUFFIX_MAX + 1]; /* of the member given last */
};

/* The next member of the archive. 1: it is the seal, 0: another, negative: it breaks a rule. */
int avl_order_member(struct avl_order *order, const char *name, uint64_t size, struct avl_err *err);
/* The seal has been dealt with: another record may begin. */
void avl_order_close(struct avl_order *order);
/* The end of the archive, where no record may be open. */
int avl_order_end(const struct avl_order *order, struct avl_err *err);
/* The first member (FOUND: there is one) must be the stream's header. */
int avl_order_header(const struct avl_tar_entry *entry, int found, struct avl_err *err);
/* Puts the stream's name, the open record's key and the offset before the text of the error, and
 * returns RC. */
int avl_order_locate(const struct avl_order *order, const char *name, uint64_t offset, int rc,
		     struct avl_err *err);

/* Checks that a stream header says a format and version that this code knows. */
int avl_header_verify(const struct avl_json *header, struct avl_err *err);

#endif
