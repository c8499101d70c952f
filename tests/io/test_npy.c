/* SPDX-License-Identifier: MIT */
#include "io/npy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A version MAJOR file with the HEADER text and N bytes of data, in exactly as much memory. */
static int parse(int major, const char *header, size_t n, struct avl_tensor *tensor,
		 struct avl_err *err)
{
	const size_t length = strlen(header), start = major == 1 ? 10 : 12;
	unsigned char *const bytes = calloc(1, start + length + n + 1);
	memcpy(bytes, "\x93NUMPY", 6);
	bytes[6] = (unsigned char)major;
	bytes[8] = (unsigned char)length;
	bytes[9] = (unsigned char)(length >> 8);
	memcpy(bytes + start, header, length);
	const int rc = avl_npy_parse(bytes, start + length + n, tensor, err);
	if (!rc)
		cr_assert_eq((unsigned char *)tensor->data, bytes + start + length);
	free(bytes);
	return rc;
}

#define DICT(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

static const struct {
	const char *header;
	size_t data;
	enum avl_dtype dtype;
	int ndim;
	int64_t dim[3];
} good[] = {
    {DICT("<f4", "(3,)") "  \n", 12, AVL_F4, 1, {3}},
    {DICT("<f8", "(2, 3)") "\n", 48, AVL_F8, 2, {2, 3}},
    {DICT("|u1", "(2, 3, 4)") "\n", 24, AVL_U1, 3, {2, 3, 4}},
    {DICT("<i2", "()") "\n", 2, AVL_I2, 0, {0}},
    {DICT("<i4", "(0, 5)") "\n", 0, AVL_I4, 2, {0, 5}},
    {DICT("<i8", "(1, )"), 8, AVL_I8, 1, {1}},
    {"{\"shape\":(2,1),\"descr\":\"<f4\",\"fortran_order\":False}", 8, AVL_F4, 2, {2, 1}},
};

Test(npy, all_versions_types_and_orders_of_fields_are_read)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		for (int major = 1; major <= 3; major++) {
			struct avl_tensor t;
			struct avl_err err = {0};
			cr_assert_eq(parse(major, good[i].header, good[i].data, &t, &err), 0,
				     "%s: %s", good[i].header, err.text);
			cr_assert(avl_tensor_is(&t, good[i].dtype, good[i].ndim, good[i].dim), "%s",
				  good[i].header);
		}
}

static const struct {
	const char *header;
	size_t data;
	const char *message;
} bad[] = {
    {"", 0, "not a NumPy array"},
    {"[]", 0, "no dictionary"},
    {"{}", 0, "bad header"},
    {DICT("<f4", "(3,)"), 11, "does not match the 11 bytes"},
    {DICT("<f4", "(3,)"), 13, "does not match"},
    {DICT("<f4", "(4611686018427387905, 4)"), 16, "does not match"},
    {DICT("<f4", "(9223372036854775808,)"), 0, "bad shape"},
    {DICT("<f4", "(-1,)"), 0, "bad shape"},
    {DICT("<f4", "(3)"), 12, "bad shape"},
    {DICT("<f4", "(3 4)"), 48, "bad shape"},
    {DICT("<f4", "(,)"), 4, "bad shape"},
    {DICT("<f4", "(1,,2)"), 8, "bad shape"},
    {DICT("<f4", "(3.0,)"), 12, "bad shape"},
    {DICT("<f4", "3"), 12, "bad shape"},
    {DICT("|u1", "(1,1,1,1,1,1,1,1,1)"), 1, "more than 8 dimensions"},
    {DICT(">f4", "(3,)"), 12, "dtype '>f4'"},
    {DICT("<f2", "(3,)"), 6, "dtype '<f2'"},
    {DICT("<c8", "(3,)"), 24, "dtype '<c8'"},
    {DICT("|b1", "(3,)"), 3, "dtype '|b1'"},
    {DICT("|O", "(3,)"), 3, "dtype '|O'"},
    {DICT("<U4", "(3,)"), 48, "dtype '<U4'"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "structured"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }", 12, "Fortran"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,), }", 12, "fortran_order"},
    {"{'descr': '<f4', 'shape': (3,), }", 12, "bad header"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)", 12, "bad header"},
    {DICT("<f4", "(3,)") "x", 12, "bad header"},
    {DICT("<f4", "(3,)") DICT("<f4", "(3,)"), 12, "bad header"},
    {"{'shape': (3,), 'shape': (3,), 'descr': '<f4', 'fortran_order': False}", 12, "repeated"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}", 12, "unknown field 'x'"},
    {"{'descr' '<f4'}", 12, "bad header"},
    {"{'descr': '<f4}", 12, "unreadable"},
};

