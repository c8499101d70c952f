/* SPDX-License-Identifier: MIT */
#include "io/safetensors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/record.h"
#include "sample.h"

static int open_bytes(const void *bytes, size_t n, struct avl_safetensors **file,
		      struct avl_err *err)
{
	char path[64];
	const int fd = sample_fd(bytes, n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const int rc = avl_safetensors_open(file, path, err);
	close(fd);
	return rc;
}

static float weight[32] = {1, -2, 0.5f};
static uint16_t half[3] = {0x3c00, 0, 0x8000};
static int64_t whole[1] = {-5};

static struct sample written(void)
{
	const struct avl_safetensor tensor[] = {
	    {"w", {.dtype = AVL_F4, .ndim = 2, .dim = {4, 8}, .data = weight}},
	    {"b", {.dtype = AVL_F2, .ndim = 1, .dim = {3}, .data = half}},
	    {"empty", {.dtype = AVL_F4, .ndim = 2, .dim = {0, 7}}},
	    {"n", {.dtype = AVL_I8, .ndim = 0, .data = whole}},
	};
	const int fd = sample_fd("", 0);
	struct avl_json *const metadata = avl_json_object();
	avl_json_set_string(metadata, "avl.arch", "a+b");
	cr_assert_eq(avl_safetensors_write(fd, tensor, 4, metadata, NULL), 0);
	avl_json_free(metadata);
	return sample_slurp(fd);
}

Test(safetensors, round_trip_keeps_everything)
{
	const struct sample s = written();
	struct avl_safetensors *file;
	struct avl_err err = {0};
	cr_assert_eq(open_bytes(s.bytes, s.n, &file, &err), 0, "%s", err.text);
	cr_assert_eq(avl_safetensors_count(file), 4);
	cr_assert_eq(avl_safetensors_verified(file), 1);
	cr_assert_str_eq(avl_safetensors_meta(file, "avl.arch"), "a+b");
	cr_assert_null(avl_safetensors_meta(file, "avl.none"));
	cr_assert_null(avl_safetensors_find(file, "none"));
	cr_assert_null(avl_safetensors_at(file, 4));
	cr_assert_str_eq(avl_safetensors_at(file, 0)->name, "w");
	const struct avl_safetensor *const w = avl_safetensors_find(file, "w");
	cr_assert(avl_tensor_is(&w->tensor, AVL_F4, 2, (int64_t[]){4, 8}));
	cr_assert_eq((uintptr_t)w->tensor.data % 64, 0);
	cr_assert_eq(memcmp(w->tensor.data, weight, sizeof weight), 0);
	const struct avl_safetensor *const b = avl_safetensors_find(file, "b");
	cr_assert_eq(b->tensor.dtype, AVL_F2);
	cr_assert_eq(memcmp(b->tensor.data, half, sizeof half), 0);
	cr_assert_eq(avl_tensor_count(&avl_safetensors_find(file, "empty")->tensor), 0);
	/* its offset is 134: the reader must have aligned it */
	const struct avl_safetensor *const n = avl_safetensors_find(file, "n");
	cr_assert_eq(*(const int64_t *)n->tensor.data, -5);
	avl_safetensors_close(file);
	free(s.bytes);
}

/* The data is summed in pieces, by several threads. */
Test(safetensors, a_flipped_bit_is_found_wherever_it_lies_in_much_data)
{
	enum { FLOATS = 900001 };
	float *const values = calloc(FLOATS, sizeof *values);
	for (int i = 0; i < FLOATS; i++)
		values[i] = (float)i;
	const struct avl_safetensor tensor = {
	    "t", {.dtype = AVL_F4, .ndim = 1, .dim = {FLOATS}, .data = values}};
	const int fd = sample_fd("", 0);
	cr_assert_eq(avl_safetensors_write(fd, &tensor, 1, NULL, NULL), 0);
	const struct sample s = sample_slurp(fd);
	unsigned char *const bytes = s.bytes;
	for (int threads = 1; threads <= 3; threads++) {
		struct avl_par *par;
		struct avl_safetensors *file;
		char path[64];
		cr_assert_eq(avl_par_new(&par, threads, NULL), 0);
		for (size_t back = 0; back < s.n; back += 700000) {
			if (back)
				bytes[s.n - back] ^= 4;
			const int copy = sample_fd(bytes, s.n);
			snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
			cr_expect_eq(avl_safetensors_open_with(&file, path, par, NULL),
				     back ? AVL_EFORMAT : 0, "%zu", back);
			if (back)
				bytes[s.n - back] ^= 4;
			else
				cr_expect_eq(avl_safetensors_verified(file), 1);
			avl_safetensors_close(file);
			close(copy);
		}
		avl_par_free(par);
	}
	free(s.bytes);
	free(values);
}

/* A sum that is said stands for the data, right or wrong. */
Test(safetensors, sums_that_are_known_are_not_made_again)
{
	const struct sample s = written();
	struct avl_safetensors *file;
	char path[64];
	unsigned char *const bytes = s.bytes;
	bytes[s.n - 1] ^= 4; /* of n */
	const int fd = sample_fd(bytes, s.n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	cr_assert_eq(avl_safetensors_open_unverified(&file, path, NULL), 0);
	cr_expect_eq(avl_safetensors_verified(file), 0);
	cr_expect_eq(avl_safetensors_verify(file, NULL, NULL), AVL_EFORMAT);
	const struct avl_safetensor *const n = avl_safetensors_find(file, "n");
	const struct avl_safetensor *const w = avl_safetensors_find(file, "w");
	avl_safetensors_summed(file, n, avl_crc32(0, whole, sizeof whole));
	avl_safetensors_summed(file, w, 1);
	cr_expect_eq(avl_safetensors_verify(file, NULL, NULL), AVL_EFORMAT);
	avl_safetensors_summed(file, w, avl_crc32(0, weight, sizeof weight));
	cr_expect_eq(avl_safetensors_verify(file, NULL, NULL), 0);
	cr_expect_eq(avl_safetensors_verified(file), 1);
	avl_safetensors_close(file);
	close(fd);
	free(s.bytes);
}

Test(safetensors, the_same_tensors_give_the_same_bytes)
{
	const struct sample a = written(), b = written();
	cr_assert_eq(a.n, b.n);
	cr_assert_eq(memcmp(a.bytes, b.bytes, a.n), 0);
	free(a.bytes);
	free(b.bytes);
}

Test(safetensors, flipped_data_and_truncation_are_refused)
{
	const struct sample s = written();
	struct avl_safetensors *file;
	for (size_t n = 0; n < s.n; n++)
		cr_assert_lt(open_bytes(s.bytes, n, &file, NULL), 0, "%zu", n);
	const size_t start = 8 + s.bytes[0] + 256u * s.bytes[1];
	for (size_t i = start; i < s.n; i++) {
		s.bytes[i] ^= 4;
		cr_assert_eq(open_bytes(s.bytes, s.n, &file, NULL), AVL_EFORMAT, "%zu", i);
		s.bytes[i] ^= 4;
	}
	for (size_t i = 0; i < start; i++) { /* the header has no sum: it must only not crash */
		s.bytes[i] ^= 4;
		if (!open_bytes(s.bytes, s.n, &file, NULL))
			avl_safetensors_close(file);
		s.bytes[i] ^= 4;
	}
	free(s.bytes);
}

#define T(dtype, shape, begin, end)                                                                \
	"{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static const struct {
	const char *what, *header;
	int data;
	const char *message;
} made[] = {
    {"nothing", "{}", 0, NULL},
    {"one without a digest", "{\"a\":" T("U8", "[2]", 0, 2) "}", 2, NULL},
    {"blanks behind", "{\"a\":" T("U8", "[2]", 0, 2) "}   ", 2, NULL},
    {"other order", "{\"a\":" T("U8", "[2]", 1, 3) ",\"b\":" T("U8", "[1]", 0, 1) "}", 3, NULL},
    {"odd offset", "{\"a\":" T("U8", "[1]", 0, 1) ",\"b\":" T("F32", "[1]", 1, 5) "}", 5, NULL},
    {"no object", "[]", 0, "no object"},
    {"no JSON", "{", 0, "bad JSON"},
    {"name twice", "{\"a\":" T("U8", "[0]", 0, 0) ",\"a\":" T("U8", "[0]", 0, 0) "}", 0,
     "duplicate"},
    {"hole", "{\"a\":" T("U8", "[1]", 0, 1) ",\"b\":" T("U8", "[1]", 2, 3) "}", 3, "hole"},
    {"hole at the start", "{\"a\":" T("U8", "[1]", 1, 2) "}", 2, "hole"},
    {"overlap", "{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 1, 3) "}", 3, "overlap"},
    {"bytes behind", "{\"a\":" T("U8", "[2]", 0, 2) "}", 3, "behind the last"},
    {"past the end", "{\"a\":" T("U8", "[4]", 0, 4) "}", 3, "outside"},
    {"backwards", "{\"a\":" T("U8", "[1]", 2, 1) "}", 3, "outside"},
    {"negative", "{\"a\":" T("U8", "[1]", -1, 0) "}", 3, "outside"},
    {"size of another shape", "{\"a\":" T("F32", "[2]", 0, 4) "}", 4, "not its shape"},
    {"overflow", "{\"a\":" T("F32", "[4611686018427387904,4,4]", 0, 0) "}", 0, "not its shape"},
    {"negative dimension", "{\"a\":" T("U8", "[-1]", 0, 1) "}", 1, "bad shape"},
    {"fraction", "{\"a\":" T("U8", "[1.5]", 0, 1) "}", 1, "bad shape"},
    {"nine dimensions", "{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, "dimensions"},
    {"unknown type", "{\"a\":" T("F8_E4M3", "[1]", 0, 1) "}", 1, "unknown type 'F8_E4M3'"},
    {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "no shape"},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "outside"},
    {"metadata of numbers", "{\"__metadata__\":{\"a\":1}}", 0, "no string"},
    {"metadata that is text", "{\"__metadata__\":\"a\"}", 0, "no object"},
    {"wrong digest", "{\"__metadata__\":{\"avl.digest\":\"crc32:00000001\"}}", 0, "digest"},
    {"digest of another kind", "{\"__metadata__\":{\"avl.digest\":\"sha256:0\"}}", 0, "digest"},
};

Test(safetensors, what_breaks_a_rule_is_refused_with_its_reason)
{
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		unsigned char bytes[512] = {0};
		struct avl_safetensors *file;
		struct avl_err err = {0};
		const size_t n = strlen(made[i].header);
		bytes[0] = (unsigned char)n;
		bytes[1] = (unsigned char)(n >> 8);
		memcpy(bytes + 8, made[i].header, n);
		const int rc = open_bytes(bytes, 8 + n + (size_t)made[i].data, &file, &err);
		if (made[i].message)
			cr_assert(rc < 0 && strstr(err.text, made[i].message), "%s: %d %s",
				  made[i].what, rc, err.text);
		else
			cr_assert_eq(rc, 0, "%s: %s", made[i].what, err.text);
		if (!rc) {
			cr_assert_eq(avl_safetensors_verified(file), 0);
			avl_safetensors_close(file);
		}
	}
}

