/* SPDX-License-Identifier: MIT */
/* Writes a stream to stdout from a description on stdin, for the command tests. One word after the
 * other, separated by blanks; a line that begins with # is a comment:
 *
 *	record KEY              begins a record; what follows belongs to it
 *	seal NAME VALUE         a field of the seal: JSON without blanks, or else text
 *	TYPE SUFFIX DIMS FILL   a member, TYPE f4 f8 u1, DIMS as 7x7, FILL one of
 *	    = V V V ...         the values up to the end of the line, from the start again until
 *full bell X Y S          exp(-d^2 / 2 S^2), d the distance from the place X, Y (fractions of the
 *last two dimensions) random SEED         uniform in 0..1, the shared generator with stream 0
 *	    normal SEED         normal, the same */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "io/stream.h"

#define VALUES_MAX 4096

static _Noreturn void die(const char *what, const char *text)
{
	fprintf(stderr, "mkrecord: %s: '%s'\n", what, text);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	const double value = text ? strtod(text, &end) : 0;
	if (!text || *end || end == text)
		die("not a number", text ? text : "");
	return value;
}

static void set(struct avl_tensor *tensor, size_t i, double value)
{
	if (tensor->dtype == AVL_F4)
		((float *)tensor->data)[i] = (float)value;
	else if (tensor->dtype == AVL_F8)
		((double *)tensor->data)[i] = value;
	else
		((uint8_t *)tensor->data)[i] = (uint8_t)value;
}

static void fill_values(struct avl_tensor *tensor, size_t n)
{
	double value[VALUES_MAX];
	size_t given = 0;
	for (const char *word; given < VALUES_MAX && (word = strtok(NULL, " \t\n"));)
		value[given++] = number(word);
	if (!given)
		die("no values", "=");
	for (size_t i = 0; i < n; i++)
		set(tensor, i, value[i % given]);
}

static void fill_bell(struct avl_tensor *tensor)
{
	const double x = number(strtok(NULL, " \t\n")), y = number(strtok(NULL, " \t\n")),
		     s = number(strtok(NULL, " \t\n"));
	const int64_t cols = tensor->dim[tensor->ndim - 1], rows = tensor->dim[tensor->ndim - 2];
	for (int64_t i = 0; i < rows * cols; i++) {
		const double dx = ((double)(i % cols) + 0.5) / (double)cols - x;
		const double dy = ((double)(i / cols) + 0.5) / (double)rows - y;
		set(tensor, (size_t)i, exp(-(dx * dx + dy * dy) / (2 * s * s)));
	}
}

static void fill_random(struct avl_tensor *tensor, size_t n, int normal)
{
	struct avl_rng rng;
	avl_rng_init(&rng, (uint64_t)number(strtok(NULL, " \t\n")), 0);
	for (size_t i = 0; i < n; i++)
		set(tensor, i, (double)(normal ? avl_rng_normal(&rng) : avl_rng_uniform(&rng)));
}

static void put_member(struct avl_record *record, const char *type)
{
	static const char *const types[] = {"f4", "f8", "u1"};
	struct avl_tensor tensor = {.dtype = AVL_DTYPES};
	struct avl_err err;
	size_t n, bytes;
	for (int k = 0; k < 3; k++)
		if (!strcmp(type, types[k]))
			tensor.dtype = (enum avl_dtype)(AVL_F4 + k);
	if (tensor.dtype == AVL_DTYPES)
		die("unknown word", type);
	const char *const suffix = strtok(NULL, " \t\n"), *const dims = strtok(NULL, " \t\n"),
			  *const fill = strtok(NULL, " \t\n");
	for (const char *at = dims; at && *at && tensor.ndim < AVL_DIMS_MAX;
	     at += strspn(at, "0123456789"), at += *at == 'x')
		tensor.dim[tensor.ndim++] = atoll(at);
	if (!suffix || !fill || avl_tensor_measure(&tensor, 1u << 28, &n, &bytes, &err))
		die("bad member", suffix ? suffix : type);
	tensor.data = avl_arena_alloc(&record->arena, bytes);
	if (!tensor.data)
		die("out of memory", suffix);
	if (!strcmp(fill, "="))
		fill_values(&tensor, n);
	else if (!strcmp(fill, "bell"))
		fill_bell(&tensor);
	else
		fill_random(&tensor, n, !strcmp(fill, "normal"));
	if (avl_record_put(record, suffix, &tensor, &err))
		die(err.text, suffix);
}

static void put_seal(struct avl_record *record)
{
	const char *const name = strtok(NULL, " \t\n"), *const value = strtok(NULL, " \t\n");
	struct avl_json *json;
	if (!name || !value)
		die("seal wants a name and a value", name ? name : "");
	if (avl_json_parse(&json, value, strlen(value), NULL)
		? avl_json_set_string(record->seal, name, value)
		: avl_json_set(record->seal, name, json))
		die("out of memory", name);
}

static void write_record(struct avl_writer *writer, const struct avl_record *record)
{
	struct avl_err err;
	if (*record->key && avl_writer_record(writer, record, &err))
		die(err.text, record->key);
}

int main(void)
{
	static char line[1 << 16];
	struct avl_writer *writer;
	struct avl_record record;
	struct avl_err err;
	if (avl_writer_open(&writer, STDOUT_FILENO, "stdout", "mkrecord", NULL, 0, &err))
		die(err.text, "stdout");
	avl_record_init(&record, 0);
	while (fgets(line, sizeof line, stdin)) {
		const char *const word = strtok(line, " \t\n");
		if (!word || *word == '#')
			continue;
		if (!strcmp(word, "record")) {
			const char *const key = strtok(NULL, " \t\n");
			write_record(writer, &record);
			avl_record_reset(&record);
			snprintf(record.key, sizeof record.key, "%s", key ? key : "");
		} else if (!strcmp(word, "seal")) {
			put_seal(&record);
		} else {
			put_member(&record, word);
		}
	}
	write_record(writer, &record);
	avl_record_release(&record);
	if (avl_writer_close(writer, &err))
		die(err.text, "stdout");
	return 0;
}
