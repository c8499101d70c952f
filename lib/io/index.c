/* SPDX-License-Identifier: MIT */
#include "io/index.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "io/map.h"
#include "io/record.h"

struct place {
	uint64_t offset;      /* of the record's first header */
	_Atomic int verified; /* its payloads' sums have been found right */
};

struct avl_index {
	struct avl_map map;
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
	struct avl_order order;
};

static int cut_off(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	walk->at = index->map.size;
	return avl_fail(err, AVL_EFORMAT, "the stream is cut off");
}

static int check_zeros(const struct avl_index *index, struct walk *walk, uint64_t from, uint64_t to,
		       const char *what, struct avl_err *err)
{
	if (to > index->map.size)
		return cut_off(index, walk, err);
	for (uint64_t i = from; i < to; i++)
		if (index->map.bytes[i]) {
			walk->at = i;
			return avl_fail(err, AVL_EFORMAT, "%s", what);
		}
	return 0;
}

/* 1: a member, 0: the first block of the end record, negative: error. */
static int step(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	walk->at = walk->next;
	if (index->map.size - walk->at < AVL_TAR_BLOCK)
		return cut_off(index, walk, err);
	const int rc = avl_tar_decode(index->map.bytes + walk->at, &walk->entry, err);
	if (rc <= 0)
		return rc;
	const uint64_t start = walk->at + AVL_TAR_BLOCK, size = walk->entry.size;
	const size_t padding = avl_tar_padding(size);
	if (size > index->map.size - start || padding > index->map.size - start - size)
		return cut_off(index, walk, err);
	walk->payload = index->map.bytes + start;
	walk->next = start + size + padding;
	const int bad =
	    check_zeros(index, walk, start + size, walk->next, "padding that is not zero", err);
	return bad ? bad : 1;
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
	if (index->map.size >= 2 && index->map.bytes[0] == 0x1f && index->map.bytes[1] == 0x8b)
		return avl_fail(err, AVL_EUSAGE, "a compressed stream cannot be indexed");
	const int rc = step(index, walk, err);
	if (rc < 0)
		return rc;
	int bad = avl_order_header(&walk->entry, rc, err);
	if (bad)
		return bad;
	bad = avl_seal_parse(&index->header, (const char *)walk->payload, (size_t)walk->entry.size,
			     err);
	return bad ? bad : avl_header_verify(index->header, err);
}

/* The end record and what is behind it. */
static int scan_end(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	int rc = avl_order_end(&walk->order, err);
	if (!rc)
		rc = check_zeros(index, walk, walk->at, walk->at + 2 * AVL_TAR_BLOCK,
				 "padding that is not zero", err);
	return rc ? rc
		  : check_zeros(index, walk, walk->at, index->map.size,
				"data behind the end record", err);
}

static int scan(struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	int rc = scan_header(index, walk, err);
	while (!rc) {
		const int begins = !walk->order.key[0];
		rc = step(index, walk, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return scan_end(index, walk, err);
		const int is_seal =
		    avl_order_member(&walk->order, walk->entry.name, walk->entry.size, err);
		if (is_seal < 0)
			return is_seal;
		rc = begins ? add_place(index, walk->at, err) : 0;
		if (is_seal)
			avl_order_close(&walk->order);
	}
	return rc;
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
	index->limit = walk.order.limit = limit ? limit : AVL_PAYLOAD_LIMIT;
	int rc = avl_map_open(&index->map, path, err);
	if (!rc)
		rc = scan(index, &walk, err);
	if (!rc) {
		*out = index;
		return 0;
	}
	avl_index_close(index);
	return avl_order_locate(&walk.order, path, walk.at, rc, err);
}

void avl_index_close(struct avl_index *index)
{
	if (!index)
		return;
	avl_map_close(&index->map);
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
	const char *const name = (const char *)index->map.bytes + index->place[i].offset;
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

/* 1: a member that is the seal, 0: another, negative: error. The order was found right before. */
static int step_in_record(const struct avl_index *index, struct walk *walk, struct avl_err *err)
{
	const int rc = step(index, walk, err);
	if (rc == 1)
		return avl_order_member(&walk->order, walk->entry.name, walk->entry.size, err);
	return rc ? rc : avl_fail(err, AVL_EFORMAT, "the file has changed");
}

static int find_seal(const struct avl_index *index, struct walk *walk, struct avl_json **seal,
		     struct avl_err *err)
{
	int rc = 0;
	while (!rc)
		rc = step_in_record(index, walk, err);
	return rc < 0 ? rc
		      : avl_seal_parse(seal, (const char *)walk->payload, (size_t)walk->entry.size,
				       err);
}

static int take_members(const struct avl_index *index, struct walk *walk, struct avl_record *record,
			int verified, struct avl_err *err)
{
	const struct avl_json *const members = avl_json_get(record->seal, "members");
	for (;;) {
		int rc = step_in_record(index, walk, err);
		if (rc < 0)
			return rc;
		if (rc == 1)
			return avl_seal_verify(record->seal, record, err);
		const char *const suffix = walk->order.suffix;
		const size_t size = (size_t)walk->entry.size;
		const uint32_t crc =
		    verified ? sealed_sum(members, suffix) : avl_crc32(0, walk->payload, size);
		rc = avl_record_take(record, suffix, walk->payload, size, crc, err);
		if (rc)
			return rc;
	}
}

int avl_index_read(struct avl_index *index, int64_t i, struct avl_record *record,
		   struct avl_err *err)
{
	struct place *const place = &index->place[i];
	const int verified = atomic_load(&place->verified);
	const struct walk start = {.next = place->offset, .order = {.limit = index->limit}};
	struct walk walk = start;
	struct avl_json *seal = NULL;
	avl_record_reset(record);
	int rc = find_seal(index, &walk, &seal, err);
	if (!rc) {
		avl_json_free(record->seal);
		record->seal = seal;
		walk = start;
		rc = take_members(index, &walk, record, verified, err);
	}
	if (rc) {
		avl_record_reset(record);
		return avl_order_locate(&walk.order, index->path, walk.at, rc, err);
	}
	strcpy(record->key, walk.order.key);
	atomic_store(&place->verified, 1);
	return 0;
}
