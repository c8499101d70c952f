/* SPDX-License-Identifier: MIT */
#include "io/safetensors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/map.h"
#include "io/record.h"

#define HEADER_MAX ((uint64_t)1 << 24)
#define PIECE      ((size_t)1 << 20) /* of the data, that a thread sums up */

static const struct {
	const char *name;
	enum avl_dtype dtype;
} types[] = {
    {"F64", AVL_F8}, {"F32", AVL_F4}, {"F16", AVL_F2}, {"BF16", AVL_BF2},
    {"I64", AVL_I8}, {"I32", AVL_I4}, {"I16", AVL_I2}, {"U8", AVL_U1},
};

#define TYPES ((int)(sizeof types / sizeof types[0]))

struct entry {
	struct avl_safetensor public;
	uint64_t begin, end;
	void *copy; /* of data that is not aligned in the file */
	uint32_t sum;
	int is_summed;
};

struct avl_safetensors {
	struct avl_map map;
	size_t start; /* of the data block */
	struct avl_json *header;
	struct entry *entry;  /* in the order of the data */
	struct entry **named; /* in the order of their names */
	int count, verified;
};

static int find_type(const char *name)
{
	for (int i = 0; i < TYPES; i++)
		if (!strcmp(types[i].name, name))
			return i;
	return -1;
}

static int read_shape(const struct avl_json *shape, struct avl_tensor *tensor, const char *name,
		      struct avl_err *err)
{
	const int n = avl_json_length(shape);
	if (avl_json_type(shape) != AVL_JSON_ARRAY)
		return avl_fail(err, AVL_EFORMAT, "'%s' has no shape", name);
	if (n > AVL_DIMS_MAX)
		return avl_fail(err, AVL_ELIMIT, "'%s' has more than %d dimensions", name,
				AVL_DIMS_MAX);
	tensor->ndim = n;
	for (int i = 0; i < n; i++) {
		tensor->dim[i] = avl_json_integer_at(shape, i, -1);
		if (tensor->dim[i] < 0)
			return avl_fail(err, AVL_EFORMAT, "'%s' has a bad shape", name);
	}
	return 0;
}

/* Type, shape and place of one tensor, held against each other and against the file. */
static int read_entry(const struct avl_safetensors *file, struct entry *entry,
		      const struct avl_json *object, struct avl_err *err)
{
	const char *const name = entry->public.name;
	const char *const dtype = avl_json_string(object, "dtype", "");
	const struct avl_json *const offsets = avl_json_get(object, "data_offsets");
	struct avl_tensor *const tensor = &entry->public.tensor;
	const int type = find_type(dtype);
	size_t count, bytes;
	if (type < 0)
		return avl_fail(err, AVL_EFORMAT, "'%.100s' has the unknown type '%.20s'", name,
				dtype);
	tensor->dtype = types[type].dtype;
	const int rc = read_shape(avl_json_get(object, "shape"), tensor, name, err);
	if (rc)
		return rc;
	const int64_t begin = avl_json_integer_at(offsets, 0, -1);
	const int64_t end = avl_json_integer_at(offsets, 1, -1);
	if (avl_json_length(offsets) != 2 || begin < 0 || end < begin ||
	    (uint64_t)end > file->map.size - file->start)
		return avl_fail(err, AVL_EFORMAT, "'%.100s' lies outside the file", name);
	if (avl_tensor_measure(tensor, (uint64_t)(end - begin), &count, &bytes, NULL) ||
	    bytes != (uint64_t)(end - begin))
		return avl_fail(err, AVL_EFORMAT, "'%.100s' has %lld bytes, which is not its shape",
				name, (long long)(end - begin));
	entry->begin = (uint64_t)begin;
	entry->end = (uint64_t)end;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct entry *const x = a, *const y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return strcmp(x->public.name, y->public.name);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *const *const x = a, *const *const y = b;
	return strcmp((*x)->public.name, (*y)->public.name);
}

/* The mapping starts at a page, so a tensor is aligned where its offset is. Files of others may
 * put floats at odd offsets: those are copied. */
static int point_at_data(struct avl_safetensors *file, struct entry *entry, struct avl_err *err)
{
	struct avl_tensor *const tensor = &entry->public.tensor;
	const unsigned char *const data = file->map.bytes + file->start + entry->begin;
	const size_t bytes = (size_t)(entry->end - entry->begin);
	tensor->data = (void *)(uintptr_t)data;
	if ((uintptr_t)data % avl_dtype_size(tensor->dtype) == 0)
		return 0;
	entry->copy = avl_alloc(bytes, 1);
	if (!entry->copy)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(entry->copy, data, bytes);
	tensor->data = entry->copy;
	return 0;
}

