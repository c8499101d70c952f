/* SPDX-License-Identifier: MIT */
#include "io/record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/npy.h"

static float number[6];
static const struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = 1, .dim = {6}, .data = number};

Test(record, put_adds_and_replaces)
{
	struct avl_record record;
	avl_record_init(&record, 0);
	const struct avl_tensor other = {.dtype = AVL_F4, .ndim = 2, .dim = {2, 3}, .data = number};
	cr_assert_eq(avl_record_put(&record, "heat.npy", &tensor, NULL), 0);
	cr_assert_eq(avl_record_put_bytes(&record, "heat.png", "png", 3, NULL), 0);
	cr_assert_eq(avl_record_put(&record, "heat.npy", &other, NULL), 0);
	cr_assert_eq(record.nmembers, 2);
	cr_assert_eq(avl_record_find(&record, "heat.npy")->tensor.ndim, 2);
	cr_assert_eq(avl_record_find(&record, "heat.png")->crc32, avl_crc32(0, "png", 3));
	cr_assert_null(avl_record_find(&record, "heat"));
	avl_record_reset(&record);
	cr_assert_eq(record.nmembers, 0);
	avl_record_release(&record);
}

Test(record, put_bytes_reads_arrays)
{
	struct avl_record record;
	unsigned char bytes[AVL_NPY_HEADER_MAX + sizeof number];
	avl_record_init(&record, 0);
	const size_t n = avl_npy_header(&tensor, bytes);
	cr_assert_eq(avl_record_put_bytes(&record, "x.npy", bytes, n + sizeof number, NULL), 0);
	cr_assert_eq(avl_record_find(&record, "x.npy")->tensor.dim[0], 6);
	cr_assert_lt(avl_record_put_bytes(&record, "y.npy", bytes, n, NULL), 0);
	cr_assert_eq(record.nmembers, 1);
	avl_record_release(&record);
}

Test(record, what_cannot_be_a_member_is_refused)
{
	static const char *const suffix[] = {
	    "",
	    ".npy",
	    "a..npy",
	    "a.npy.",
	    "A.npy",
	    "a/b.npy",
	    "a b.npy",
	    "json",
	    "\xc3\xb6.npy",
	    "a.png",
	    "a_name_that_is_too_long_for_it.npy",
	};
	struct avl_record record;
	avl_record_init(&record, 0);
	for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++)
		cr_assert_eq(avl_record_put(&record, suffix[i], &tensor, NULL), AVL_EUSAGE, "%s",
			     suffix[i]);
	struct avl_tensor half = tensor;
	half.dtype = AVL_F2;
	cr_assert_eq(avl_record_put(&record, "a.npy", &half, NULL), AVL_ESHAPE);
	half.dtype = AVL_DTYPES;
	cr_assert_eq(avl_record_put(&record, "a.npy", &half, NULL), AVL_ESHAPE);
	half = tensor;
	half.dim[0] = -1;
	cr_assert_eq(avl_record_put(&record, "a.npy", &half, NULL), AVL_ELIMIT);
	for (int i = 0; i < AVL_MEMBERS_MAX; i++) {
		char name[24];
		snprintf(name, sizeof name, "m%d.npy", i);
		cr_assert_eq(avl_record_put(&record, name, &tensor, NULL), 0);
	}
	cr_assert_eq(avl_record_put(&record, "one.npy", &tensor, NULL), AVL_ELIMIT);
	cr_assert_eq(avl_record_put(&record, "m3.npy", &tensor, NULL), 0);
	avl_record_release(&record);
}

