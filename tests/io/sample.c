/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include "sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/record.h"
#include "io/sink.h"

int sample_fd(const void *bytes, size_t n)
{
	const int fd = memfd_create("sample", MFD_CLOEXEC);
	cr_assert(fd >= 0);
	cr_assert_eq(avl_write_all(fd, bytes, n, NULL), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

struct sample sample_slurp(int fd)
{
	struct sample sample = {.n = (size_t)lseek(fd, 0, SEEK_END)};
	sample.bytes = malloc(sample.n + 1);
	cr_assert(sample.bytes);
	cr_assert_eq(pread(fd, sample.bytes, sample.n, 0), (ssize_t)sample.n);
	close(fd);
	return sample;
}

static void put_first(struct avl_record *record)
{
	static uint8_t pixel[2 * 3 * 3];
	static float sound[5] = {0, 0.5f, -0.5f, 1, -1};
	for (size_t i = 0; i < sizeof pixel; i++)
		pixel[i] = (uint8_t)(11 * i);
	const struct avl_tensor frame = {
	    .dtype = AVL_U1, .ndim = 3, .dim = {2, 3, 3}, .data = pixel};
	const struct avl_tensor audio = {.dtype = AVL_F4, .ndim = 1, .dim = {5}, .data = sound};
	strcpy(record->key, "a_000000");
	cr_assert_eq(avl_record_put(record, "frame.npy", &frame, NULL), 0);
	cr_assert_eq(avl_record_put(record, "audio.npy", &audio, NULL), 0);
	cr_assert_eq(avl_record_put_bytes(record, "note.txt", "hello\n", 6, NULL), 0);
	avl_json_set_number(record->seal, "time", 0.5);
	avl_json_set_string(record->seal, "source", "a.mp4");
}

struct sample sample_stream(int flags)
{
	const int fd = sample_fd("", 0);
	struct avl_writer *writer;
	struct avl_record record;
	struct avl_json *const settings = avl_json_object();
	avl_json_set_number(settings, "rate", 1);
	cr_assert_eq(avl_writer_open(&writer, fd, "sample", "test", settings, flags, NULL), 0);
	avl_json_free(settings);
	avl_record_init(&record, 0);
	put_first(&record);
	cr_assert_eq(avl_writer_record(writer, &record, NULL), 0);
	avl_record_reset(&record);
	const struct avl_tensor boxes = {.dtype = AVL_F8, .ndim = 2, .dim = {0, 5}};
	strcpy(record.key, "b-1");
	cr_assert_eq(avl_record_put(&record, "boxes.npy", &boxes, NULL), 0);
	cr_assert_eq(avl_writer_record(writer, &record, NULL), 0);
	avl_record_release(&record);
	cr_assert_eq(avl_writer_close(writer, NULL), 0);
	return sample_slurp(fd);
}

static unsigned add_text(unsigned digest, const char *text)
{
	return avl_crc32(digest, text, strlen(text) + 1);
}

unsigned sample_record_digest(unsigned digest, const struct avl_record *record)
{
	char *const seal = avl_json_dump(record->seal, NULL);
	digest = add_text(add_text(digest, record->key), seal);
	free(seal);
	for (int i = 0; i < record->nmembers; i++) {
		const struct avl_member *const m = &record->member[i];
		digest = add_text(digest, m->suffix);
		digest = avl_crc32(digest, m->bytes, m->size);
		if (m->tensor.dtype == AVL_DTYPES)
			continue;
		char shape[128];
		avl_tensor_describe(&m->tensor, shape, sizeof shape);
		digest = add_text(digest, shape);
		digest = avl_crc32(digest, m->tensor.data,
				   avl_tensor_count(&m->tensor) * avl_dtype_size(m->tensor.dtype));
	}
	return digest;
}

int sample_digest(const void *bytes, size_t n, unsigned *digest, int *records, struct avl_err *err)
{
	const int fd = sample_fd(bytes, n);
	struct avl_reader *reader;
	struct avl_record record;
	avl_record_init(&record, 0);
	cr_assert_eq(avl_reader_open(&reader, fd, "x.tar", 1 << 20, err), 0);
	*records = 0;
	*digest = 0;
	int rc;
	while ((rc = avl_reader_next(reader, &record, err)) == 1) {
		*digest = sample_record_digest(*digest, &record);
		++*records;
	}
	if (rc == 0) {
		char *const header = avl_json_dump(avl_reader_header(reader), NULL);
		*digest = add_text(*digest, header);
		free(header);
	}
	avl_reader_close(reader);
	avl_record_release(&record);
	close(fd);
	return rc;
}
