/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_ROWS_H
#define AVL_EVAL_ROWS_H

#include <stddef.h>

#include "base/err.h"

/* Text files of rows, as annotations come: one row a line, fields between separators, with or
 * without a newline at the end of the last line or a carriage return before it. */

/* The whole file, malloc'd, with a 0 behind its N bytes. More than LIMIT bytes are refused. */
int avl_file_read(const char *path, size_t limit, char **bytes, size_t *n, struct avl_err *err);

#define AVL_FIELDS_MAX 16

struct avl_rows {
	const char *path; /* for messages */
	char *text;
	size_t n, at;
	char separator;
	int line;                    /* of the row that was read last, from 1 */
	char *field[AVL_FIELDS_MAX]; /* its fields, 0-terminated inside TEXT */
	int nfields;
};

/* PATH is borrowed. */
int avl_rows_open(struct avl_rows *rows, const char *path, char separator, struct avl_err *err);
/* 1: the next row that is not empty, 0: no more, or an error (more than AVL_FIELDS_MAX fields, or
 * a byte 0, which no text holds). */
int avl_rows_next(struct avl_rows *rows, struct avl_err *err);
/* Fails with "'PATH' line N: TEXT". */
int avl_rows_fail(const struct avl_rows *rows, struct avl_err *err, const char *text);
void avl_rows_close(struct avl_rows *rows);

/* The whole field as a finite decimal number: 1, or 0 where it is none. */
int avl_field_number(const char *field, double *value);

#endif
