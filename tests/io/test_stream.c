/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/record.h"
#include "io/sink.h"
#include "io/tar.h"
#include "sample.h"

/* Opens the sample for reading; both are closed by the caller. */
static struct avl_reader *open_bytes(const void *bytes, size_t n, int *fd)
{
	struct avl_reader *reader;
	*fd = sample_fd(bytes, n);
	cr_assert_eq(avl_reader_open(&reader, *fd, "x.tar", 0, NULL), 0);
	return reader;
}

Test(stream, round_trip_keeps_everything)
{
	const struct sample s = sample_stream(0);
	struct avl_record record;
	struct avl_err err = {0};
	int fd;
	struct avl_reader *const reader = open_bytes(s.bytes, s.n, &fd);
	avl_record_init(&record, 0);
	cr_assert_null(avl_reader_header(reader));
	cr_assert_eq(avl_reader_next(reader, &record, &err), 1, "%s", err.text);
	cr_assert_str_eq(avl_json_string(avl_reader_header(reader), "producer", ""), "test");
	cr_assert_eq(
	    avl_json_number(avl_json_get(avl_reader_header(reader), "settings"), "rate", 0), 1);
	cr_assert_str_eq(record.key, "a_000000");
	cr_assert_eq(record.nmembers, 3);
	cr_assert_eq(avl_json_number(record.seal, "time", 0), 0.5);
	cr_assert_null(avl_json_get(record.seal, "members"));
	cr_assert_null(avl_json_get(record.seal, "crc32"));
	const struct avl_member *const frame = avl_record_find(&record, "frame.npy");
	cr_assert(avl_tensor_is(&frame->tensor, AVL_U1, 3, (int64_t[]){2, 3, 3}));
	cr_assert_eq(((const uint8_t *)frame->tensor.data)[17], 187);
	cr_assert_eq((uintptr_t)frame->tensor.data % 64, 0);
	const struct avl_member *const note = avl_record_find(&record, "note.txt");
	cr_assert_eq(note->size, 6);
	cr_assert_eq(memcmp(note->bytes, "hello\n", 6), 0);
	cr_assert_eq(note->tensor.dtype, AVL_DTYPES);
	cr_assert_eq(avl_reader_next(reader, &record, &err), 1, "%s", err.text);
	cr_assert_str_eq(record.key, "b-1");
	cr_assert(avl_tensor_is(&record.member[0].tensor, AVL_F8, 2, (int64_t[]){0, 5}));
	cr_assert_eq(avl_reader_next(reader, &record, &err), 0);
	cr_assert_eq(avl_reader_next(reader, &record, &err), 0);
	cr_assert_eq(record.nmembers, 0);
	avl_record_release(&record);
	avl_reader_close(reader);
	close(fd);
	free(s.bytes);
}

/* The format is pinned: tests/golden/stream.tar is what this version has always written, and what
 * the tests with tar, Python and WebDataset read. */
Test(stream, bytes_are_those_of_the_golden_file)
{
	const struct sample s = sample_stream(0);
	const char *const top = getenv("TOP");
	char path[4096];
	snprintf(path, sizeof path, "%s/tests/golden/stream.tar", top ? top : ".");
	if (getenv("GOLDEN") && !strcmp(getenv("GOLDEN"), "update")) {
		const int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
		cr_assert_eq(avl_write_all(out, s.bytes, s.n, NULL), 0);
		close(out);
	}
	const int fd = open(path, O_RDONLY);
	cr_assert(fd >= 0, "%s cannot be opened", path);
	const struct sample golden = sample_slurp(fd);
	cr_assert_eq(golden.n, s.n);
	cr_assert_eq(memcmp(golden.bytes, s.bytes, s.n), 0);
	free(golden.bytes);
	free(s.bytes);
}

