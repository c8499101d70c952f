/* SPDX-License-Identifier: MIT */
#include "io/tar.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void resum(unsigned char *block)
{
	unsigned sum = 8 * ' ';
	for (int i = 0; i < AVL_TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	snprintf((char *)block + 148, 8, "%06o", sum);
	block[155] = ' ';
}

Test(tar, what_is_encoded_is_decoded)
{
	static const uint64_t size[] = {0, 1, 511, 512, 1 << 20, AVL_TAR_SIZE_MAX};
	unsigned char block[AVL_TAR_BLOCK];
	struct avl_tar_entry entry;
	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		cr_assert_eq(avl_tar_encode("a_000001.frame.npy", size[i], block, NULL), 0);
		cr_assert_eq(avl_tar_decode(block, &entry, NULL), 1);
		cr_assert_str_eq(entry.name, "a_000001.frame.npy");
		cr_assert_eq(entry.size, size[i]);
	}
}

Test(tar, limits_of_the_format_are_kept)
{
	unsigned char block[AVL_TAR_BLOCK];
	char name[102];
	struct avl_tar_entry entry;
	memset(name, 'n', sizeof name);
	name[100] = 0;
	cr_assert_eq(avl_tar_encode(name, 0, block, NULL), 0);
	cr_assert_eq(avl_tar_decode(block, &entry, NULL), 1);
	cr_assert_str_eq(entry.name, name);
	name[100] = 'n', name[101] = 0;
	cr_assert_eq(avl_tar_encode(name, 0, block, NULL), AVL_ELIMIT);
	cr_assert_eq(avl_tar_encode("", 0, block, NULL), AVL_ELIMIT);
	cr_assert_eq(avl_tar_encode("n", AVL_TAR_SIZE_MAX + 1, block, NULL), AVL_ELIMIT);
}

Test(tar, zeros_are_no_entry)
{
	unsigned char block[AVL_TAR_BLOCK] = {0};
	struct avl_tar_entry entry;
	cr_assert_eq(avl_tar_decode(block, &entry, NULL), 0);
	block[511] = 1;
	cr_assert_eq(avl_tar_decode(block, &entry, NULL), AVL_EFORMAT);
}

/* In the sum itself a zero in front may become a blank, and what ends it may be zeros or blanks. */
Test(tar, any_changed_byte_breaks_the_sum)
{
	unsigned char block[AVL_TAR_BLOCK];
	struct avl_tar_entry entry;
	cr_assert_eq(avl_tar_encode("a.npy", 1234, block, NULL), 0);
	for (int i = 0; i < AVL_TAR_BLOCK; i++)
		for (int change = 1; change < 256; change++) {
			block[i] ^= (unsigned char)change;
			const int rc = avl_tar_decode(block, &entry, NULL);
			const int may_pass = i >= 148 && i < 156 && (block[i] == ' ' || !block[i]);
			cr_assert(rc == AVL_EFORMAT || may_pass, "%d ^ %d", i, change);
			cr_assert(rc < 0 || (entry.size == 1234 && !strcmp(entry.name, "a.npy")));
			block[i] ^= (unsigned char)change;
		}
}

static const struct {
	const char *what;
	int at, n;
	const char *bytes, *message;
} bad[] = {
    {"directory", 156, 1, "5", "type '5'"},
    {"link", 156, 1, "2", "type '2'"},
    {"pax header", 156, 1, "x", "type 'x'"},
    {"size in base 256", 124, 12, "\x80\0\0\0\0\0\0\0\0\0\1\0", "bad size"},
    {"size with a sign", 124, 2, "-1", "bad size"},
    {"size of nothing", 124, 12, "\0\0\0\0\0\0\0\0\0\0\0\0", "bad size"},
    {"size with a tail", 124, 12, "00000000001x", "bad size"},
    {"prefix", 345, 3, "dir", "longer than"},
    {"name with a newline", 1, 1, "\n", "bad name"},
    {"name with a high byte", 1, 1, "\xff", "bad name"},
    {"text behind the name", 10, 1, "x", "bad name"},
    {"no name", 0, 5, "\0\0\0\0\0", "bad name"},
    {"v7", 257, 8, "\0\0\0\0\0\0\0\0", "not a tar header"},
};

Test(tar, what_the_stream_does_not_use_is_refused)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		unsigned char block[AVL_TAR_BLOCK];
		struct avl_tar_entry entry;
		struct avl_err err = {0};
		cr_assert_eq(avl_tar_encode("a.npy", 1234, block, NULL), 0);
		memcpy(block + bad[i].at, bad[i].bytes, (size_t)bad[i].n);
		resum(block);
		cr_assert_eq(avl_tar_decode(block, &entry, &err), AVL_EFORMAT, "%s", bad[i].what);
		cr_assert(strstr(err.text, bad[i].message), "%s: %s", bad[i].what, err.text);
	}
}

Test(tar, headers_of_gnu_tar_are_understood)
{
	unsigned char block[AVL_TAR_BLOCK];
	struct avl_tar_entry entry;
	cr_assert_eq(avl_tar_encode("a.npy", 8, block, NULL), 0);
	memcpy(block + 257, "ustar  ", 8);
	memcpy(block + 265, "alice", 5);
	memcpy(block + 136, "14567012345", 11);
	resum(block);
	cr_assert_eq(avl_tar_decode(block, &entry, NULL), 1);
	cr_assert_eq(entry.size, 8);
}

Test(tar, padding_fills_the_block)
{
	cr_assert_eq(avl_tar_padding(0), 0);
	cr_assert_eq(avl_tar_padding(1), 511);
	cr_assert_eq(avl_tar_padding(512), 0);
	cr_assert_eq(avl_tar_padding(((uint64_t)1 << 32) + 513), 511);
}
