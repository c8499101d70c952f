/* SPDX-License-Identifier: MIT */
#include "media/intact.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int cut_off(struct avl_err *err, const char *why)
{
	return avl_fail(err, AVL_EFORMAT, "is cut off: %s", why);
}

/* ISO 14496-12 4.2: size, type; size 1: a 64-bit size follows; size 0: up to the end. */
static int check_iso(const struct avl_source *source, struct avl_err *err)
{
	unsigned char head[16];
	int64_t at = 0;
	while (at < source->size) {
		const int64_t got = avl_source_read(source, at, head, sizeof head);
		if (got < 0)
			return avl_fail_errno(err, "cannot be read");
		if (got < 8)
			return cut_off(err, "its last box is not whole");
		uint64_t size = be32(head);
		if (!size)
			return 0;
		if (size == 1 && got == 16)
			size = (uint64_t)be32(head + 8) << 32 | be32(head + 12);
		if (size < 8)
			return avl_fail(err, AVL_EFORMAT, "is damaged: a box of %llu bytes",
					(unsigned long long)size);
		if (size > (uint64_t)(source->size - at))
			return cut_off(err, "its last box is not whole");
		at += (int64_t)size;
	}
	return 0;
}

/* An EBML element's id and size at AT (RFC 8794); *SIZE -1: unknown. Returns the header's length,
 * 0 where there is none. */
static int ebml_head(const struct avl_source *source, int64_t at, uint32_t *id, int64_t *size)
{
	unsigned char b[12];
	const int64_t got = avl_source_read(source, at, b, sizeof b);
	int id_length = 1, size_length = 1;
	if (got < 2 || !(b[0] & 0xf0))
		return 0;
	while (!(b[0] & 0x80 >> (id_length - 1)))
		id_length++;
	if (got <= id_length || !b[id_length])
		return 0;
	while (!(b[id_length] & 0x80 >> (size_length - 1)))
		size_length++;
	if (got < id_length + size_length)
		return 0;
	*id = 0;
	for (int i = 0; i < id_length; i++)
		*id = *id << 8 | b[i];
	uint64_t value = b[id_length] & (0xffu >> size_length);
	bool unknown = value == 0xffu >> size_length;
	for (int i = 1; i < size_length; i++) {
		value = value << 8 | b[id_length + i];
		unknown = unknown && b[id_length + i] == 0xff;
	}
	*size = unknown ? -1 : (int64_t)value;
	return id_length + size_length;
}

static int check_matroska(const struct avl_source *source, struct avl_err *err)
{
	enum { EBML = 0x1a45dfa3, SEGMENT = 0x18538067 };
	int64_t at = 0;
	while (at < source->size) {
		uint32_t id;
		int64_t size;
		const int head = ebml_head(source, at, &id, &size);
		if (!head)
			return cut_off(err, "its last element is not whole");
		if (size >= 0 && size > source->size - at - head)
			return cut_off(err, id == SEGMENT ? "its segment is not whole"
							  : "its last element is not whole");
		at += head;
		if (id == SEGMENT && size < 0)
			continue; /* its children follow */
		if (size < 0)
			return 0; /* a live cluster: where it ends cannot be told */
		at += size;
	}
	return 0;
}

static int check_riff(const struct avl_source *source, struct avl_err *err)
{
	unsigned char head[8];
	int64_t at = 0;
	while (avl_source_read(source, at, head, sizeof head) == 8) {
		const uint32_t size = le32(head + 4);
		if (memcmp(head, "RIFF", 4) || !size || size == UINT32_MAX)
			return 0; /* something behind the end, or written to a pipe */
		/* the byte that makes an odd size even is often left out */
		if (size > source->size - at - 8)
			return cut_off(err, "its RIFF chunk is not whole");
		at += 8 + (int64_t)size + (size & 1);
	}
	return 0;
}

/* RFC 3533: pages of 27 bytes, a segment table, the segments. */
enum { OGG_STREAMS = 32, OGG_LAST = 4 };

struct ogg_streams {
	uint32_t serial[OGG_STREAMS];
	bool last[OGG_STREAMS];
	int n;
};

static void ogg_note(struct ogg_streams *streams, uint32_t serial, bool last)
{
	int i = 0;
	while (i < streams->n && streams->serial[i] != serial)
		i++;
	if (i == OGG_STREAMS)
		return;
	streams->serial[i] = serial;
	streams->last[i] = last;
	if (i == streams->n)
		streams->n++;
}

static int check_ogg(const struct avl_source *source, struct avl_err *err)
{
	unsigned char page[27 + 255];
	struct ogg_streams streams = {.n = 0};
	int64_t at = 0;
	while (at < source->size) {
		const int64_t got = avl_source_read(source, at, page, sizeof page);
		if (got < 27 || got < 27 + page[26])
			return cut_off(err, "its last page is not whole");
		if (memcmp(page, "OggS", 4))
			return 0; /* the demuxer finds its way, or fails */
		int64_t size = 27 + page[26];
		for (int i = 0; i < page[26]; i++)
			size += page[27 + i];
		if (size > source->size - at)
			return cut_off(err, "its last page is not whole");
		ogg_note(&streams, le32(page + 14), page[5] & OGG_LAST);
		at += size;
	}
	for (int i = 0; i < streams.n; i++)
		if (!streams.last[i])
			return cut_off(err, "a stream does not end");
	return 0;
}

static int check_png(const struct avl_source *source, struct avl_err *err)
{
	unsigned char head[8];
	int64_t at = 8;
	while (avl_source_read(source, at, head, sizeof head) == 8) {
		const int64_t size = 12 + (int64_t)be32(head);
		if (size > source->size - at)
			break;
		if (!memcmp(head + 4, "IEND", 4))
			return 0;
		at += size;
	}
	return cut_off(err, "it has no IEND");
}

