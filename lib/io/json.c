/* SPDX-License-Identifier: MIT */
#include "io/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

static json_t *inner(const struct avl_json *value)
{
	return (json_t *)(uintptr_t)value;
}

static struct avl_json *outer(json_t *value)
{
	return (struct avl_json *)value;
}

/* jansson recurses, so the nesting of text from outside is bounded before it sees the text. */
static int too_deep(const char *text, size_t n)
{
	int depth = 0, in_string = 0;
	for (size_t i = 0; i < n; i++) {
		const char c = text[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return 1;
		else if (!in_string && (c == ']' || c == '}'))
			depth--;
	}
	return 0;
}

int avl_json_parse(struct avl_json **out, const char *text, size_t n, struct avl_err *err)
{
	*out = NULL;
	if (too_deep(text, n))
		return avl_fail(err, AVL_ELIMIT, "JSON nested deeper than %d", DEPTH_MAX);
	json_error_t why;
	json_t *const value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!value && json_error_code(&why) == json_error_out_of_memory)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	if (!value) {
		/* the text of the error quotes the input: keep the message one plain line */
		char reason[JSON_ERROR_TEXT_LENGTH];
		size_t k = 0;
		for (const char *c = why.text; *c && k + 1 < sizeof reason; c++)
			reason[k++] = (char)(*c < ' ' || *c > '~' ? '?' : *c);
		reason[k] = 0;
		return avl_fail(err, AVL_EFORMAT, "bad JSON at character %d: %s", why.position,
				reason);
	}
	*out = outer(value);
	return 0;
}

/* --- text ------------------------------------------------------------------------------------ */

struct text {
	char *bytes;
	size_t n, room;
	int failed;
};

static void put(struct text *text, const char *bytes, size_t n)
{
	if (text->failed)
		return;
	if (text->room - text->n < n + 1) {
		const size_t room = 2 * (text->n + n) + 64;
		char *const grown = realloc(text->bytes, room);
		text->failed = !grown;
		if (!grown)
			return;
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->n, bytes, n);
	text->n += n;
}

static void put_string(struct text *text, const char *string, size_t n)
{
	put(text, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)string[i];
		char code[8];
		if (c == '"' || c == '\\')
			put(text, c == '"' ? "\\\"" : "\\\\", 2);
		else if (c == '\n')
			put(text, "\\n", 2);
		else if (c == '\t')
			put(text, "\\t", 2);
		else if (c < ' ' || c == 127)
			put(text, code, (size_t)snprintf(code, sizeof code, "\\u%04x", c));
		else
			put(text, string + i, 1);
	}
	put(text, "\"", 1);
}

