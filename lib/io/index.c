/* SPDX-License-Identifier: MIT */
#include "io/index.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/record.h"
#include "io/tar.h"

struct place {
	uint64_t offset;      /* of the record's first header */
	_Atomic int verified; /* its payloads' sums have been found right */
};

struct avl_index {
	const unsigned char *map;
	uint64_t size;
	size_t limit;
	int64_t count, room;
	struct place *place;
	struct avl_json *header;
	char *path;
};

/* A walk over the headers of the mapping. */
struct walk {
	uint64_t at; /* the header that is dealt with */
	uint64_t next;
	const unsigned char *payload;
	struct avl_tar_entry entry;
	char key[AVL_KEY_MAX + 1], suffix[AVL_SUFFIX_MAX + 1];
};

static int cut_off(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	walk->at = index->size;
	return avl_fail(err, AVL_EFORMAT, "the stream is cut off");
}

static int check_zeros(const struct avl_index *index, struct walk *walk, uint64_t from, uint64_t to,
		       const char *what, struct avl_err *err)
{
	if (to > index->size)
		return cut_off(index, walk, err);
	for (uint64_t i = from; i < to; i++)
		if (index->map[i]) {
			walk->at = i;
			return avl_fail(err, AVL_EFORMAT, "%s", what);
		}
	return 0;
}

/* 1: a member, 0: the first block of the end record, negative: error. */
static int step(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	walk->at = walk->next;
	if (index->size - walk->at < AVL_TAR_BLOCK)
		return cut_off(index, walk, err);
	const int rc = avl_tar_decode(index->map + walk->at, &walk->entry, err);
	if (rc <= 0)
		return rc;
	const uint64_t start = walk->at + AVL_TAR_BLOCK, size = walk->entry.size;
	const size_t padding = avl_tar_padding(size);
	if (size > index->size - start || padding > index->size - start - size)
		return cut_off(index, walk, err);
	walk->payload = index->map + start;
	walk->next = start + size + padding;
	const int bad =
	    check_zeros(index, walk, start + size, walk->next, "padding that is not zero", err);
	return bad ? bad : 1;
}

static int split(struct walk *walk, struct avl_err *err)
{
	return avl_name_split(walk->entry.name, walk->key, walk->suffix, err);
}

static int add_place(struct avl_index *index, uint64_t offset, struct avl_err *err)
{
	if (index->count == index->room) {
		const int64_t room = 2 * index->room + 64;
		struct place *const grown = realloc(index->place, (size_t)room * sizeof *grown);
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		index->place = grown;
		index->room = room;
	}
	index->place[index->count].offset = offset;
	atomic_init(&index->place[index->count].verified, 0);
	index->count++;
	return 0;
}

static int scan_header(struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	if (index->size >= 2 && index->map[0] == 0x1f && index->map[1] == 0x8b)
		return avl_fail(err, AVL_EUSAGE, "a compressed stream cannot be indexed");
	const int rc = step(index, walk, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || strcmp(walk->entry.name, AVL_HEADER_NAME))
		return avl_fail(err, AVL_EFORMAT, "not an avl stream: '%s' is not there",
				AVL_HEADER_NAME);
	if (walk->entry.size > AVL_SEAL_MAX)
		return avl_fail(err, AVL_ELIMIT, "the header is larger than %zu bytes",
				AVL_SEAL_MAX);
	const int bad = avl_seal_parse(&index->header, (const char *)walk->payload,
				       (size_t)walk->entry.size, err);
	return bad ? bad : avl_header_verify(index->header, err);
}

static int scan_member(const struct avl_index *index, const struct walk *walk, const char *open,
		       const char *last, size_t *left, struct avl_err *err)
{
	const int is_seal = !strcmp(walk->suffix, "json");
	if (open[0] && strcmp(open, walk->key))
		return avl_fail(err, AVL_EFORMAT, "the record has no seal before '%s'", walk->key);
	if (!open[0] && !strcmp(last, walk->key))
		return avl_fail(err, AVL_EFORMAT, "the record comes twice");
	if (walk->entry.size > (is_seal ? AVL_SEAL_MAX : *left))
		return avl_fail(err, AVL_ELIMIT, "'%s' is too large (%llu bytes)", walk->suffix,
				(unsigned long long)walk->entry.size);
	*left = is_seal ? index->limit : *left - (size_t)walk->entry.size;
	return 0;
}

static int scan(struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	char open[AVL_KEY_MAX + 1] = "", last[AVL_KEY_MAX + 1] = "";
	size_t left = index->limit;
	int rc = scan_header(index, walk, err);
	while (!rc) {
		rc = step(index, walk, err);
		if (rc == 0 && open[0])
			return avl_fail(err, AVL_EFORMAT, "the record has no seal");
		if (rc == 0)
			break;
		rc = rc < 0 ? rc : split(walk, err);
		if (!rc)
			rc = scan_member(index, walk, open, last, &left, err);
		if (!rc && !open[0])
			rc = add_place(index, walk->at, err);
		if (rc)
			return rc;
		strcpy(open, walk->key);
		if (!strcmp(walk->suffix, "json")) {
			strcpy(last, open);
			open[0] = 0;
		}
	}
	if (rc)
		return rc;
	walk->key[0] = 0;
	rc = check_zeros(index, walk, walk->at, walk->at + 2 * AVL_TAR_BLOCK,
			 "padding that is not zero", err);
	return rc ? rc
		  : check_zeros(index, walk, walk->at, index->size, "data behind the end record",
				err);
}

