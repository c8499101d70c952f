/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_JSON_H
#define AVL_IO_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* JSON text (RFC 8259) as seals, stream headers and model metadata carry it. A thin layer over
 * jansson, so that nobody else needs to know it: the only file that includes it is json.c. */

/* A value: object, array, string, number, true, false or null. Values are counted references. */
struct avl_json;

enum avl_json_type {
	AVL_JSON_NONE, /* no value: a NULL pointer */
	AVL_JSON_OBJECT,
	AVL_JSON_ARRAY,
	AVL_JSON_STRING,
	AVL_JSON_NUMBER,
	AVL_JSON_TRUE,
	AVL_JSON_FALSE,
	AVL_JSON_NULL,
};

/* Reads one value of N bytes. Refuses duplicate names, anything behind the value, nesting deeper
 * than 64, numbers no double can hold, and whole numbers beyond 64 bits. *OUT belongs to the
 * caller. */
int avl_json_parse(struct avl_json **out, const char *text, size_t n, struct avl_err *err);

/* Text without white space, members in the order they were set, doubles with as few of 15 to 17
 * digits as read back the same; malloc'd, ended by 0. *N is its length; N may be
 * NULL. NULL when memory is exhausted. */
char *avl_json_dump(const struct avl_json *value, size_t *n);

struct avl_json *avl_json_object(void);
struct avl_json *avl_json_array(void);
void avl_json_free(struct avl_json *value); /* gives one reference back; NULL is allowed */
struct avl_json *avl_json_copy(const struct avl_json *value); /* deep */

/* --- reading: a borrowed pointer, or the fallback where no member is of that name and type --- */
enum avl_json_type avl_json_type(const struct avl_json *value);
struct avl_json *avl_json_get(const struct avl_json *object, const char *name);
double avl_json_number(const struct avl_json *object, const char *name, double fallback);
/* A whole number: exact to 64 bits; the fallback for one with a fraction. */
int64_t avl_json_integer(const struct avl_json *object, const char *name, int64_t fallback);
const char *avl_json_string(const struct avl_json *object, const char *name, const char *fallback);
int avl_json_length(const struct avl_json *array); /* 0 for anything but an array */
struct avl_json *avl_json_at(const struct avl_json *array, int i);
double avl_json_number_at(const struct avl_json *array, int i, double fallback);
int64_t avl_json_integer_at(const struct avl_json *array, int i, int64_t fallback);
const char *avl_json_string_at(const struct avl_json *array, int i, const char *fallback);
int avl_json_size(const struct avl_json *object); /* members; 0 for anything but an object */
/* The I-th member's name and value, in the order of the text; -1 past the last. */
int avl_json_member(const struct avl_json *object, int i, const char **name,
		    struct avl_json **value);
/* The same as a walk: *AT starts as NULL; 1 while there is a member. */
int avl_json_next(const struct avl_json *object, void **at, const char **name,
		  struct avl_json **value);

/* --- writing: replace or append; 0, or AVL_ENOMEM. A number that is whole and below 2^53 is
 * written without a point. NaN and infinities cannot be written: AVL_EFORMAT. Strings must be
 * UTF-8: other bytes become U+FFFD. --- */
int avl_json_set_number(struct avl_json *object, const char *name, double value);
int avl_json_set_string(struct avl_json *object, const char *name, const char *text);
int avl_json_set_numbers(struct avl_json *object, const char *name, const double *value, int n);
int avl_json_set(struct avl_json *object, const char *name, struct avl_json *value); /* takes it */
int avl_json_append(struct avl_json *array, struct avl_json *value);                 /* takes it */
int avl_json_append_number(struct avl_json *array, double value);
int avl_json_append_string(struct avl_json *array, const char *text);
int avl_json_remove(struct avl_json *object, const char *name); /* AVL_ENONE where absent */

#endif