/* ISO 13818-1: packets of 188 bytes. */
static bool is_transport(const struct avl_source *source)
{
	unsigned char sync[2] = {0};
	return avl_source_read(source, 0, sync, 1) == 1 && sync[0] == 0x47 &&
	       avl_source_read(source, 188, sync + 1, 1) == 1 && sync[1] == 0x47;
}

/* A header of 9 bytes, then tags of 11 and their data, each behind the size of the one before. */
static int check_flv(const struct avl_source *source, struct avl_err *err)
{
	unsigned char head[15];
	int64_t at = 9;
	while (avl_source_read(source, at, head, sizeof head) == sizeof head)
		at += 15 + (int64_t)(be32(head + 4) & 0xffffff);
	return at + 4 == source->size ? 0 : cut_off(err, "its last tag is not whole");
}

/* The Xing or Info tag of an MP3's first frame says how many bytes follow, if there is one. */
static int check_mp3(const struct avl_source *source, struct avl_err *err)
{
	unsigned char b[256] = {0};
	int64_t at = 0;
	if (avl_source_read(source, 0, b, 10) == 10 && !memcmp(b, "ID3", 3))
		at = 10 + ((int64_t)(b[6] & 0x7f) << 21 | (b[7] & 0x7f) << 14 | (b[8] & 0x7f) << 7 |
			   (b[9] & 0x7f));
	if (avl_source_read(source, at, b, sizeof b) != sizeof b || b[0] != 0xff ||
	    (b[1] & 0xe6) != 0xe2)
		return 0;
	for (int i = 4; i < 60; i++) {
		if (memcmp(b + i, "Xing", 4) && memcmp(b + i, "Info", 4))
			continue;
		const uint32_t flags = be32(b + i + 4);
		const uint32_t bytes = be32(b + i + 8 + (flags & 1 ? 4 : 0));
		if (flags & 2 && bytes > source->size - at)
			return cut_off(err, "bytes are missing at its end");
		return 0;
	}
	return 0;
}

/* The length of the chain of sub-blocks at AT, each behind a byte that says its length, with the
 * empty one that ends it; -1 where the file ends first. */
static int64_t gif_chain(const struct avl_source *source, int64_t at)
{
	const int64_t from = at;
	unsigned char length;
	while (avl_source_read(source, at, &length, 1) == 1) {
		at += 1 + (int64_t)length;
		if (!length)
			return at - from;
	}
	return -1;
}

static int64_t gif_colors(unsigned char flags)
{
	return flags & 0x80 ? INT64_C(3) << ((flags & 7) + 1) : 0;
}

/* GIF89a: a header of 13 bytes, colours; then extensions '!' and pictures ',' up to ';'. */
static int check_gif(const struct avl_source *source, struct avl_err *err)
{
	unsigned char b[13] = {0};
	int64_t at = 13, chain = 0;
	if (avl_source_read(source, 0, b, 13) == 13)
		at += gif_colors(b[10]);
	while (chain >= 0 && avl_source_read(source, at, b, 10) > 0) {
		if (*b != '!' && *b != ',')
			return 0; /* the end, or what the demuxer finds its way through, or not */
		at += *b == '!' ? 2 : 11 + gif_colors(b[9]);
		chain = gif_chain(source, at);
		at += chain;
	}
	return cut_off(err, "it has no trailer");
}

/* The last 64 KiB hold the end mark unless more junk than that follows it. */
static int check_tail(const struct avl_source *source, const char *mark, size_t n, const char *why,
		      struct avl_err *err)
{
	enum { TAIL = 1 << 16 };
	unsigned char *tail = malloc(TAIL);
	if (!tail)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const int64_t from = source->size > TAIL ? source->size - TAIL : 0;
	const int64_t got = avl_source_read(source, from, tail, TAIL);
	bool found = false;
	for (int64_t i = got - (int64_t)n; i >= 0 && !found; i--)
		found = !memcmp(tail + i, mark, n);
	free(tail);
	return found ? 0 : cut_off(err, why);
}

int avl_intact_check(const struct avl_source *source, struct avl_err *err)
{
	unsigned char head[12] = {0};
	const int64_t got = avl_source_read(source, 0, head, sizeof head);
	if (got < 0)
		return avl_fail_errno(err, "cannot be read");
	if (!memcmp(head + 4, "ftyp", 4) || !memcmp(head + 4, "moov", 4) ||
	    !memcmp(head + 4, "mdat", 4) || !memcmp(head + 4, "wide", 4))
		return check_iso(source, err);
	if (!memcmp(head, "\x1a\x45\xdf\xa3", 4))
		return check_matroska(source, err);
	if (!memcmp(head, "RIFF", 4))
		return check_riff(source, err);
	if (!memcmp(head, "OggS", 4))
		return check_ogg(source, err);
	if (!memcmp(head, "\x89PNG\r\n\x1a\n", 8))
		return check_png(source, err);
	if (!memcmp(head, "\xff\xd8\xff", 3))
		return check_tail(source, "\xff\xd9", 2, "it has no end mark", err);
	if (!memcmp(head, "FLV\1", 4))
		return check_flv(source, err);
	if (!memcmp(head, "ID3", 3) || (head[0] == 0xff && (head[1] & 0xe6) == 0xe2))
		return check_mp3(source, err);
	if (is_transport(source))
		return source->size % 188 ? cut_off(err, "its last packet is not whole") : 0;
	if (!memcmp(head, "GIF8", 4))
		return check_gif(source, err);
	return 0;
}