Test(record, names_are_taken_apart_at_the_first_dot)
{
	char key[AVL_KEY_MAX + 1], suffix[AVL_SUFFIX_MAX + 1], name[200];
	cr_assert_eq(avl_name_split("A-b_1.frame.npy", key, suffix, NULL), 0);
	cr_assert_str_eq(key, "A-b_1");
	cr_assert_str_eq(suffix, "frame.npy");
	static const char *const bad[] = {"",   ".",       ".npy",    "a",
					  "a.", "a b.npy", "a/b.npy", "a.Npy"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_lt(avl_name_split(bad[i], key, suffix, NULL), 0, "%s", bad[i]);
	memset(name, 'k', sizeof name);
	strcpy(name + AVL_KEY_MAX, ".npy");
	cr_assert_eq(avl_name_split(name, key, suffix, NULL), 0);
	name[AVL_KEY_MAX] = 'k';
	strcpy(name + AVL_KEY_MAX + 1, ".npy");
	cr_assert_lt(avl_name_split(name, key, suffix, NULL), 0);
}

/* A version 1 header of 11 bytes less than a multiple of 64: the data is at an odd address. */
Test(record, misaligned_arrays_are_aligned)
{
	static const char header[] = "{'descr':'<f4','fortran_order':False,'shape':(6,)}";
	_Alignas(64) unsigned char bytes[10 + sizeof header - 1 + sizeof number];
	struct avl_record record;
	memset(bytes, 0, sizeof bytes);
	memcpy(bytes, "\x93NUMPY\x01\x00", 8);
	bytes[8] = sizeof header - 1;
	memcpy(bytes + 10, header, sizeof header - 1);
	bytes[sizeof bytes - 1] = 0x40; /* the last number is 2.0 */
	avl_record_init(&record, 0);
	cr_assert_eq(avl_record_take(&record, "x.npy", bytes, sizeof bytes, 0, NULL), 0);
	const struct avl_member *const m = avl_record_find(&record, "x.npy");
	cr_assert_eq((uintptr_t)m->tensor.data % 64, 0);
	cr_assert_eq(((const float *)m->tensor.data)[5], 2.0f);
	cr_assert_eq(m->bytes, (const void *)bytes);
	avl_record_release(&record);
}

Test(record, seals_are_made_and_verified)
{
	struct avl_record record;
	const uint64_t size[] = {2};
	const uint32_t crc[] = {avl_crc32(0, "hi", 2)};
	size_t n;
	char *text;
	avl_record_init(&record, 0);
	cr_assert_eq(avl_record_put_bytes(&record, "t", "hi", 2, NULL), 0);
	avl_json_set_number(record.seal, "members", 7);
	avl_json_set_number(record.seal, "crc32", 7);
	avl_json_set_number(record.seal, "time", 0.5);
	cr_assert_eq(avl_seal_dump(avl_seal_make(&record, size, crc), &text, &n, NULL), 0);
	cr_assert_str_eq(text,
			 "{\"time\":0.5,\"members\":{\"t\":{\"size\":2,\"crc32\":3633523372}},"
			 "\"crc32\":3214393271}");
	struct avl_json *seal;
	cr_assert_eq(avl_seal_parse(&seal, text, n, NULL), 0);
	cr_assert_eq(avl_seal_verify(seal, &record, NULL), 0);
	cr_assert_eq(avl_json_size(seal), 1);
	avl_json_free(seal);
	free(text);
	avl_record_release(&record);
}

Test(record, seals_without_their_sum_are_refused)
{
	static const char *const bad[] = {
	    "",
	    "}",
	    "{}",
	    "{\"crc32\":0}",
	    "{\"a\":1}",
	    "{\"a\":1,\"crc32\":}",
	    "{\"a\":1,\"crc32\":1}",
	    "{\"a\":1,\"crc32\":99999999999}",
	    "{\"a\":1,\"crc32\":99999999999999999999999999}",
	    ",\"crc32\":0}", /* the sum of nothing is 0, but this is no JSON */
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct avl_json *seal;
		cr_assert_lt(avl_seal_parse(&seal, bad[i], strlen(bad[i]), NULL), 0, "%s", bad[i]);
		cr_assert_null(seal);
	}
}