/* As few digits, from 15 on, as read back as the same double. */
static void put_real(struct text *text, double value)
{
	char digits[40];
	int n = 0;
	if (value == 0 && signbit(value)) {
		put(text, "-0.0", 4); /* "-0" would be read as a whole number, without its sign */
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		n = snprintf(digits, sizeof digits, "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	put(text, digits, (size_t)n);
}

static void put_value(struct text *text, json_t *value)
{
	char digits[24];
	const char *before = "";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put(text, "{", 1);
		for (void *it = json_object_iter(value); it;
		     it = json_object_iter_next(value, it), before = ",") {
			const char *const name = json_object_iter_key(it);
			put(text, before, strlen(before));
			put_string(text, name, strlen(name));
			put(text, ":", 1);
			put_value(text, json_object_iter_value(it));
		}
		put(text, "}", 1);
		break;
	case JSON_ARRAY:
		put(text, "[", 1);
		for (size_t i = 0; i < json_array_size(value); i++, before = ",") {
			put(text, before, strlen(before));
			put_value(text, json_array_get(value, i));
		}
		put(text, "]", 1);
		break;
	case JSON_STRING:
		put_string(text, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		put(text, digits,
		    (size_t)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT,
				     json_integer_value(value)));
		break;
	case JSON_REAL:
		put_real(text, json_real_value(value));
		break;
	case JSON_TRUE:
		put(text, "true", 4);
		break;
	case JSON_FALSE:
		put(text, "false", 5);
		break;
	case JSON_NULL:
		put(text, "null", 4);
		break;
	}
}

char *avl_json_dump(const struct avl_json *value, size_t *n)
{
	struct text text = {0};
	put_value(&text, inner(value));
	if (text.failed) {
		free(text.bytes);
		return NULL;
	}
	text.bytes[text.n] = 0;
	if (n)
		*n = text.n;
	return text.bytes;
}

/* --- life ------------------------------------------------------------------------------------ */

struct avl_json *avl_json_object(void)
{
	return outer(json_object());
}

struct avl_json *avl_json_array(void)
{
	return outer(json_array());
}

void avl_json_free(struct avl_json *value)
{
	json_decref(inner(value));
}

struct avl_json *avl_json_copy(const struct avl_json *value)
{
	return outer(json_deep_copy(inner(value)));
}

/* --- reading --------------------------------------------------------------------------------- */

enum avl_json_type avl_json_type(const struct avl_json *value)
{
	static const enum avl_json_type type[] = {
	    [JSON_OBJECT] = AVL_JSON_OBJECT, [JSON_ARRAY] = AVL_JSON_ARRAY,
	    [JSON_STRING] = AVL_JSON_STRING, [JSON_INTEGER] = AVL_JSON_NUMBER,
	    [JSON_REAL] = AVL_JSON_NUMBER,   [JSON_TRUE] = AVL_JSON_TRUE,
	    [JSON_FALSE] = AVL_JSON_FALSE,   [JSON_NULL] = AVL_JSON_NULL,
	};
	return value ? type[json_typeof(inner(value))] : AVL_JSON_NONE;
}

static double number_of(const json_t *value, double fallback)
{
	return json_is_number(value) ? json_number_value(value) : fallback;
}

static const char *string_of(const json_t *value, const char *fallback)
{
	return json_is_string(value) ? json_string_value(value) : fallback;
}

static int64_t integer_of(const json_t *value, int64_t fallback)
{
	if (json_is_integer(value))
		return json_integer_value(value);
	if (!json_is_real(value))
		return fallback;
	const double real = json_real_value(value);
	return real == floor(real) && fabs(real) < 0x1p53 ? (int64_t)real : fallback;
}

struct avl_json *avl_json_get(const struct avl_json *object, const char *name)
{
	return outer(json_object_get(inner(object), name));
}

double avl_json_number(const struct avl_json *object, const char *name, double fallback)
{
	return number_of(json_object_get(inner(object), name), fallback);
}

int64_t avl_json_integer(const struct avl_json *object, const char *name, int64_t fallback)
{
	return integer_of(json_object_get(inner(object), name), fallback);
}

const char *avl_json_string(const struct avl_json *object, const char *name, const char *fallback)
{
	return string_of(json_object_get(inner(object), name), fallback);
}

int avl_json_length(const struct avl_json *array)
{
	return (int)json_array_size(inner(array));
}

struct avl_json *avl_json_at(const struct avl_json *array, int i)
{
	return i < 0 ? NULL : outer(json_array_get(inner(array), (size_t)i));
}

double avl_json_number_at(const struct avl_json *array, int i, double fallback)
{
	return number_of(inner(avl_json_at(array, i)), fallback);
}

int64_t avl_json_integer_at(const struct avl_json *array, int i, int64_t fallback)
{
	return integer_of(inner(avl_json_at(array, i)), fallback);
}

const char *avl_json_string_at(const struct avl_json *array, int i, const char *fallback)
{
	return string_of(inner(avl_json_at(array, i)), fallback);
}

int avl_json_size(const struct avl_json *object)
{
	return (int)json_object_size(inner(object));
}

int avl_json_next(const struct avl_json *object, void **at, const char **name,
		  struct avl_json **value)
{
	json_t *const json = inner(object);
	*at = *at ? json_object_iter_next(json, *at) : json_object_iter(json);
	if (!*at)
		return 0;
	*name = json_object_iter_key(*at);
	*value = outer(json_object_iter_value(*at));
	return 1;
}

int avl_json_member(const struct avl_json *object, int i, const char **name,
		    struct avl_json **value)
{
	void *at = NULL;
	while (i >= 0 && avl_json_next(object, &at, name, value))
		if (i-- == 0)
			return 0;
	return -1;
}

/* --- writing --------------------------------------------------------------------------------- */

static json_t *make_number(double value)
{
	if (value == floor(value) && fabs(value) < 0x1p53)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* Bytes of the UTF-8 character at TEXT, 0 where there is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). The terminating 0 stops every look ahead. */
static int utf8_length(const unsigned char *text)
{
	const unsigned c = text[0], d = c ? text[1] : 0;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || (d & 0xc0) != 0x80)
		return 0;
	if (c < 0xe0)
		return 2;
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (text[2] & 0xc0) != 0x80)
		return 0;
	if (c < 0xf0)
		return 3;
	if ((c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f) || (text[3] & 0xc0) != 0x80)
		return 0;
	return 4;
}

static json_t *make_string(const char *string)
{
	struct text text = {0};
	put(&text, "", 0);
	for (const char *c = string; *c;) {
		const int n = utf8_length((const unsigned char *)c);
		if (n)
			put(&text, c, (size_t)n);
		else
			put(&text, "\xef\xbf\xbd", 3);
		c += n ? n : 1;
	}
	json_t *const value = text.failed ? NULL : json_stringn(text.bytes, text.n);
	free(text.bytes);
	return value;
}

int avl_json_set(struct avl_json *object, const char *name, struct avl_json *value)
{
	return value && !json_object_set_new(inner(object), name, inner(value)) ? 0 : AVL_ENOMEM;
}

int avl_json_append(struct avl_json *array, struct avl_json *value)
{
	return value && !json_array_append_new(inner(array), inner(value)) ? 0 : AVL_ENOMEM;
}

int avl_json_set_number(struct avl_json *object, const char *name, double value)
{
	if (!isfinite(value))
		return AVL_EFORMAT;
	return avl_json_set(object, name, outer(make_number(value)));
}

int avl_json_set_string(struct avl_json *object, const char *name, const char *text)
{
	return avl_json_set(object, name, outer(make_string(text)));
}

int avl_json_set_numbers(struct avl_json *object, const char *name, const double *value, int n)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(value[i]))
			return AVL_EFORMAT;
	struct avl_json *const array = avl_json_array();
	for (int i = 0; i < n; i++)
		if (!array || avl_json_append(array, outer(make_number(value[i])))) {
			avl_json_free(array);
			return AVL_ENOMEM;
		}
	return avl_json_set(object, name, array);
}

int avl_json_append_number(struct avl_json *array, double value)
{
	return isfinite(value) ? avl_json_append(array, outer(make_number(value))) : AVL_EFORMAT;
}

int avl_json_append_string(struct avl_json *array, const char *text)
{
	return avl_json_append(array, outer(make_string(text)));
}

int avl_json_remove(struct avl_json *object, const char *name)
{
	return json_object_del(inner(object), name) ? AVL_ENONE : 0;
}
