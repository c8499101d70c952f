/* SPDX-License-Identifier: MIT */
#include "media/key.h"

#include <inttypes.h>
#include <libavutil/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 80, TIME_BYTES = 13 };

/* The CRC-32 of gzip and PNG. */
static uint32_t crc_text(uint32_t crc, const char *text)
{
	return ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), ~crc, (const uint8_t *)text,
		       strlen(text));
}

static bool is_plain(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* "dir/dog.mp4": from "dog", 3 bytes. A dot in front does not begin an extension. */
static const char *find_stem(const char *path, size_t *n)
{
	if (!strcmp(path, "-"))
		path = "stdin";
	const char *const slash = strrchr(path, '/');
	const char *const base = slash ? slash + 1 : path;
	const char *const dot = strrchr(base, '.');
	*n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	return base;
}

/* Cut so that the key fits KEY_MAX with its time, if it has one. */
static void make_stem(struct avl_stem *stem, const char *text, size_t n, size_t most)
{
	stem->marked = n > most || !n;
	if (n > most)
		n = most;
	for (size_t i = 0; i < n; i++) {
		stem->text[i] = is_plain(text[i]) ? text[i] : '_';
		stem->marked = stem->marked || stem->text[i] != text[i];
	}
	if (!n)
		stem->text[n++] = '_';
	stem->text[n] = 0;
}

struct order {
	const struct avl_stem *stem;
	const char *path;
	int i;
};

static int compare_stems(const void *a, const void *b)
{
	const struct order *const x = a, *const y = b;
	const int texts = strcmp(x->stem->text, y->stem->text);
	return texts ? texts : x->i - y->i;
}

/* Within one stem: by path, then in the order of the files. */
static int compare_paths(const void *a, const void *b)
{
	const struct order *const x = a, *const y = b;
	const int paths = strcmp(x->path, y->path);
	return paths ? paths : x->i - y->i;
}

static void mark_group(struct order *order, int n, struct avl_stem *stems)
{
	for (int i = 1; i < n; i++)
		stems[order[i].i].marked = true;
	qsort(order, (size_t)n, sizeof *order, compare_paths);
	/* the first of a path may stand unmarked, the second carries the CRC, a third needs more */
	for (int i = 0, same = 0; i < n; i++) {
		same = i && !strcmp(order[i].path, order[i - 1].path) ? same + 1 : 0;
		const int marked_before = same - !stems[order[i - same].i].marked;
		if (marked_before <= 0)
			continue;
		char number[16];
		snprintf(number, sizeof number, "\n%d", marked_before + 1);
		struct avl_stem *const stem = &stems[order[i].i];
		stem->crc = crc_text(stem->crc, number);
	}
}

int avl_stems_make(struct avl_stem **out, const char *const *name, const char *const *path, int n,
		   bool whole, struct avl_err *err)
{
	struct avl_stem *stems = calloc((size_t)n + 1, sizeof *stems);
	struct order *order = calloc((size_t)n + 1, sizeof *order);
	*out = stems;
	if (!stems || !order) {
		free(stems);
		free(order);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	for (int i = 0; i < n; i++) {
		size_t length = strlen(name[i]);
		const char *const text = whole ? name[i] : find_stem(name[i], &length);
		make_stem(&stems[i], text, length, whole ? KEY_MAX : KEY_MAX - TIME_BYTES);
		stems[i].crc = crc_text(0, path[i]);
		order[i] = (struct order){&stems[i], path[i], i};
	}
	qsort(order, (size_t)n, sizeof *order, compare_stems);
	for (int i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n; end++)
			if (strcmp(order[i].stem->text, order[end].stem->text))
				break;
		mark_group(order + i, end - i, stems);
	}
	free(order);
	return 0;
}

void avl_key_make(char key[AVL_MEDIA_KEY_BYTES], const struct avl_stem *stem, int64_t time_us)
{
	const size_t most = time_us < 0 ? KEY_MAX : KEY_MAX - TIME_BYTES;
	size_t n = strlen(stem->text);
	const bool marked = stem->marked || n > most;
	if (n > most)
		n = most;
	memcpy(key, stem->text, n);
	if (time_us >= 0)
		n += (size_t)snprintf(key + n, AVL_MEDIA_KEY_BYTES - n, "_%012" PRId64, time_us);
	if (marked)
		n += (size_t)snprintf(key + n, AVL_MEDIA_KEY_BYTES - n, "-%08" PRIx32, stem->crc);
	key[n] = 0;
}
