/* SPDX-License-Identifier: MIT */
#include "media/intact.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The code for the first N bytes of a file of these. */
static int check(const void *bytes, size_t n)
{
	char name[] = "/tmp/avl-test-XXXXXX";
	struct avl_err err;
	const struct avl_source source = {mkstemp(name), (int64_t)n};
	cr_assert(source.fd >= 0 && write(source.fd, bytes, n) == (ssize_t)n);
	unlink(name);
	const int rc = avl_intact_check(&source, &err);
	close(source.fd);
	return rc;
}

/* Files that are whole, as bytes; every one that is cut by 1 to 3 bytes must be noticed. */
#define ROW(text)                                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	const char *bytes;
	size_t n;
} whole[] = {
    ROW("\0\0\0\014ftypisom\0\0\0\020mdat\1\2\3\4\5\6\7\10"),
    ROW("\0\0\0\014ftypisom\0\0\0\1mdat\0\0\0\0\0\0\0\024\1\2\3\4"),
    ROW("\x1a\x45\xdf\xa3\x82\1\2\x18\x53\x80\x67\x84\1\2\3\4"),
    /* a segment of unknown size with a cluster of a known one */
    ROW("\x1a\x45\xdf\xa3\x82\1\2\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\x83\1\2\3"),
    ROW("RIFF\014\0\0\0WAVEdata\0\0\0\0"),
    ROW("OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\2ab"
	"OggS\0\4\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\4abcd"),
    ROW("\x89PNG\r\n\x1a\n\0\0\0\2IDATabCRC!\0\0\0\0IEND\256B`\202"),
    ROW("\xff\xd8\xff\xe0\0\4ab\xff\xd9"),
    /* its picture holds what would be the trailer, too */
    ROW("GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4\0\0\0\0\0"
	",\0\0\0\0\1\0\1\0\0\2\2;;\0;"),
    ROW("FLV\1\5\0\0\0\11\0\0\0\0\11\0\0\2\0\0\0\0\0\0\0ab\0\0\0\15"),
};

Test(intact, passes_what_is_whole_and_notices_a_cut)
{
	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
		cr_expect_eq(check(whole[i].bytes, whole[i].n), 0, "file %zu", i);
		for (size_t cut = 1; cut <= 3; cut++)
			cr_expect_eq(check(whole[i].bytes, whole[i].n - cut), AVL_EFORMAT,
				     "file %zu less %zu", i, cut);
	}
}

Test(intact, wants_each_ogg_stream_to_end)
{
	static const char page[] =
	    "OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\2abOggS\0\4\0\0\0\0\0\0\0\0\2\0\0\0"
	    "\1\0\0\0\0\0\0\0\1\4abcd";
	cr_assert_eq(check(page, sizeof page - 1), AVL_EFORMAT);
}

Test(intact, passes_what_it_does_not_know)
{
	cr_assert_eq(check("hello", 5), 0);
	cr_assert_eq(check("\0", 1), 0);
	cr_assert_eq(check("RIFF\xff\xff\xff\xffWAVE", 12), 0, "written to a pipe");
	cr_assert_eq(check("ID3\4\0\0\0\0\0\0", 10), 0);
}

Test(intact, ends_on_any_bytes)
{
	unsigned char bytes[200];
	srand(7);
	for (int i = 0; i < 2000; i++) {
		const size_t row = (size_t)rand() % (sizeof whole / sizeof whole[0]);
		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (unsigned char)rand();
		memcpy(bytes, whole[row].bytes, whole[row].n);
		bytes[(size_t)rand() % whole[row].n] ^= (unsigned char)(1 << rand() % 8);
		const int rc = check(bytes, 1 + (size_t)rand() % sizeof bytes);
		cr_assert(rc == 0 || rc == AVL_EFORMAT);
	}
}
