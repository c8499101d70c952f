/* SPDX-License-Identifier: MIT */
#include "io/npy.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "\x93NUMPY"

static const struct {
	const char *descr;
	enum avl_dtype dtype;
} types[] = {
    {"<f4", AVL_F4}, {"<f8", AVL_F8}, {"|u1", AVL_U1},
    {"<i2", AVL_I2}, {"<i4", AVL_I4}, {"<i8", AVL_I8},
};

#define TYPES (sizeof types / sizeof types[0])

/* What is left of the header: a Python dictionary literal. */
struct cursor {
	const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
		c->at++;
}

static int take(struct cursor *c, char wanted)
{
	skip_blanks(c);
	if (c->at == c->end || *c->at != wanted)
		return 0;
	c->at++;
	return 1;
}

static int take_word(struct cursor *c, const char *word)
{
	const size_t n = strlen(word);
	skip_blanks(c);
	if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n))
		return 0;
	c->at += n;
	return 1;
}

/* A quoted string of printable characters without escapes, or 0. */
static int take_string(struct cursor *c, char *text, size_t size)
{
	skip_blanks(c);
	if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
		return 0;
	const char quote = *c->at++;
	for (size_t n = 0; c->at < c->end && n < size; n++) {
		const char ch = *c->at++;
		if (ch == quote) {
			text[n] = 0;
			return 1;
		}
		if (ch < ' ' || ch > '~' || ch == '\\')
			return 0;
		text[n] = ch;
	}
	return 0;
}

static int take_dimension(struct cursor *c, int64_t *value)
{
	skip_blanks(c);
	const char *const start = c->at;
	*value = 0;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *c->at - '0', value))
			return 0;
	return c->at > start;
}

static int parse_descr(struct cursor *c, struct avl_tensor *tensor, struct avl_err *err)
{
	char descr[32];
	if (!take_string(c, descr, sizeof descr))
		return avl_fail(err, AVL_EFORMAT, "npy: structured or unreadable dtype");
	for (size_t i = 0; i < TYPES; i++)
		if (!strcmp(descr, types[i].descr)) {
			tensor->dtype = types[i].dtype;
			return 0;
		}
	return avl_fail(err, AVL_EFORMAT, "npy: dtype '%s' is not one of f4 f8 u1 i2 i4 i8 %s",
			descr, "in little-endian order");
}

static int parse_order(struct cursor *c, struct avl_err *err)
{
	if (take_word(c, "False"))
		return 0;
	return avl_fail(err, AVL_EFORMAT,
			take_word(c, "True") ? "npy: data in Fortran order"
					     : "npy: bad fortran_order");
}

static int parse_shape(struct cursor *c, struct avl_tensor *tensor, struct avl_err *err)
{
	if (!take(c, '('))
		return avl_fail(err, AVL_EFORMAT, "npy: bad shape");
	int commas = 0;
	while (!take(c, ')')) {
		int64_t dim;
		if (commas != tensor->ndim || !take_dimension(c, &dim))
			return avl_fail(err, AVL_EFORMAT, "npy: bad shape");
		if (tensor->ndim == AVL_DIMS_MAX)
			return avl_fail(err, AVL_ELIMIT, "npy: more than %d dimensions",
					AVL_DIMS_MAX);
		tensor->dim[tensor->ndim++] = dim;
		commas += take(c, ',');
	}
	if (tensor->ndim == 1 && commas == 0) /* (3) is a number in Python, not a tuple */
		return avl_fail(err, AVL_EFORMAT, "npy: bad shape");
	return 0;
}

