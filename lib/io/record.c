/* SPDX-License-Identifier: MIT */
#include "io/record.h"

#include <string.h>

#include "io/npy.h"

void avl_record_init(struct avl_record *record, size_t limit)
{
	memset(record, 0, sizeof *record);
	avl_arena_init(&record->arena, limit);
	record->seal = avl_json_object();
}

void avl_record_reset(struct avl_record *record)
{
	record->key[0] = 0;
	record->nmembers = 0;
	avl_json_free(record->seal);
	record->seal = avl_json_object();
	avl_arena_reset(&record->arena);
}

void avl_record_release(struct avl_record *record)
{
	avl_json_free(record->seal);
	avl_arena_release(&record->arena);
	memset(record, 0, sizeof *record);
}

static int is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int avl_key_valid(const char *text)
{
	size_t n = 0;
	for (; text[n]; n++)
		if (!is_lower(text[n]) && !(text[n] >= 'A' && text[n] <= 'Z'))
			return 0;
	return n > 0 && n <= AVL_KEY_MAX;
}

int avl_suffix_valid(const char *text)
{
	size_t n = 0;
	for (; text[n]; n++) {
		const int dot = text[n] == '.';
		if (!dot && !is_lower(text[n]))
			return 0;
		if (dot && (n == 0 || !is_lower(text[n - 1]) || !is_lower(text[n + 1])))
			return 0;
	}
	return n > 0 && n <= AVL_SUFFIX_MAX;
}

int avl_suffix_is_npy(const char *suffix)
{
	const size_t n = strlen(suffix);
	return !strcmp(suffix, "npy") || (n > 4 && !strcmp(suffix + n - 4, ".npy"));
}

int avl_name_split(const char *name, char key[AVL_KEY_MAX + 1], char suffix[AVL_SUFFIX_MAX + 1],
		   struct avl_err *err)
{
	const char *const dot = strchr(name, '.');
	const size_t n = dot ? (size_t)(dot - name) : 0;
	if (dot && n <= AVL_KEY_MAX && strlen(dot + 1) <= AVL_SUFFIX_MAX) {
		memcpy(key, name, n);
		key[n] = 0;
		strcpy(suffix, dot + 1);
		if (avl_key_valid(key) && avl_suffix_valid(suffix))
			return 0;
	}
	return avl_fail(err, AVL_EFORMAT, "'%s' is not the name of a record's member", name);
}

const struct avl_member *avl_record_find(const struct avl_record *record, const char *suffix)
{
	for (int i = 0; i < record->nmembers; i++)
		if (!strcmp(record->member[i].suffix, suffix))
			return &record->member[i];
	return NULL;
}

static int add(struct avl_record *record, const struct avl_member *member, struct avl_err *err)
{
	struct avl_member *const there =
	    (struct avl_member *)(uintptr_t)avl_record_find(record, member->suffix);
	if (!there && record->nmembers == AVL_MEMBERS_MAX)
		return avl_fail(err, AVL_ELIMIT, "more than %d members in a record",
				AVL_MEMBERS_MAX);
	if (there)
		*there = *member;
	else
		record->member[record->nmembers++] = *member;
	return 0;
}

static int check_suffix(const char *suffix, struct avl_err *err)
{
	if (!avl_suffix_valid(suffix))
		return avl_fail(err, AVL_EUSAGE, "'%s' cannot be the suffix of a member", suffix);
	if (!strcmp(suffix, "json"))
		return avl_fail(err, AVL_EUSAGE, "the suffix 'json' is the seal's");
	return 0;
}

int avl_record_put(struct avl_record *record, const char *suffix, const struct avl_tensor *tensor,
		   struct avl_err *err)
{
	struct avl_member member = {.tensor = *tensor};
	size_t count, bytes;
	int rc = check_suffix(suffix, err);
	if (rc)
		return rc;
	if (!avl_suffix_is_npy(suffix))
		return avl_fail(err, AVL_EUSAGE, "a tensor cannot be a member '%s'", suffix);
	if ((unsigned)tensor->dtype > AVL_I8 || tensor->ndim < 0 || tensor->ndim > AVL_DIMS_MAX)
		return avl_fail(err, AVL_ESHAPE, "'%s': this type of tensor has no npy form",
				suffix);
	rc = avl_tensor_measure(tensor, SIZE_MAX / 2, &count, &bytes, err);
	if (rc)
		return rc;
	strcpy(member.suffix, suffix);
	return add(record, &member, err);
}

int avl_record_put_bytes(struct avl_record *record, const char *suffix, const void *bytes,
			 size_t size, struct avl_err *err)
{
	struct avl_member member = {.tensor = {.dtype = AVL_DTYPES}, .bytes = bytes, .size = size};
	int rc = check_suffix(suffix, err);
	if (!rc && avl_suffix_is_npy(suffix))
		rc = avl_npy_parse(bytes, size, &member.tensor, err);
	if (rc)
		return rc;
	strcpy(member.suffix, suffix);
	member.crc32 = avl_crc32(0, bytes, size);
	return add(record, &member, err);
}

static int align_data(struct avl_record *record, struct avl_tensor *tensor, struct avl_err *err)
{
	if ((uintptr_t)tensor->data % AVL_ALIGN == 0)
		return 0;
	const size_t n = avl_tensor_count(tensor) * avl_dtype_size(tensor->dtype);
	void *const copy = avl_arena_alloc(&record->arena, n);
	if (!copy)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(copy, tensor->data, n);
	tensor->data = copy;
	return 0;
}

int avl_record_take(struct avl_record *record, const char *suffix, const void *bytes, size_t size,
		    uint32_t crc32, struct avl_err *err)
{
	struct avl_member member = {
	    .tensor = {.dtype = AVL_DTYPES}, .bytes = bytes, .size = size, .crc32 = crc32};
	int rc = 0;
	if (avl_record_find(record, suffix))
		return avl_fail(err, AVL_EFORMAT, "'%s' occurs twice", suffix);
	if (avl_suffix_is_npy(suffix)) {
		rc = avl_npy_parse(bytes, size, &member.tensor, err);
		if (!rc)
			rc = align_data(record, &member.tensor, err);
		if (rc && err)
			avl_fail_prefix(err, suffix);
	}
	if (rc)
		return rc;
	strcpy(member.suffix, suffix);
	return add(record, &member, err);
}
