/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/index.h"
#include "io/record.h"
#include "io/sink.h"
#include "io/tar.h"

#define LIMIT ((size_t)1 << 20)

struct outcome {
	int rc;
	int64_t records;
	uint32_t digest;
};

static uint32_t digest_of(uint32_t digest, const struct avl_record *record)
{
	digest = avl_crc32(digest, record->key, strlen(record->key) + 1);
	for (int i = 0; i < record->nmembers; i++) {
		const struct avl_member *const m = &record->member[i];
		digest = avl_crc32(digest, m->bytes, m->size);
		if (m->tensor.dtype != AVL_DTYPES)
			digest = avl_crc32(digest, m->tensor.data,
					   avl_tensor_count(&m->tensor) *
					       avl_dtype_size(m->tensor.dtype));
	}
	return digest;
}

/* Reads all and writes it again: what is read can be written. */
static struct outcome read_stream(int fd, int out)
{
	struct outcome found = {0};
	struct avl_reader *reader;
	struct avl_writer *writer;
	struct avl_record record;
	struct avl_err err = {0};
	FUZZ_CHECK(!avl_reader_open(&reader, fd, "fuzz", LIMIT, NULL));
	FUZZ_CHECK(!avl_writer_open(&writer, out, "copy", "fuzz", NULL, 0, NULL));
	avl_record_init(&record, 0);
	while ((found.rc = avl_reader_next(reader, &record, &err)) == 1) {
		found.digest = digest_of(found.digest, &record);
		found.records++;
		FUZZ_CHECK(!avl_writer_record(writer, &record, NULL));
	}
	FUZZ_CHECK(found.rc == 0 || (err.code < 0 && !strchr(err.text, '\n')));
	FUZZ_CHECK(!avl_writer_close(writer, NULL));
	avl_record_release(&record);
	avl_reader_close(reader);
	return found;
}

static struct outcome read_index(int fd)
{
	struct outcome found = {0};
	struct avl_index *index;
	struct avl_record record;
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	found.rc = avl_index_open(&index, path, LIMIT, NULL);
	if (found.rc)
		return found;
	avl_record_init(&record, 0);
	for (; found.records < avl_index_count(index) && !found.rc; found.records++) {
		found.rc = avl_index_read(index, found.records, &record, NULL);
		if (!found.rc)
			found.digest = digest_of(found.digest, &record);
	}
	avl_record_release(&record);
	avl_index_close(index);
	return found;
}

/* No fuzzer guesses the sum of a header; it is put right here wherever the input has the form of
 * an archive, so that what lies behind is reached. */
static void repair_header(uint8_t *block)
{
	unsigned sum = 8 * ' ';
	for (int i = 0; i < AVL_TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	for (int i = 153; i >= 148; i--, sum >>= 3)
		block[i] = (uint8_t)('0' + (sum & 7));
	block[154] = 0;
	block[155] = ' ';
}

static int make_input(const uint8_t *data, size_t size, int repair)
{
	static uint8_t copy[1 << 16];
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);
	size = size < sizeof copy ? size : sizeof copy;
	memcpy(copy, data, size);
	for (size_t at = 0; repair && at + AVL_TAR_BLOCK <= size; at += AVL_TAR_BLOCK)
		if (!memcmp(copy + at + 257, "ustar", 5))
			repair_header(copy + at);
	FUZZ_CHECK(fd >= 0 && !avl_write_all(fd, copy, size, NULL));
	FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void check(int fd)
{
	const int copy = memfd_create("copy", MFD_CLOEXEC),
		  again = memfd_create("again", MFD_CLOEXEC);
	FUZZ_CHECK(copy >= 0 && again >= 0);
	const struct outcome read = read_stream(fd, copy), indexed = read_index(fd);
	FUZZ_CHECK(indexed.rc == AVL_EUSAGE || (read.rc < 0) == (indexed.rc < 0));
	FUZZ_CHECK(read.rc < 0 || indexed.rc < 0 || read.digest == indexed.digest);
	FUZZ_CHECK(lseek(copy, 0, SEEK_SET) == 0);
	const struct outcome copied = read_stream(copy, again);
	FUZZ_CHECK(copied.rc == 0 && copied.records == read.records);
	FUZZ_CHECK(copied.digest == read.digest);
	close(copy);
	close(again);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(make_input(data, size, 0));
	check(make_input(data, size, 1));
	return 0;
}
