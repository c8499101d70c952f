/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/npy.h"
#include "io/record.h"
#include "io/sink.h"
#include "io/tar.h"

/* Of a member's name in the archive: key, dot, suffix and the terminating 0. */
#define NAME_SIZE (AVL_KEY_MAX + AVL_SUFFIX_MAX + 2)

struct avl_writer {
	struct avl_err failure; /* the first, after which nothing is written */
	char last[AVL_KEY_MAX + 1];
	char *name;
	struct avl_sink sink;
};

static const unsigned char zeros[AVL_TAR_BLOCK];

static int put(struct avl_writer *writer, const void *bytes, size_t n, struct avl_err *err)
{
	return n ? avl_sink_put(&writer->sink, bytes, n, err) : 0;
}

/* A whole member of the archive from the two pieces of its payload. */
static int put_entry(struct avl_writer *writer, const char *name, const void *head, size_t nhead,
		     const void *body, size_t nbody, struct avl_err *err)
{
	unsigned char block[AVL_TAR_BLOCK];
	int rc = avl_tar_encode(name, (uint64_t)nhead + nbody, block, err);
	if (!rc)
		rc = put(writer, block, sizeof block, err);
	if (!rc)
		rc = put(writer, head, nhead, err);
	if (!rc)
		rc = put(writer, body, nbody, err);
	if (!rc)
		rc = put(writer, zeros, avl_tar_padding((uint64_t)nhead + nbody), err);
	return rc;
}

static int put_sealed(struct avl_writer *writer, const char *name, struct avl_json *object,
		      struct avl_err *err)
{
	char *text;
	size_t n;
	int rc = avl_seal_dump(object, &text, &n, err);
	if (!rc && n > AVL_SEAL_MAX)
		rc = avl_fail(err, AVL_ELIMIT, "'%s' is larger than %zu bytes", name, AVL_SEAL_MAX);
	if (!rc)
		rc = put_entry(writer, name, text, n, NULL, 0, err);
	free(text);
	return rc ? rc : avl_sink_flush(&writer->sink, err);
}

static int put_header(struct avl_writer *writer, const char *producer,
		      const struct avl_json *settings, struct avl_err *err)
{
	struct avl_json *const header = avl_json_object();
	if (!header || avl_json_set_string(header, "format", "avl-stream") ||
	    avl_json_set_number(header, "version", 1) ||
	    avl_json_set_string(header, "producer", producer) ||
	    (settings && avl_json_set(header, "settings", avl_json_copy(settings)))) {
		avl_json_free(header);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	return put_sealed(writer, AVL_HEADER_NAME, header, err);
}

/* Keeps the first failure, which ends the stream, and names the stream in it. */
static int failed(struct avl_writer *writer, int rc, struct avl_err *why, struct avl_err *err)
{
	char where[sizeof why->text];
	snprintf(where, sizeof where, "'%.200s'", writer->name);
	avl_fail_prefix(why, where);
	writer->failure = *why;
	if (err)
		*err = *why;
	return rc;
}

int avl_writer_open(struct avl_writer **out, int fd, const char *name, const char *producer,
		    const struct avl_json *settings, int flags, struct avl_err *err)
{
	struct avl_err why = {0};
	struct avl_writer *const writer = calloc(1, sizeof *writer);
	*out = NULL;
	if (!writer || !(writer->name = strdup(name))) {
		free(writer);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	int rc = avl_sink_init(&writer->sink, fd, flags & AVL_WRITER_GZIP, &why);
	if (!rc)
		rc = put_header(writer, producer, settings, &why);
	if (rc) {
		failed(writer, rc, &why, err);
		avl_writer_abandon(writer);
		return rc;
	}
	*out = writer;
	return 0;
}

static void member_name(char name[NAME_SIZE], const char *key, const char *suffix)
{
	snprintf(name, NAME_SIZE, "%s.%s", key, suffix);
}

/* All that can be wrong with a record is found before its first byte is written, so that a record
 * that is refused does no harm to the stream. */
static int check_record(const struct avl_writer *writer, const struct avl_record *record,
			struct avl_err *err)
{
	unsigned char block[AVL_TAR_BLOCK];
	if (!avl_key_valid(record->key))
		return avl_fail(err, AVL_EUSAGE, "'%s' cannot be a key", record->key);
	if (!strcmp(record->key, writer->last))
		return avl_fail(err, AVL_EUSAGE, "record '%s' comes twice", record->key);
	for (int i = 0; i < record->nmembers; i++) {
		const struct avl_member *const m = &record->member[i];
		char name[NAME_SIZE];
		uint64_t size = m->size;
		member_name(name, record->key, m->suffix);
		if (!m->bytes)
			size = AVL_NPY_HEADER_MAX + (uint64_t)avl_tensor_count(&m->tensor) *
							avl_dtype_size(m->tensor.dtype);
		const int rc = avl_tar_encode(name, size, block, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int put_member(struct avl_writer *writer, const char *key, const struct avl_member *m,
		      uint64_t *size, uint32_t *crc, struct avl_err *err)
{
	char name[NAME_SIZE];
	unsigned char header[AVL_NPY_HEADER_MAX];
	member_name(name, key, m->suffix);
	if (m->bytes) {
		*size = m->size;
		*crc = m->crc32;
		return put_entry(writer, name, NULL, 0, m->bytes, m->size, err);
	}
	const size_t nheader = avl_npy_header(&m->tensor, header);
	const size_t ndata = avl_tensor_count(&m->tensor) * avl_dtype_size(m->tensor.dtype);
	*size = (uint64_t)nheader + ndata;
	*crc = avl_crc32(avl_crc32(0, header, nheader), m->tensor.data, ndata);
	return put_entry(writer, name, header, nheader, m->tensor.data, ndata, err);
}

static int put_record(struct avl_writer *writer, const struct avl_record *record,
		      struct avl_err *err)
{
	uint64_t size[AVL_MEMBERS_MAX];
	uint32_t crc[AVL_MEMBERS_MAX];
	char name[NAME_SIZE];
	int rc = 0;
	for (int i = 0; i < record->nmembers && !rc; i++)
		rc = put_member(writer, record->key, &record->member[i], &size[i], &crc[i], err);
	if (rc)
		return rc;
	member_name(name, record->key, "json");
	return put_sealed(writer, name, avl_seal_make(record, size, crc), err);
}

int avl_writer_record(struct avl_writer *writer, const struct avl_record *record,
		      struct avl_err *err)
{
	struct avl_err why = {0};
	if (writer->failure.code) {
		if (err)
			*err = writer->failure;
		return writer->failure.code;
	}
	int rc = check_record(writer, record, err);
	if (rc)
		return rc;
	rc = put_record(writer, record, &why);
	if (rc)
		return failed(writer, rc, &why, err);
	strcpy(writer->last, record->key);
	return 0;
}

int avl_writer_close(struct avl_writer *writer, struct avl_err *err)
{
	struct avl_err why = {0};
	int rc = writer->failure.code;
	if (rc && err)
		*err = writer->failure;
	if (!rc) {
		rc = put(writer, zeros, sizeof zeros, &why);
		if (!rc)
			rc = put(writer, zeros, sizeof zeros, &why);
		if (!rc)
			rc = avl_sink_finish(&writer->sink, &why);
		if (rc)
			failed(writer, rc, &why, err);
	}
	avl_writer_abandon(writer);
	return rc;
}

void avl_writer_abandon(struct avl_writer *writer)
{
	if (!writer)
		return;
	avl_sink_release(&writer->sink);
	free(writer->name);
	free(writer);
}