static int place_tensors(struct avl_safetensors *file, struct avl_err *err)
{
	uint64_t at = 0;
	qsort(file->entry, (size_t)file->count, sizeof *file->entry, by_place);
	for (int i = 0; i < file->count; i++) {
		struct entry *const entry = &file->entry[i];
		if (entry->begin != at)
			return avl_fail(err, AVL_EFORMAT, "%s before '%.100s'",
					entry->begin < at ? "an overlap" : "a hole",
					entry->public.name);
		at = entry->end;
		file->named[i] = entry;
		const int rc = point_at_data(file, entry, err);
		if (rc)
			return rc;
	}
	if (at != file->map.size - file->start)
		return avl_fail(err, AVL_EFORMAT, "%llu bytes behind the last tensor",
				(unsigned long long)(file->map.size - file->start - at));
	qsort(file->named, (size_t)file->count, sizeof *file->named, by_name);
	return 0;
}

static int check_metadata(const struct avl_json *metadata, struct avl_err *err)
{
	const char *name;
	struct avl_json *value;
	if (metadata && avl_json_type(metadata) != AVL_JSON_OBJECT)
		return avl_fail(err, AVL_EFORMAT, "the metadata is no object");
	for (void *at = NULL; metadata && avl_json_next(metadata, &at, &name, &value);)
		if (avl_json_type(value) != AVL_JSON_STRING)
			return avl_fail(err, AVL_EFORMAT, "the metadata '%.100s' is no string",
					name);
	return 0;
}

/* A stretch of the data, and its sum where that is known. */
struct piece {
	const unsigned char *bytes;
	size_t n;
	uint32_t sum;
	int is_known;
};

static void sum_piece(void *argument, int i, int thread)
{
	(void)thread;
	struct piece *const piece = (struct piece *)argument + i;
	if (!piece->is_known)
		piece->sum = avl_crc32(0, piece->bytes, piece->n);
}

/* The tensors, in order and without holes; large ones are cut. Returns how many, which is none
 * where memory is exhausted. */
static int cut(const struct avl_safetensors *file, struct piece **out)
{
	const size_t n = file->map.size - file->start;
	struct piece *const piece = calloc(n / PIECE + (size_t)file->count + 1, sizeof *piece);
	int count = 0;
	for (int i = 0; piece && i < file->count; i++) {
		const struct entry *const entry = &file->entry[i];
		const size_t end = (size_t)entry->end;
		for (size_t at = (size_t)entry->begin, k; at < end; at += k) {
			k = entry->is_summed || end - at < PIECE ? end - at : PIECE;
			piece[count++] = (struct piece){file->map.bytes + file->start + at, k,
							entry->sum, entry->is_summed};
		}
	}
	*out = piece;
	return count;
}

/* A model of a hundred megabytes waits for nothing longer than for this sum: the pieces are summed
 * side by side, and their sums joined. */
static int sum_data(const struct avl_safetensors *file, struct avl_par *par, uint32_t *sum,
		    struct avl_err *err)
{
	struct piece *piece;
	const int count = cut(file, &piece);
	if (!piece)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_par_for(par, count, sum_piece, piece);
	*sum = 0;
	for (int i = 0; i < count; i++)
		*sum = avl_crc32_join(*sum, piece[i].sum, piece[i].n);
	free(piece);
	return 0;
}

void avl_safetensors_summed(struct avl_safetensors *file, const struct avl_safetensor *tensor,
			    uint32_t crc32)
{
	struct entry *const entry = (struct entry *)(uintptr_t)tensor;
	assert(entry >= file->entry && entry < file->entry + file->count);
	entry->sum = crc32;
	entry->is_summed = 1;
}

int avl_safetensors_verify(struct avl_safetensors *file, struct avl_par *par, struct avl_err *err)
{
	char digest[32];
	uint32_t sum = 0;
	const char *const said = avl_safetensors_meta(file, "avl.digest");
	if (!said || file->verified)
		return 0;
	const int rc = sum_data(file, par, &sum, err);
	if (rc)
		return rc;
	snprintf(digest, sizeof digest, "crc32:%08lx", (unsigned long)sum);
	if (strcmp(said, digest))
		return avl_fail(err, AVL_EFORMAT, "the data is damaged: its digest does not match");
	file->verified = 1;
	return 0;
}