static int parse_dictionary(struct cursor *c, struct avl_tensor *tensor, struct avl_err *err)
{
	unsigned seen = 0;
	if (!take(c, '{'))
		return avl_fail(err, AVL_EFORMAT, "npy: the header is no dictionary");
	while (!take(c, '}')) {
		char name[32];
		if (!take_string(c, name, sizeof name) || !take(c, ':'))
			return avl_fail(err, AVL_EFORMAT, "npy: bad header");
		unsigned bit = 0;
		int rc = 0;
		if (!strcmp(name, "descr"))
			bit = 1, rc = parse_descr(c, tensor, err);
		else if (!strcmp(name, "fortran_order"))
			bit = 2, rc = parse_order(c, err);
		else if (!strcmp(name, "shape"))
			bit = 4, rc = seen & 4 ? 0 : parse_shape(c, tensor, err);
		if (rc)
			return rc;
		if (!bit || seen & bit)
			return avl_fail(err, AVL_EFORMAT, "npy: %s field '%s' in the header",
					bit ? "repeated" : "unknown", name);
		seen |= bit;
		if (take(c, ','))
			continue;
		if (!take(c, '}'))
			return avl_fail(err, AVL_EFORMAT, "npy: bad header");
		break;
	}
	skip_blanks(c);
	if (seen != 7 || c->at != c->end)
		return avl_fail(err, AVL_EFORMAT, "npy: bad header");
	return 0;
}

int avl_npy_parse(const void *bytes, size_t n, struct avl_tensor *tensor, struct avl_err *err)
{
	const unsigned char *const b = bytes;
	if (n < 12 || memcmp(b, MAGIC, 6))
		return avl_fail(err, AVL_EFORMAT, "npy: not a NumPy array");
	const int major = b[6], minor = b[7];
	if (major < 1 || major > 3 || minor != 0)
		return avl_fail(err, AVL_EFORMAT, "npy: version %d.%d is not known", major, minor);
	const size_t start = major == 1 ? 10 : 12;
	const uint32_t length = major == 1 ? (uint32_t)b[8] | (uint32_t)b[9] << 8
					   : (uint32_t)b[8] | (uint32_t)b[9] << 8 |
						 (uint32_t)b[10] << 16 | (uint32_t)b[11] << 24;
	if (length > n - start)
		return avl_fail(err, AVL_EFORMAT, "npy: the header is cut off");
	const char *const text = (const char *)bytes + start;
	*tensor = (struct avl_tensor){.dtype = AVL_DTYPES};
	int rc = parse_dictionary(&(struct cursor){text, text + length}, tensor, err);
	if (rc)
		return rc;
	const size_t room = n - start - length;
	size_t count, size;
	if (avl_tensor_measure(tensor, room, &count, &size, NULL) || size != room)
		return avl_fail(err, AVL_EFORMAT,
				"npy: the shape does not match the %zu bytes of data", room);
	tensor->data = (void *)(uintptr_t)(text + length);
	return 0;
}

size_t avl_npy_header(const struct avl_tensor *tensor, unsigned char header[AVL_NPY_HEADER_MAX])
{
	char *const text = (char *)header;
	const char *descr = "";
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].dtype == tensor->dtype)
			descr = types[i].descr;
	memset(header, ' ', AVL_NPY_HEADER_MAX);
	size_t n =
	    10 + (size_t)snprintf(text + 10, AVL_NPY_HEADER_MAX - 10,
				  "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	size_t first = 0; /* digits of the first dimension */
	for (int i = 0; i < tensor->ndim; i++) {
		char dim[32];
		const size_t k = (size_t)snprintf(dim, sizeof dim, "%s%lld", i ? ", " : "",
						  (long long)tensor->dim[i]);
		memcpy(text + n, dim, k);
		first = i ? first : k;
		n += k;
	}
	const char *const tail = tensor->ndim == 1 ? ",), }" : "), }";
	memcpy(text + n, tail, strlen(tail));
	n += strlen(tail);
	/* NumPy leaves room for a first dimension of 21 digits, and a whole block of blanks where
	 * none is needed; the same is done here so that numpy.save gives the same bytes. */
	n += tensor->ndim ? 21 - first : 0;
	n = (n + 1) / 64 * 64 + 64;
	text[n - 1] = '\n';
	memcpy(header, MAGIC "\x01", 8);
	header[8] = (unsigned char)((n - 10) & 255);
	header[9] = (unsigned char)((n - 10) >> 8);
	return n;
}
