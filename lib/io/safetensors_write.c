/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/record.h"
#include "io/safetensors.h"
#include "io/sink.h"

/* safetensors' names, by avl_dtype. */
static const char *const type_name[AVL_DTYPES] = {
    [AVL_F4] = "F32", [AVL_F8] = "F64", [AVL_U1] = "U8",  [AVL_I2] = "I16",
    [AVL_I4] = "I32", [AVL_I8] = "I64", [AVL_F2] = "F16", [AVL_BF2] = "BF16",
};

static size_t bytes_of(const struct avl_tensor *tensor)
{
	return avl_tensor_count(tensor) * avl_dtype_size(tensor->dtype);
}

static struct avl_json *describe(const struct avl_tensor *tensor, uint64_t begin, uint64_t end)
{
	struct avl_json *const object = avl_json_object(), *const shape = avl_json_array();
	const double offset[2] = {(double)begin, (double)end};
	int rc = avl_json_set_string(object, "dtype", type_name[tensor->dtype]);
	for (int i = 0; i < tensor->ndim && !rc; i++)
		rc = avl_json_append_number(shape, (double)tensor->dim[i]);
	if (rc)
		avl_json_free(shape);
	else
		rc = avl_json_set(object, "shape", shape);
	if (!rc)
		rc = avl_json_set_numbers(object, "data_offsets", offset, 2);
	if (!rc)
		return object;
	avl_json_free(object);
	return NULL;
}

/* A copy of the caller's metadata with the digest of all data in it. */
static struct avl_json *make_metadata(const struct avl_json *metadata, uint32_t crc)
{
	char digest[32];
	struct avl_json *const copy = metadata ? avl_json_copy(metadata) : avl_json_object();
	snprintf(digest, sizeof digest, "crc32:%08lx", (unsigned long)crc);
	if (!avl_json_set_string(copy, "avl.digest", digest))
		return copy;
	avl_json_free(copy);
	return NULL;
}

static int check(const struct avl_safetensor *tensor, int n, const struct avl_json *metadata,
		 struct avl_err *err)
{
	const char *name;
	struct avl_json *value;
	for (void *at = NULL; metadata && avl_json_next(metadata, &at, &name, &value);)
		if (avl_json_type(value) != AVL_JSON_STRING)
			return avl_fail(err, AVL_EUSAGE, "the metadata '%.100s' is no string",
					name);
	for (int i = 0; i < n; i++) {
		const struct avl_tensor *const t = &tensor[i].tensor;
		size_t count, bytes;
		if ((unsigned)t->dtype >= AVL_DTYPES || t->ndim < 0 || t->ndim > AVL_DIMS_MAX)
			return avl_fail(err, AVL_ESHAPE, "'%.100s' is no tensor", tensor[i].name);
		const int rc = avl_tensor_measure(t, (uint64_t)1 << 48, &count, &bytes, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int make_header(const struct avl_safetensor *tensor, int n, struct avl_json *metadata,
		       struct avl_json **out, struct avl_err *err)
{
	struct avl_json *const header = avl_json_object();
	uint64_t at = 0;
	int rc = avl_json_set(header, "__metadata__", metadata);
	*out = header;
	for (int i = 0; i < n && !rc; i++) {
		const uint64_t end = at + bytes_of(&tensor[i].tensor);
		if (avl_json_get(header, tensor[i].name))
			return avl_fail(err, AVL_EUSAGE, "two tensors have the name '%.100s'",
					tensor[i].name);
		rc = avl_json_set(header, tensor[i].name, describe(&tensor[i].tensor, at, end));
		at = end;
	}
	return rc ? avl_fail(err, AVL_ENOMEM, "out of memory") : 0;
}

/* Files go out in pieces of this size from its multiples on: what a system keeps of them in memory
 * can then be in pages as large, which cost a reader who maps them next to nothing. */
#define BLOCK ((size_t)2 << 20)

struct blocks {
	int fd;
	unsigned char *bytes; /* [BLOCK] */
	size_t used;
};

static int put(struct blocks *to, const void *bytes, size_t n, struct avl_err *err)
{
	int rc = 0;
	for (const unsigned char *at = bytes; n && !rc;) {
		const size_t room = BLOCK - to->used, k = n < room ? n : room;
		memcpy(to->bytes + to->used, at, k);
		at += k;
		n -= k;
		to->used += k;
		if (to->used < BLOCK)
			continue;
		rc = avl_write_all(to->fd, to->bytes, to->used, err);
		to->used = 0;
	}
	return rc;
}

static int put_header(struct blocks *to, const struct avl_json *header, struct avl_err *err)
{
	size_t n;
	unsigned char length[8];
	char *const text = avl_json_dump(header, &n);
	if (!text)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const size_t padding = -(n + 8) & 63;
	char blanks[64];
	memset(blanks, ' ', sizeof blanks);
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)(n + padding) >> 8 * i);
	int rc = put(to, length, sizeof length, err);
	if (!rc)
		rc = put(to, text, n, err);
	if (!rc)
		rc = put(to, blanks, padding, err);
	free(text);
	return rc;
}

static int put_file(struct blocks *to, const struct avl_json *header,
		    const struct avl_safetensor *tensor, int n, struct avl_err *err)
{
	if (!to->bytes)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	int rc = put_header(to, header, err);
	for (int i = 0; i < n && !rc; i++)
		rc = put(to, tensor[i].tensor.data, bytes_of(&tensor[i].tensor), err);
	return rc ? rc : avl_write_all(to->fd, to->bytes, to->used, err);
}

int avl_safetensors_write(int fd, const struct avl_safetensor *tensor, int n,
			  const struct avl_json *metadata, struct avl_err *err)
{
	struct avl_json *header = NULL;
	uint32_t crc = 0;
	int rc = check(tensor, n, metadata, err);
	if (rc)
		return rc;
	for (int i = 0; i < n; i++)
		crc = avl_crc32(crc, tensor[i].tensor.data, bytes_of(&tensor[i].tensor));
	struct blocks to = {.fd = fd, .bytes = avl_alloc(BLOCK, 1)};
	rc = make_header(tensor, n, make_metadata(metadata, crc), &header, err);
	if (!rc)
		rc = put_file(&to, header, tensor, n, err);
	avl_json_free(header);
	free(to.bytes);
	return rc;
}