Test(npy, everything_else_is_refused_by_name)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct avl_tensor t;
		struct avl_err err = {0};
		const int rc = parse(1, bad[i].header, bad[i].data, &t, &err);
		cr_assert(rc < 0 && strstr(err.text, bad[i].message), "%s: %d %s", bad[i].header,
			  rc, err.text);
	}
}

Test(npy, frame_of_the_file_is_checked)
{
	unsigned char bytes[128];
	struct avl_tensor t = {.dtype = AVL_F4, .ndim = 1, .dim = {0}};
	const size_t n = avl_npy_header(&t, (unsigned char[AVL_NPY_HEADER_MAX]){0});
	unsigned char header[AVL_NPY_HEADER_MAX];
	avl_npy_header(&t, header);
	memcpy(bytes, header, n);
	cr_assert_eq(avl_npy_parse(bytes, n, &t, NULL), 0);
	for (size_t cut = 0; cut < n; cut++)
		cr_assert_lt(avl_npy_parse(bytes, cut, &t, NULL), 0, "%zu", cut);
	bytes[6] = 4;
	cr_assert_lt(avl_npy_parse(bytes, n, &t, NULL), 0);
	bytes[6] = 1, bytes[7] = 1;
	cr_assert_lt(avl_npy_parse(bytes, n, &t, NULL), 0);
	bytes[7] = 0, bytes[8] = bytes[9] = 0xff;
	cr_assert_lt(avl_npy_parse(bytes, n, &t, NULL), 0);
}

Test(npy, headers_are_aligned_and_read_back)
{
	const int64_t most = INT64_MAX;
	const struct avl_tensor tensor[] = {
	    {.dtype = AVL_F4, .ndim = 0},
	    {.dtype = AVL_U1, .ndim = 1, .dim = {0}},
	    {.dtype = AVL_F8, .ndim = 2, .dim = {0, 5}},
	    {.dtype = AVL_I8, .ndim = 3, .dim = {0, 1234567, 3}},
	    {.dtype = AVL_I2, .ndim = 8, .dim = {0, 1, 1, 1, 1, 1, 1, 1}},
	};
	unsigned char header[AVL_NPY_HEADER_MAX];
	for (size_t i = 1; i < sizeof tensor / sizeof tensor[0]; i++) {
		struct avl_tensor t;
		const size_t n = avl_npy_header(&tensor[i], header);
		cr_assert_eq(n % 64, 0);
		cr_assert_eq(avl_npy_parse(header, n, &t, NULL), 0);
		cr_assert(avl_tensor_is(&t, tensor[i].dtype, tensor[i].ndim, tensor[i].dim));
	}
	const struct avl_tensor longest = {
	    .dtype = AVL_F4, .ndim = 8, .dim = {most, most, most, most, most, most, most, most}};
	cr_assert_leq(avl_npy_header(&longest, header), AVL_NPY_HEADER_MAX);
	cr_assert_eq(avl_npy_header(&tensor[0], header), 128);
}

Test(npy, headers_are_the_bytes_that_numpy_writes)
{
	/* numpy.save of numpy 1.24 and 2.4: room is left for the first dimension to grow */
	static const struct {
		struct avl_tensor tensor;
		const char *text;
	} cases[] = {
	    {{.dtype = AVL_F4, .ndim = 1, .dim = {9}},
	     "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }"},
	    {{.dtype = AVL_U1, .ndim = 3, .dim = {720, 1280, 3}},
	     "{'descr': '|u1', 'fortran_order': False, 'shape': (720, 1280, 3), }"},
	    {{.dtype = AVL_I4, .ndim = 0},
	     "{'descr': '<i4', 'fortran_order': False, 'shape': (), }"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned char header[AVL_NPY_HEADER_MAX], want[128];
		const size_t n = strlen(cases[i].text);
		memset(want, ' ', sizeof want);
		memcpy(want, "\x93NUMPY\x01\x00\x76\x00", 10);
		memcpy(want + 10, cases[i].text, n);
		want[127] = '\n';
		cr_assert_eq(avl_npy_header(&cases[i].tensor, header), 128);
		cr_assert_eq(memcmp(header, want, 128), 0, "%.118s", header + 10);
	}
}