Test(stream, what_was_read_is_written_again_byte_for_byte)
{
	const struct sample s = sample_stream(0);
	const int out = sample_fd("", 0);
	struct avl_record record;
	struct avl_writer *writer;
	int fd;
	struct avl_reader *const reader = open_bytes(s.bytes, s.n, &fd);
	avl_record_init(&record, 0);
	cr_assert_eq(avl_reader_next(reader, &record, NULL), 1);
	cr_assert_eq(avl_writer_open(&writer, out, "out", "test",
				     avl_json_get(avl_reader_header(reader), "settings"), 0, NULL),
		     0);
	do
		cr_assert_eq(avl_writer_record(writer, &record, NULL), 0);
	while (avl_reader_next(reader, &record, NULL) == 1);
	cr_assert_eq(avl_writer_close(writer, NULL), 0);
	const struct sample copy = sample_slurp(out);
	cr_assert_eq(copy.n, s.n);
	cr_assert_eq(memcmp(copy.bytes, s.bytes, s.n), 0);
	avl_record_release(&record);
	avl_reader_close(reader);
	close(fd);
	free(copy.bytes);
	free(s.bytes);
}

Test(stream, every_flipped_byte_is_refused_or_harmless)
{
	const struct sample s = sample_stream(0);
	unsigned want, got;
	int records, harmless = 0;
	cr_assert_eq(sample_digest(s.bytes, s.n, &want, &records, NULL), 0);
	cr_assert_eq(records, 2);
	for (size_t i = 0; i < s.n; i++)
		for (int bit = 0; bit < 9; bit++) {
			struct avl_err err = {0};
			const unsigned char flip = bit == 8 ? 0xff : (unsigned char)(1 << bit);
			s.bytes[i] ^= flip;
			const int rc = sample_digest(s.bytes, s.n, &got, &records, &err);
			s.bytes[i] ^= flip;
			cr_assert(rc < 0 || got == want, "byte %zu ^ %d passed", i, flip);
			harmless += rc == 0;
			cr_assert(rc == 0 || strstr(err.text, "'x.tar': "), "%s", err.text);
			cr_assert_null(strchr(err.text, '\n'));
		}
	/* one bit between the blank that ends a header's sum and a zero, in each of 7 headers */
	cr_assert_leq(harmless, 7 * 3, "%d flips were harmless", harmless);
	free(s.bytes);
}

Test(stream, every_truncation_is_refused)
{
	const struct sample s = sample_stream(0);
	for (size_t n = 0; n < s.n; n++) {
		unsigned digest;
		int records;
		struct avl_err err = {0};
		cr_assert_lt(sample_digest(s.bytes, n, &digest, &records, &err), 0, "%zu", n);
		cr_assert(strstr(err.text, n ? "cut off" : "empty"), "%zu: %s", n, err.text);
	}
	free(s.bytes);
}

Test(stream, gzip_flips_and_truncations_are_refused_or_harmless)
{
	const struct sample s = sample_stream(AVL_WRITER_GZIP), plain = sample_stream(0);
	unsigned want, got;
	int records;
	cr_assert_eq(sample_digest(plain.bytes, plain.n, &want, &records, NULL), 0);
	cr_assert_eq(sample_digest(s.bytes, s.n, &got, &records, NULL), 0);
	cr_assert_eq(got, want);
	cr_assert_lt(s.n, plain.n);
	for (size_t i = 0; i < s.n; i++)
		for (int bit = 0; bit < 9; bit++) {
			const unsigned char flip = bit == 8 ? 0xff : (unsigned char)(1 << bit);
			s.bytes[i] ^= flip;
			const int rc = sample_digest(s.bytes, s.n, &got, &records, NULL);
			s.bytes[i] ^= flip;
			cr_assert(rc < 0 || got == want, "byte %zu ^ %d passed", i, flip);
		}
	for (size_t n = 0; n < s.n; n++)
		cr_assert_lt(sample_digest(s.bytes, n, &got, &records, NULL), 0, "%zu", n);
	free(s.bytes);
	free(plain.bytes);
}

Test(stream, only_zeros_may_follow_the_end)
{
	const struct sample s = sample_stream(0);
	unsigned char *const longer = calloc(1, s.n + 20000);
	unsigned digest;
	int records;
	memcpy(longer, s.bytes, s.n);
	cr_assert_eq(sample_digest(longer, s.n + 20000, &digest, &records, NULL), 0);
	longer[s.n + 12345] = 1;
	struct avl_err err = {0};
	cr_assert_lt(sample_digest(longer, s.n + 20000, &digest, &records, &err), 0);
	char want[64];
	snprintf(want, sizeof want, "byte %zu: data behind the end record", s.n + 12345);
	cr_assert(strstr(err.text, want), "%s", err.text);
	cr_assert_eq(records, 2);
	free(longer);
	free(s.bytes);
}

