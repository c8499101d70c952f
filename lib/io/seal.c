/* SPDX-License-Identifier: MIT */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/record.h"

#define FIELD ",\"crc32\":"

uint32_t avl_crc32(uint32_t crc, const void *bytes, size_t n)
{
	return n ? libdeflate_crc32(crc, bytes, n) : crc; /* it starts over at a NULL */
}

uint32_t avl_crc32_join(uint32_t first, uint32_t second, size_t n)
{
	return (uint32_t)crc32_combine(first, second, (z_off_t)n);
}

/* Finds the last field by walking back from the closing brace; a JSON parser would not say where
 * in the text the field begins. */
static int find_sum(const char *text, size_t n, size_t *before, uint32_t *sum)
{
	const size_t k = strlen(FIELD);
	size_t first = n ? n - 1 : 0; /* of the digits */
	uint64_t value = 0, unit = 1;
	if (n == 0 || text[n - 1] != '}')
		return -1;
	for (; first > 0 && n - 1 - first < 10; unit *= 10) {
		const char c = text[first - 1];
		if (c < '0' || c > '9')
			break;
		value += unit * (uint64_t)(c - '0');
		first--;
	}
	const size_t digits = n - 1 - first;
	if (digits == 0 || (digits > 1 && text[first] == '0') || value > UINT32_MAX)
		return -1;
	if (first < k || memcmp(text + first - k, FIELD, k))
		return -1;
	*before = first - k;
	*sum = (uint32_t)value;
	return 0;
}

int avl_seal_parse(struct avl_json **seal, const char *text, size_t n, struct avl_err *err)
{
	size_t before;
	uint32_t sum;
	*seal = NULL;
	if (find_sum(text, n, &before, &sum))
		return avl_fail(err, AVL_EFORMAT, "the seal does not end with its crc32");
	if (avl_crc32(0, text, before) != sum)
		return avl_fail(err, AVL_EFORMAT, "the seal's CRC-32 does not match");
	const int rc = avl_json_parse(seal, text, n, err);
	if (rc)
		return rc;
	if (avl_json_type(*seal) == AVL_JSON_OBJECT) {
		avl_json_remove(*seal, "crc32");
		return 0;
	}
	avl_json_free(*seal);
	*seal = NULL;
	return avl_fail(err, AVL_EFORMAT, "the seal is no JSON object");
}

int avl_seal_dump(struct avl_json *object, char **text, size_t *n, struct avl_err *err)
{
	*text = NULL;
	if (object)
		avl_json_remove(object, "crc32");
	char *bare = object ? avl_json_dump(object, n) : NULL;
	avl_json_free(object);
	char *const sealed = bare ? realloc(bare, *n + 32) : NULL;
	if (!sealed) {
		free(bare);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	const size_t before = *n - 1; /* the closing brace goes */
	const uint32_t sum = avl_crc32(0, sealed, before);
	*n = before + (size_t)sprintf(sealed + before, FIELD "%lu}", (unsigned long)sum);
	*text = sealed;
	return 0;
}

int avl_seal_verify(struct avl_json *seal, const struct avl_record *record, struct avl_err *err)
{
	const struct avl_json *const members = avl_json_get(seal, "members");
	if (avl_json_type(members) != AVL_JSON_OBJECT)
		return avl_fail(err, AVL_EFORMAT, "the seal has no members");
	for (int i = 0; i < record->nmembers; i++) {
		const struct avl_member *const m = &record->member[i];
		const struct avl_json *const entry = avl_json_get(members, m->suffix);
		if (!entry)
			return avl_fail(err, AVL_EFORMAT, "'%s' is not in the seal", m->suffix);
		if (avl_json_integer(entry, "size", -1) != (int64_t)m->size)
			return avl_fail(err, AVL_EFORMAT, "'%s' is not of the size in the seal",
					m->suffix);
		if (avl_json_integer(entry, "crc32", -1) != (int64_t)m->crc32)
			return avl_fail(err, AVL_EFORMAT,
					"'%s' is damaged: its CRC-32 does not match", m->suffix);
	}
	if (avl_json_size(members) != record->nmembers)
		return avl_fail(err, AVL_EFORMAT, "a member that the seal names is missing");
	avl_json_remove(seal, "members");
	return 0;
}

static struct avl_json *describe_members(const struct avl_record *record, const uint64_t *size,
					 const uint32_t *crc32)
{
	struct avl_json *const members = avl_json_object();
	int rc = members ? 0 : AVL_ENOMEM;
	for (int i = 0; i < record->nmembers && !rc; i++) {
		struct avl_json *const entry = avl_json_object();
		rc = avl_json_set_number(entry, "size", (double)size[i]) ||
		     avl_json_set_number(entry, "crc32", crc32[i]) ||
		     avl_json_set(members, record->member[i].suffix, entry);
	}
	if (!rc)
		return members;
	avl_json_free(members);
	return NULL;
}

struct avl_json *avl_seal_make(const struct avl_record *record, const uint64_t *size,
			       const uint32_t *crc32)
{
	struct avl_json *const seal = avl_json_copy(record->seal);
	if (!seal)
		return NULL;
	avl_json_remove(seal, "members");
	if (!avl_json_set(seal, "members", describe_members(record, size, crc32)))
		return seal;
	avl_json_free(seal);
	return NULL;
}

int avl_header_verify(const struct avl_json *header, struct avl_err *err)
{
	const int64_t version = avl_json_integer(header, "version", -1);
	if (strcmp(avl_json_string(header, "format", ""), "avl-stream"))
		return avl_fail(err, AVL_EFORMAT, "the header does not say avl-stream");
	if (version != 1)
		return avl_fail(err, AVL_EFORMAT, "stream version %lld is not known",
				(long long)version);
	return 0;
}