static int map_file(struct avl_index *index, const char *path, struct avl_err *err)
{
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return avl_fail_errno(err, "cannot open");
	int rc = 0;
	if (fstat(fd, &st))
		rc = avl_fail_errno(err, "cannot stat");
	else if (!S_ISREG(st.st_mode))
		rc = avl_fail(err, AVL_EUSAGE, "not a regular file: it cannot be mapped");
	else if (st.st_size == 0)
		rc = avl_fail(err, AVL_EFORMAT, "the stream is empty");
	if (!rc) {
		void *const map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			rc = avl_fail_errno(err, "cannot map");
		else
			index->map = map, index->size = (uint64_t)st.st_size;
	}
	close(fd);
	return rc;
}

static int locate(const char *path, const struct walk *walk, int rc, struct avl_err *err)
{
	char where[sizeof err->text];
	if (!err)
		return rc;
	if (walk->key[0])
		snprintf(where, sizeof where, "'%.160s': record '%s', byte %llu", path, walk->key,
			 (unsigned long long)walk->at);
	else if (walk->at)
		snprintf(where, sizeof where, "'%.160s': byte %llu", path,
			 (unsigned long long)walk->at);
	else
		snprintf(where, sizeof where, "'%.160s'", path);
	return avl_fail_prefix(err, where);
}

int avl_index_open(struct avl_index **out, const char *path, size_t limit, struct avl_err *err)
{
	struct walk walk = {0};
	struct avl_index *const index = calloc(1, sizeof *index);
	*out = NULL;
	if (!index || !(index->path = strdup(path))) {
		free(index);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	index->limit = limit ? limit : AVL_PAYLOAD_LIMIT;
	int rc = map_file(index, path, err);
	if (!rc)
		rc = scan(index, &walk, err);
	if (!rc) {
		*out = index;
		return 0;
	}
	avl_index_close(index);
	return locate(path, &walk, rc, err);
}

void avl_index_close(struct avl_index *index)
{
	if (!index)
		return;
	if (index->map)
		munmap((void *)(uintptr_t)index->map, (size_t)index->size);
	avl_json_free(index->header);
	free(index->place);
	free(index->path);
	free(index);
}

int64_t avl_index_count(const struct avl_index *index)
{
	return index->count;
}

const struct avl_json *avl_index_header(const struct avl_index *index)
{
	return index->header;
}

void avl_index_key(const struct avl_index *index, int64_t i, char key[AVL_KEY_MAX + 1])
{
	const char *const name = (const char *)index->map + index->place[i].offset;
	const size_t n = strcspn(name, ".");
	memcpy(key, name, n);
	key[n] = 0;
}

/* The sum that the seal says; what it says is compared with itself once the payload has been
 * verified, so that a record read again costs no pass over its payloads. */
static uint32_t sealed_sum(const struct avl_json *members, const char *suffix)
{
	return (uint32_t)avl_json_integer(avl_json_get(members, suffix), "crc32", 0);
}

static int find_seal(const struct avl_index *index, struct walk *walk, struct avl_json **seal,
		     struct avl_err *err)
{
	int rc;
	do {
		rc = step(index, walk, err);
		if (rc == 1)
			rc = split(walk, err);
	} while (!rc && strcmp(walk->suffix, "json"));
	return rc ? rc
		  : avl_seal_parse(seal, (const char *)walk->payload, (size_t)walk->entry.size,
				   err);
}

static int take_members(const struct avl_index *index, struct walk *walk, struct avl_record *record,
			int verified, struct avl_err *err)
{
	const struct avl_json *const members = avl_json_get(record->seal, "members");
	for (;;) {
		int rc = step(index, walk, err);
		rc = rc == 1 ? split(walk, err) : rc;
		if (rc)
			return rc;
		if (!strcmp(walk->suffix, "json"))
			return avl_seal_verify(record->seal, record, err);
		const size_t size = (size_t)walk->entry.size;
		const uint32_t crc = verified ? sealed_sum(members, walk->suffix)
					      : avl_crc32(0, walk->payload, size);
		rc = avl_record_take(record, walk->suffix, walk->payload, size, crc, err);
		if (rc)
			return rc;
	}
}

int avl_index_read(struct avl_index *index, int64_t i, struct avl_record *record,
		   struct avl_err *err)
{
	struct place *const place = &index->place[i];
	const int verified = atomic_load(&place->verified);
	struct walk walk = {.next = place->offset};
	struct avl_json *seal = NULL;
	avl_record_reset(record);
	int rc = find_seal(index, &walk, &seal, err);
	if (!rc) {
		avl_json_free(record->seal);
		record->seal = seal;
		walk.next = place->offset;
		rc = take_members(index, &walk, record, verified, err);
	}
	if (rc) {
		avl_record_reset(record);
		return locate(index->path, &walk, rc, err);
	}
	strcpy(record->key, walk.key);
	atomic_store(&place->verified, 1);
	return 0;
}
