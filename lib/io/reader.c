/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "io/record.h"
#include "io/source.h"

struct avl_reader {
	struct avl_order order;
	size_t padding;  /* zeros due before the next header */
	uint64_t member; /* offset of the header that is being dealt with */
	int over;        /* 1: ended well; negative: the code of the error */
	struct avl_json *header;
	char *name;
	struct avl_source source;
};

int avl_reader_open(struct avl_reader **out, int fd, const char *name, size_t limit,
		    struct avl_err *err)
{
	struct avl_reader *const reader = calloc(1, sizeof *reader);
	char *const copy = strdup(name);
	*out = NULL;
	if (!reader || !copy) {
		free(reader);
		free(copy);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	reader->order.limit = limit ? limit : AVL_PAYLOAD_LIMIT;
	reader->name = copy;
	avl_source_init(&reader->source, fd);
	*out = reader;
	return 0;
}

void avl_reader_close(struct avl_reader *reader)
{
	if (!reader)
		return;
	avl_source_release(&reader->source);
	avl_json_free(reader->header);
	free(reader->name);
	free(reader);
}

const struct avl_json *avl_reader_header(const struct avl_reader *reader)
{
	return reader->header;
}

/* N bytes, all of them. */
static int read_all(struct avl_reader *reader, void *dst, size_t n, struct avl_err *err)
{
	size_t got;
	const int rc = avl_source_read(&reader->source, dst, n, &got, err);
	if (rc || got < n)
		reader->member = reader->source.offset;
	if (rc || got == n)
		return rc;
	return avl_fail(err, AVL_EFORMAT,
			reader->source.offset ? "the stream is cut off" : "the stream is empty");
}

static int read_zeros(struct avl_reader *reader, size_t n, struct avl_err *err)
{
	unsigned char zeros[AVL_TAR_BLOCK];
	const int rc = read_all(reader, zeros, n, err);
	for (size_t i = 0; i < n && !rc; i++)
		if (zeros[i]) {
			reader->member = reader->source.offset - n + i;
			return avl_fail(err, AVL_EFORMAT, "padding that is not zero");
		}
	return rc;
}

/* The padding of the member before is read only now: a record is not held back for it. */
static int read_entry(struct avl_reader *reader, struct avl_tar_entry *entry, struct avl_err *err)
{
	unsigned char block[AVL_TAR_BLOCK];
	int rc = read_zeros(reader, reader->padding, err);
	if (rc)
		return rc;
	reader->padding = 0;
	const uint64_t start = reader->source.offset;
	rc = read_all(reader, block, sizeof block, err);
	if (rc)
		return rc;
	reader->member = start;
	rc = avl_tar_decode(block, entry, err);
	if (rc == 1)
		reader->padding = avl_tar_padding(entry->size);
	return rc;
}

static int read_header(struct avl_reader *reader, struct avl_err *err)
{
	struct avl_tar_entry entry;
	const int found = read_entry(reader, &entry, err);
	if (found < 0)
		return found;
	int rc = avl_order_header(&entry, found, err);
	if (rc)
		return rc;
	char *const text = malloc((size_t)entry.size + 1);
	if (!text)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	rc = read_all(reader, text, (size_t)entry.size, err);
	if (!rc)
		rc = avl_seal_parse(&reader->header, text, (size_t)entry.size, err);
	if (!rc)
		rc = avl_header_verify(reader->header, err);
	free(text);
	return rc;
}

/* The first block of zeros has been read: one more is due, then only zeros up to the end. The rest
 * is read to the last byte so that whoever writes it never meets a closed pipe. */
static int read_end(struct avl_reader *reader, struct avl_err *err)
{
	int rc = read_zeros(reader, AVL_TAR_BLOCK, err);
	for (size_t got = 1; !rc && got;) {
		unsigned char rest[4096];
		reader->member = reader->source.offset;
		rc = avl_source_read(&reader->source, rest, sizeof rest, &got, err);
		for (size_t i = 0; i < got && !rc; i++)
			if (rest[i]) {
				reader->member += i;
				rc = avl_fail(err, AVL_EFORMAT, "data behind the end record");
			}
	}
	return rc;
}

static int read_seal(struct avl_record *record, const char *text, size_t n, struct avl_err *err)
{
	struct avl_json *seal;
	int rc = avl_seal_parse(&seal, text, n, err);
	if (rc)
		return rc;
	avl_json_free(record->seal);
	record->seal = seal;
	return avl_seal_verify(seal, record, err);
}

/* One member. 1: it was the seal, 0: it was another, negative: error. */
static int read_member(struct avl_reader *reader, struct avl_record *record,
		       const struct avl_tar_entry *entry, struct avl_err *err)
{
	const int is_seal = avl_order_member(&reader->order, entry->name, entry->size, err);
	if (is_seal < 0)
		return is_seal;
	const char *const suffix = reader->order.suffix;
	const size_t size = (size_t)entry->size;
	unsigned char *const bytes = avl_arena_alloc(&record->arena, size);
	if (!bytes)
		return avl_fail(err, AVL_ENOMEM, "no memory for '%s' (%zu bytes)", suffix, size);
	const uint64_t start = reader->member;
	int rc = read_all(reader, bytes, size, err);
	if (rc)
		return rc;
	reader->member = start;
	if (!is_seal)
		return avl_record_take(record, suffix, bytes, size, avl_crc32(0, bytes, size), err);
	rc = read_seal(record, (const char *)bytes, size, err);
	return rc ? rc : 1;
}

static int read_record(struct avl_reader *reader, struct avl_record *record, struct avl_err *err)
{
	int rc = reader->header ? 0 : read_header(reader, err);
	while (!rc) {
		struct avl_tar_entry entry;
		rc = read_entry(reader, &entry, err);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			rc = avl_order_end(&reader->order, err);
			return rc ? rc : read_end(reader, err);
		}
		rc = read_member(reader, record, &entry, err);
	}
	return rc;
}

int avl_reader_next(struct avl_reader *reader, struct avl_record *record, struct avl_err *err)
{
	avl_record_reset(record);
	if (reader->over)
		return reader->over > 0
			   ? 0
			   : avl_fail(err, reader->over, "'%s': damaged before", reader->name);
	const int rc = record->seal ? read_record(reader, record, err)
				    : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc == 1) {
		strcpy(record->key, reader->order.key);
		avl_order_close(&reader->order);
		return 1;
	}
	avl_record_reset(record);
	reader->over = rc ? rc : 1;
	return rc ? avl_order_locate(&reader->order, reader->name, reader->member, rc, err) : 0;
}