/* The record must come out of the pipe while the writer holds it open and says no more; the test's
 * alarm ends it if the reader waits. */
static void record_comes_at_its_seal(int flags)
{
	static const char text[700] = "some text";
	int ends[2];
	struct avl_reader *reader;
	struct avl_writer *writer;
	struct avl_record in, out;
	cr_assert_eq(pipe(ends), 0);
	alarm(20);
	cr_assert_eq(avl_writer_open(&writer, ends[1], "pipe", "test", NULL, flags, NULL), 0);
	cr_assert_eq(avl_reader_open(&reader, ends[0], "pipe", 0, NULL), 0);
	avl_record_init(&in, 0);
	avl_record_init(&out, 0);
	for (int i = 0; i < 3; i++) {
		sprintf(out.key, "k%d", i);
		cr_assert_eq(avl_record_put_bytes(&out, "x.txt", text, sizeof text, NULL), 0);
		cr_assert_eq(avl_writer_record(writer, &out, NULL), 0);
		cr_assert_eq(avl_reader_next(reader, &in, NULL), 1);
		cr_assert_str_eq(in.key, out.key);
	}
	cr_assert_eq(avl_writer_close(writer, NULL), 0);
	close(ends[1]);
	cr_assert_eq(avl_reader_next(reader, &in, NULL), 0);
	avl_reader_close(reader);
	avl_record_release(&in);
	avl_record_release(&out);
	close(ends[0]);
}

Test(stream, record_comes_at_its_seal)
{
	record_comes_at_its_seal(0);
}

Test(stream, record_comes_at_its_seal_through_gzip)
{
	record_comes_at_its_seal(AVL_WRITER_GZIP);
}

/* Without the zeros behind the seal: they belong to what follows. */
Test(stream, record_does_not_wait_for_padding)
{
	const struct sample s = sample_stream(0);
	int ends[2], fd;
	size_t n = 0;
	struct avl_record record;
	struct avl_reader *reader = open_bytes(s.bytes, s.n, &fd);
	avl_record_init(&record, 0);
	while (memcmp(s.bytes + n, "a_000000.json", 13))
		n += AVL_TAR_BLOCK;
	struct avl_tar_entry entry;
	cr_assert_eq(avl_tar_decode(s.bytes + n, &entry, NULL), 1);
	n += AVL_TAR_BLOCK + (size_t)entry.size;
	avl_reader_close(reader);
	close(fd);
	cr_assert_eq(pipe(ends), 0);
	alarm(20);
	cr_assert_eq(avl_write_all(ends[1], s.bytes, n, NULL), 0);
	cr_assert_eq(avl_reader_open(&reader, ends[0], "pipe", 0, NULL), 0);
	cr_assert_eq(avl_reader_next(reader, &record, NULL), 1);
	avl_reader_close(reader);
	avl_record_release(&record);
	close(ends[0]);
	close(ends[1]);
	free(s.bytes);
}

Test(stream, error_names_stream_record_and_offset)
{
	const struct sample s = sample_stream(0);
	unsigned digest;
	int records;
	struct avl_err err = {0};
	size_t at = 0;
	while (memcmp(s.bytes + at, "a_000000.note.txt", 17))
		at += AVL_TAR_BLOCK;
	s.bytes[at + AVL_TAR_BLOCK] ^= 1;
	cr_assert_eq(sample_digest(s.bytes, s.n, &digest, &records, &err), AVL_EFORMAT);
	cr_assert(strstr(err.text, "'x.tar': record 'a_000000', byte "), "%s", err.text);
	cr_assert(strstr(err.text, "'note.txt' is damaged"), "%s", err.text);
	cr_assert_eq(records, 0);
	free(s.bytes);
}

