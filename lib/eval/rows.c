/* SPDX-License-Identifier: MIT */
#include "eval/rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 28)

static int read_all(FILE *file, const char *path, size_t limit, char **bytes, size_t *n,
		    struct avl_err *err)
{
	size_t room = (size_t)1 << 16;
	*bytes = NULL;
	*n = 0;
	for (;;) {
		char *const grown = realloc(*bytes, room + 1);
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		*bytes = grown;
		*n += fread(*bytes + *n, 1, room - *n, file);
		if (ferror(file))
			return avl_fail_errno(err, "'%s'", path);
		if (*n > limit)
			return avl_fail(err, AVL_ELIMIT, "'%s': larger than %zu bytes", path,
					limit);
		if (*n < room)
			break;
		room *= 2;
	}
	(*bytes)[*n] = 0;
	return 0;
}

int avl_file_read(const char *path, size_t limit, char **bytes, size_t *n, struct avl_err *err)
{
	FILE *const file = fopen(path, "rb");
	*bytes = NULL;
	if (!file)
		return avl_fail_errno(err, "'%s'", path);
	const int rc = read_all(file, path, limit, bytes, n, err);
	fclose(file);
	if (rc) {
		free(*bytes);
		*bytes = NULL;
	}
	return rc;
}

int avl_rows_open(struct avl_rows *rows, const char *path, char separator, struct avl_err *err)
{
	*rows = (struct avl_rows){.path = path, .separator = separator};
	return avl_file_read(path, FILE_MAX, &rows->text, &rows->n, err);
}

static int split(struct avl_rows *rows, char *line, struct avl_err *err)
{
	rows->nfields = 0;
	for (char *at = line;;) {
		char *const end = strchr(at, rows->separator);
		if (rows->nfields == AVL_FIELDS_MAX)
			return avl_rows_fail(rows, err, "has too many fields");
		rows->field[rows->nfields++] = at;
		if (!end)
			return 1;
		*end = 0;
		at = end + 1;
	}
}

int avl_rows_next(struct avl_rows *rows, struct avl_err *err)
{
	while (rows->at < rows->n) {
		char *const line = rows->text + rows->at;
		char *const newline = memchr(line, '\n', rows->n - rows->at);
		size_t length = newline ? (size_t)(newline - line) : rows->n - rows->at;
		rows->at += length + (newline != NULL);
		rows->line++;
		if (memchr(line, 0, length))
			return avl_rows_fail(rows, err, "is no text");
		if (length && line[length - 1] == '\r')
			length--;
		line[length] = 0;
		if (length)
			return split(rows, line, err);
	}
	return 0;
}

int avl_rows_fail(const struct avl_rows *rows, struct avl_err *err, const char *text)
{
	return avl_fail(err, AVL_EFORMAT, "'%s' line %d: %s", rows->path, rows->line, text);
}

void avl_rows_close(struct avl_rows *rows)
{
	free(rows->text);
	*rows = (struct avl_rows){0};
}

int avl_field_number(const char *field, double *value)
{
	char *end;
	while (*field == ' ')
		field++;
	if (!*field || strspn(field, "0123456789+-.eE ") != strlen(field))
		return 0;
	*value = strtod(field, &end);
	while (*end == ' ')
		end++;
	return end != field && !*end && isfinite(*value);
}