static int read_tensors(struct avl_safetensors *file, struct avl_err *err)
{
	const char *name;
	struct avl_json *value;
	const size_t most = (size_t)avl_json_size(file->header) + 1;
	file->entry = calloc(most, sizeof *file->entry);
	file->named = calloc(most, sizeof(struct entry *));
	if (!file->entry || !file->named)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (void *at = NULL; avl_json_next(file->header, &at, &name, &value);) {
		if (!strcmp(name, "__metadata__"))
			continue;
		struct entry *const entry = &file->entry[file->count++];
		entry->public.name = name;
		const int rc = read_entry(file, entry, value, err);
		if (rc)
			return rc;
	}
	return place_tensors(file, err);
}

static int read_header(struct avl_safetensors *file, struct avl_err *err)
{
	uint64_t length = 0;
	if (file->map.size < 8)
		return avl_fail(err, AVL_EFORMAT, "too short for a safetensors file");
	for (int i = 7; i >= 0; i--)
		length = length << 8 | file->map.bytes[i];
	if (length > file->map.size - 8)
		return avl_fail(err, AVL_EFORMAT, "not a safetensors file, or cut off");
	if (length > HEADER_MAX)
		return avl_fail(err, AVL_ELIMIT, "the header is larger than 16 MiB");
	file->start = 8 + (size_t)length;
	int rc =
	    avl_json_parse(&file->header, (const char *)file->map.bytes + 8, (size_t)length, err);
	if (rc)
		return rc;
	if (avl_json_type(file->header) != AVL_JSON_OBJECT)
		return avl_fail(err, AVL_EFORMAT, "the header is no object");
	rc = check_metadata(avl_safetensors_metadata(file), err);
	return rc ? rc : read_tensors(file, err);
}

static int open_and(int verify, struct avl_safetensors **out, const char *path, struct avl_par *par,
		    struct avl_err *err)
{
	struct avl_safetensors *const file = calloc(1, sizeof *file);
	*out = NULL;
	if (!file)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	int rc = avl_map_open(&file->map, path, err);
	if (!rc)
		rc = read_header(file, err);
	if (!rc && verify)
		rc = avl_safetensors_verify(file, par, err);
	if (!rc) {
		*out = file;
		return 0;
	}
	avl_safetensors_close(file);
	if (err) {
		char where[256];
		snprintf(where, sizeof where, "'%.240s'", path);
		avl_fail_prefix(err, where);
	}
	return rc;
}

int avl_safetensors_open(struct avl_safetensors **out, const char *path, struct avl_err *err)
{
	return open_and(1, out, path, NULL, err);
}

int avl_safetensors_open_with(struct avl_safetensors **out, const char *path, struct avl_par *par,
			      struct avl_err *err)
{
	return open_and(1, out, path, par, err);
}

int avl_safetensors_open_unverified(struct avl_safetensors **out, const char *path,
				    struct avl_err *err)
{
	return open_and(0, out, path, NULL, err);
}

void avl_safetensors_close(struct avl_safetensors *file)
{
	if (!file)
		return;
	for (int i = 0; i < file->count; i++)
		free(file->entry[i].copy);
	avl_map_close(&file->map);
	avl_json_free(file->header);
	free(file->entry);
	free(file->named);
	free(file);
}

int avl_safetensors_count(const struct avl_safetensors *file)
{
	return file->count;
}

const struct avl_safetensor *avl_safetensors_at(const struct avl_safetensors *file, int i)
{
	return i < 0 || i >= file->count ? NULL : &file->entry[i].public;
}

const struct avl_safetensor *avl_safetensors_find(const struct avl_safetensors *file,
						  const char *name)
{
	const struct entry key = {.public.name = name}, *const keyp = &key;
	struct entry *const *const found =
	    bsearch(&keyp, file->named, (size_t)file->count, sizeof(struct entry *), by_name);
	return found ? &(*found)->public : NULL;
}

const struct avl_json *avl_safetensors_metadata(const struct avl_safetensors *file)
{
	return avl_json_get(file->header, "__metadata__");
}

const char *avl_safetensors_meta(const struct avl_safetensors *file, const char *name)
{
	return avl_json_string(avl_safetensors_metadata(file), name, NULL);
}

int avl_safetensors_verified(const struct avl_safetensors *file)
{
	return file->verified;
}