/* A stream made of the entries given, "NAME\nPAYLOAD", with an end record. */
static int read_made(const char *const *entry, struct avl_err *err)
{
	const int fd = sample_fd("", 0);
	unsigned char block[AVL_TAR_BLOCK];
	static const unsigned char zeros[2 * AVL_TAR_BLOCK];
	for (; *entry; entry++) {
		const char *const payload = strchr(*entry, '\n') + 1;
		const size_t n = strlen(payload);
		char name[200];
		snprintf(name, sizeof name, "%.*s", (int)(payload - 1 - *entry), *entry);
		cr_assert_eq(avl_tar_encode(name, n, block, NULL), 0);
		avl_write_all(fd, block, sizeof block, NULL);
		avl_write_all(fd, payload, n, NULL);
		avl_write_all(fd, zeros, avl_tar_padding(n), NULL);
	}
	avl_write_all(fd, zeros, sizeof zeros, NULL);
	const struct sample s = sample_slurp(fd);
	unsigned digest;
	int records;
	const int rc = sample_digest(s.bytes, s.n, &digest, &records, err);
	free(s.bytes);
	return rc;
}

#define HEADER "__avl__/stream.json\n{\"format\":\"avl-stream\",\"version\":1,\"crc32\":2678311792}"
#define SEAL_OF_T                                                                                  \
	"k.json\n{\"members\":{\"t\":{\"size\":2,\"crc32\":3633523372}},\"crc32\":1004181978}"

static const struct {
	const char *what, *entry[5], *message;
} made[] = {
    {"a good one", {HEADER, "k.t\nhi", SEAL_OF_T}, NULL},
    {"no records", {HEADER}, NULL},
    {"no header", {"k.t\nhi", SEAL_OF_T}, "not an avl stream"},
    {"other version",
     {"__avl__/stream.json\n{\"format\":\"avl-stream\",\"version\":2,\"crc32\":111844042}"},
     "version 2"},
    {"other format",
     {"__avl__/stream.json\n{\"format\":\"tar\",\"version\":1,\"crc32\":2419813659}"},
     "does not say avl-stream"},
    {"header unsealed",
     {"__avl__/stream.json\n{\"format\":\"avl-stream\",\"version\":1}"},
     "does not end with its crc32"},
    {"no seal", {HEADER, "k.t\nhi"}, "has no seal"},
    {"no seal before the next", {HEADER, "k.t\nhi", "l.t\nhi"}, "has no seal"},
    {"seal of another", {HEADER, "k.t\nho", SEAL_OF_T}, "CRC-32"},
    {"shorter than sealed", {HEADER, "k.t\nh", SEAL_OF_T}, "size"},
    {"member not in the seal", {HEADER, "k.t\nhi", "k.u\nhi", SEAL_OF_T}, "not in the seal"},
    {"member missing", {HEADER, SEAL_OF_T}, "missing"},
    {"member twice", {HEADER, "k.t\nhi", "k.t\nhi", SEAL_OF_T}, "twice"},
    {"record twice", {HEADER, "k.t\nhi", SEAL_OF_T, "k.t\nhi", SEAL_OF_T}, "twice"},
    {"upper-case suffix", {HEADER, "k.T\nhi"}, "'k.T' is not the name"},
    {"no suffix", {HEADER, "k\nhi"}, "'k' is not the name"},
    {"path", {HEADER, "a/k.t\nhi"}, "'a/k.t' is not the name"},
    {"two dots", {HEADER, "k..t\nhi"}, "'k..t' is not the name"},
    {"npy that is none", {HEADER, "k.a.npy\nhi"}, "a.npy: npy: not a NumPy array"},
};

Test(stream, what_breaks_a_rule_is_refused_with_its_reason)
{
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		struct avl_err err = {0};
		const char *entry[6] = {0};
		memcpy(entry, made[i].entry, sizeof made[i].entry);
		const int rc = read_made(entry, &err);
		if (!made[i].message)
			cr_assert_eq(rc, 0, "%s: %s", made[i].what, err.text);
		else
			cr_assert(rc < 0 && strstr(err.text, made[i].message), "%s: %d %s",
				  made[i].what, rc, err.text);
	}
}