Test(safetensors, absurd_header_lengths_are_refused)
{
	unsigned char bytes[64];
	struct avl_safetensors *file;
	memset(bytes, 0xff, sizeof bytes);
	cr_assert_eq(open_bytes(bytes, sizeof bytes, &file, NULL), AVL_EFORMAT);
	memset(bytes, 0, sizeof bytes);
	bytes[0] = sizeof bytes - 7;
	cr_assert_eq(open_bytes(bytes, sizeof bytes, &file, NULL), AVL_EFORMAT);
	cr_assert_lt(avl_safetensors_open(&file, "/dev/zero", NULL), 0);
	struct avl_err err = {0};
	cr_assert_eq(avl_safetensors_open(&file, "/no/such/file", &err), AVL_EIO);
	cr_assert_str_eq(err.text, "'/no/such/file': cannot open: No such file or directory");
}

Test(safetensors, writer_refuses_what_cannot_be_read_back)
{
	const struct avl_tensor t = {.dtype = AVL_F4, .ndim = 1, .dim = {3}, .data = weight};
	const struct avl_safetensor twice[] = {{"a", t}, {"a", t}}, meta[] = {{"__metadata__", t}};
	const int fd = sample_fd("", 0);
	struct avl_err err = {0};
	cr_assert_eq(avl_safetensors_write(fd, twice, 2, NULL, &err), AVL_EUSAGE);
	cr_assert_eq(avl_safetensors_write(fd, meta, 1, NULL, &err), AVL_EUSAGE);
	struct avl_json *const metadata = avl_json_object();
	avl_json_set_number(metadata, "epoch", 1);
	cr_assert_eq(avl_safetensors_write(fd, twice, 1, metadata, &err), AVL_EUSAGE);
	avl_json_free(metadata);
	const struct sample s = sample_slurp(fd);
	cr_assert_eq(s.n, 0);
	free(s.bytes);
}
