/* SPDX-License-Identifier: MIT */
#include "media/key.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The CRC-32 of gzip, bit by bit. */
static uint32_t slow_crc(const char *text)
{
	uint32_t crc = ~0u;
	for (; *text; text++) {
		crc ^= (unsigned char)*text;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void make_keys(const char *const *paths, int n, char keys[][AVL_MEDIA_KEY_BYTES])
{
	struct avl_stem *stems;
	cr_assert_eq(avl_stems_make(&stems, paths, paths, n, false, NULL), 0);
	for (int i = 0; i < n; i++)
		avl_key_make(keys[i], &stems[i], 1500000);
	free(stems);
}

Test(key, is_the_stem_and_the_time)
{
	static const char *const paths[] = {"dir.d/dog.mp4", "-", "cat", "a-b_C9.tar"};
	char keys[4][AVL_MEDIA_KEY_BYTES];
	make_keys(paths, 4, keys);
	cr_assert_str_eq(keys[0], "dog_000001500000");
	cr_assert_str_eq(keys[1], "stdin_000001500000");
	cr_assert_str_eq(keys[2], "cat_000001500000");
	cr_assert_str_eq(keys[3], "a-b_C9_000001500000");
}

Test(key, that_was_changed_carries_the_crc_of_the_path)
{
	static const char *const paths[] = {"x/my dog.mp4", "a.b.mp4", ".mp4", "\xc3\xa9.mp4",
					    "dir/"};
	static const char *const stems[] = {"my_dog", "a_b", "_mp4", "__", "_"};
	char keys[5][AVL_MEDIA_KEY_BYTES], want[AVL_MEDIA_KEY_BYTES];
	make_keys(paths, 5, keys);
	for (int i = 0; i < 5; i++) {
		snprintf(want, sizeof want, "%s_000001500000-%08x", stems[i], slow_crc(paths[i]));
		cr_expect_str_eq(keys[i], want);
	}
}

Test(key, is_eighty_bytes_at_most_before_the_crc)
{
	char fits[80], longer[80];
	const char *const paths[] = {fits, longer};
	char keys[2][AVL_MEDIA_KEY_BYTES];
	memset(fits, 'a', 67);
	strcpy(fits + 67, ".mp4");
	memset(longer, 'b', 68);
	strcpy(longer + 68, ".mp4");
	make_keys(paths, 2, keys);
	cr_assert_eq(strlen(keys[0]), 80);
	cr_assert_eq(strlen(keys[1]), 89);
	cr_assert_eq(keys[1][80], '-');
}

Test(key, of_files_with_one_stem_differ)
{
	static const char *const paths[] = {"a/x.mp4", "b/x.mp4", "a/x.mp4", "a/x.mp4",
					    "b/x.mp4", "x.mp4",   "x.wav",   "a/x.mp4"};
	char keys[8][AVL_MEDIA_KEY_BYTES], want[AVL_MEDIA_KEY_BYTES];
	make_keys(paths, 8, keys);
	cr_assert_str_eq(keys[0], "x_000001500000", "the first is unmarked");
	for (int i = 1; i < 4; i++) {
		if (i == 3)
			continue; /* the third of a path: something more than its CRC */
		snprintf(want, sizeof want, "x_000001500000-%08x", slow_crc(paths[i]));
		cr_expect_str_eq(keys[i], want);
	}
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++)
			cr_expect_str_neq(keys[i], keys[j], "%d and %d", i, j);
}

Test(key, given_by_a_list_stands_as_it_is)
{
	static const char *const names[] = {"---1_cCGK4M_000098", "dog.mp4"};
	static const char *const paths[] = {"clip.mp4", "dog.mp4"};
	struct avl_stem *stems;
	char key[AVL_MEDIA_KEY_BYTES], want[AVL_MEDIA_KEY_BYTES];
	cr_assert_eq(avl_stems_make(&stems, names, paths, 2, true, NULL), 0);
	avl_key_make(key, &stems[0], -1);
	cr_assert_str_eq(key, names[0]);
	avl_key_make(key, &stems[1], -1);
	snprintf(want, sizeof want, "dog_mp4-%08x", slow_crc("dog.mp4"));
	cr_assert_str_eq(key, want);
	free(stems);
}