Test(stream, member_beyond_the_limit_is_refused_before_memory_is_asked_for)
{
	unsigned char block[AVL_TAR_BLOCK];
	const struct sample s = sample_stream(0);
	struct sample huge = {.n = s.n};
	huge.bytes = malloc(s.n);
	memcpy(huge.bytes, s.bytes, s.n);
	cr_assert_eq(avl_tar_encode("a_000000.frame.npy", AVL_TAR_SIZE_MAX, block, NULL), 0);
	memcpy(huge.bytes + 2 * AVL_TAR_BLOCK, block, sizeof block);
	unsigned digest;
	int records;
	struct avl_err err = {0};
	cr_assert_eq(sample_digest(huge.bytes, huge.n, &digest, &records, &err), AVL_ELIMIT);
	cr_assert(strstr(err.text, "'frame.npy' is too large (8589934591 bytes)"), "%s", err.text);
	free(huge.bytes);
	free(s.bytes);
}

Test(stream, memory_is_that_of_the_largest_record)
{
	enum { RECORDS = 60, STEP = 100000 };
	const int fd = sample_fd("", 0);
	char *const payload = calloc(RECORDS, STEP);
	struct avl_writer *writer;
	struct avl_reader *reader;
	struct avl_record record;
	avl_record_init(&record, 0);
	cr_assert_eq(avl_writer_open(&writer, fd, "x", "test", NULL, 0, NULL), 0);
	for (int i = 1; i <= RECORDS; i++) {
		avl_record_reset(&record);
		sprintf(record.key, "k%d", i);
		avl_record_put_bytes(&record, "a", payload, (size_t)i * STEP, NULL);
		cr_assert_eq(avl_writer_record(writer, &record, NULL), 0);
	}
	cr_assert_eq(avl_writer_close(writer, NULL), 0);
	free(payload);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(avl_reader_open(&reader, fd, "x", 0, NULL), 0);
	while (avl_reader_next(reader, &record, NULL) == 1)
		cr_assert_leq(record.arena.held, 2 * record.member[0].size + ((size_t)2 << 20));
	avl_reader_close(reader);
	avl_record_release(&record);
	close(fd);
}

Test(stream, a_refused_record_leaves_the_stream_good)
{
	const int fd = sample_fd("", 0);
	struct avl_writer *writer;
	struct avl_record record;
	struct avl_err err = {0};
	cr_assert_eq(avl_writer_open(&writer, fd, "x", "test", NULL, 0, NULL), 0);
	avl_record_init(&record, 0);
	strcpy(record.key, "no dots.please");
	cr_assert_eq(avl_writer_record(writer, &record, &err), AVL_EUSAGE);
	memset(record.key, 'k', 95);
	cr_assert_eq(avl_record_put_bytes(&record, "toolong", "", 0, NULL), 0);
	cr_assert_eq(avl_writer_record(writer, &record, &err), AVL_ELIMIT);
	strcpy(record.key, "k");
	cr_assert_eq(avl_writer_record(writer, &record, &err), 0);
	cr_assert_eq(avl_writer_record(writer, &record, &err), AVL_EUSAGE); /* the key repeats */
	cr_assert_eq(avl_writer_close(writer, NULL), 0);
	const struct sample s = sample_slurp(fd);
	unsigned digest;
	int records;
	cr_assert_eq(sample_digest(s.bytes, s.n, &digest, &records, NULL), 0);
	cr_assert_eq(records, 1);
	avl_record_release(&record);
	free(s.bytes);
}

Test(stream, a_full_device_is_reported)
{
	struct avl_writer *writer;
	struct avl_err err = {0};
	const int fd = open("/dev/full", O_WRONLY);
	cr_assert_eq(avl_writer_open(&writer, fd, "out", "test", NULL, 0, &err), AVL_EIO);
	cr_assert_str_eq(err.text, "'out': cannot write: No space left on device");
	cr_assert_null(writer);
	close(fd);
}

Test(stream, an_abandoned_stream_is_refused)
{
	const int fd = sample_fd("", 0);
	struct avl_writer *writer;
	cr_assert_eq(avl_writer_open(&writer, fd, "x", "test", NULL, 0, NULL), 0);
	avl_writer_abandon(writer);
	const struct sample s = sample_slurp(fd);
	unsigned digest;
	int records;
	cr_assert_lt(sample_digest(s.bytes, s.n, &digest, &records, NULL), 0);
	free(s.bytes);
}
