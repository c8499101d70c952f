/* SPDX-License-Identifier: MIT */
#include "media/list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/source.h"

#define LIST_BYTES_MAX (1 << 28)
#define BOM            "\xef\xbb\xbf"

enum { KEY, PICTURE, SOUND, TIME, FIELDS };

static int read_text(char **text, size_t *n, const char *path, struct avl_err *err)
{
	struct avl_source source;
	int rc = avl_source_open(&source, path, err);
	if (rc)
		return rc;
	*text = NULL;
	if (source.size > LIST_BYTES_MAX) {
		rc = avl_fail(err, AVL_ELIMIT, "is longer than %d bytes", LIST_BYTES_MAX);
		goto out;
	}
	*text = malloc((size_t)source.size + 1);
	if (!*text) {
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
		goto out;
	}
	const int64_t got = avl_source_read(&source, 0, *text, (size_t)source.size);
	if (got < 0) {
		rc = avl_fail_errno(err, "cannot be read");
		goto out;
	}
	*n = (size_t)got;
	(*text)[*n] = 0;
	if (memchr(*text, 0, *n))
		rc = avl_fail(err, AVL_EFORMAT, "is no text");
out:
	avl_source_close(&source);
	if (rc)
		free(*text);
	return rc;
}

static const char *named(const char *field)
{
	return !field || !*field || !strcmp(field, "-") ? NULL : field;
}

static int parse_time(const char *field, double *time_s)
{
	char *end;
	*time_s = -1;
	if (!named(field))
		return 0;
	*time_s = strtod(field, &end);
	return end == field || *end || !isfinite(*time_s) || *time_s < 0 || *time_s > 1e9 ? -1 : 0;
}

/* Takes LINE apart in place. 1: a row; 0: nothing in it. */
static int parse_row(struct avl_list_row *row, char *line, int number, struct avl_err *err)
{
	char *field[FIELDS] = {NULL};
	int n = 0;
	line[strcspn(line, "\r")] = 0;
	if (!*line || *line == '#')
		return 0;
	for (char *at = line; at; n++) {
		if (n == FIELDS)
			return avl_fail(err, AVL_EFORMAT, "line %d: more than %d columns", number,
					FIELDS);
		field[n] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = 0;
	}
	row->key = named(field[KEY]);
	row->picture = named(field[PICTURE]);
	row->sound = named(field[SOUND]);
	if (!row->key)
		return avl_fail(err, AVL_EFORMAT, "line %d: no key", number);
	if (!row->picture && !row->sound)
		return avl_fail(err, AVL_EFORMAT, "line %d: neither picture nor sound", number);
	if (parse_time(field[TIME], &row->time_s))
		return avl_fail(err, AVL_EFORMAT, "line %d: '%s' is no time in seconds", number,
				field[TIME]);
	return 1;
}

static int add_row(struct avl_list *list, char *line, int number, struct avl_err *err)
{
	struct avl_list_row *const row = &list->row[list->n];
	struct avl_err wrong;
	const int is = parse_row(row, line, number, &wrong);
	list->n += is != 0;
	if (is >= 0)
		return 0;
	*row = (struct avl_list_row){
	    .wrong = avl_arena_text(&list->notes, wrong.text, strlen(wrong.text))};
	return row->wrong ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

static int count_lines(const char *text)
{
	int n = 1;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int avl_list_read(struct avl_list *list, const char *path, struct avl_err *err)
{
	size_t n = 0;
	*list = (struct avl_list){0};
	avl_arena_init(&list->notes, 0);
	int rc = read_text(&list->text, &n, path, err);
	if (rc)
		return rc;
	list->row = calloc((size_t)count_lines(list->text), sizeof *list->row);
	if (!list->row)
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
	int number = 0;
	/* the mark that spreadsheets put before UTF-8 is no part of the first key */
	char *const first = list->text + (strncmp(list->text, BOM, strlen(BOM)) ? 0 : strlen(BOM));
	for (char *line = first; !rc && line;) {
		char *const end = strchr(line, '\n');
		if (end)
			*end = 0;
		rc = add_row(list, line, ++number, err);
		line = end ? end + 1 : NULL;
	}
	if (rc)
		avl_list_release(list);
	return rc;
}

void avl_list_release(struct avl_list *list)
{
	free(list->row);
	free(list->text);
	avl_arena_release(&list->notes);
	*list = (struct avl_list){0};
}
