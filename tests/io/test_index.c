/* SPDX-License-Identifier: MIT */
#include "io/index.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/par.h"
#include "sample.h"

static int open_bytes(const void *bytes, size_t n, struct avl_index **index, struct avl_err *err)
{
	char path[64];
	const int fd = sample_fd(bytes, n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const int rc = avl_index_open(index, path, 1 << 20, err);
	close(fd);
	return rc;
}

/* Reads all records in their order, twice, and sums them up as sample_digest does. */
static int index_digest(const void *bytes, size_t n, unsigned *digest, int64_t *records,
			struct avl_err *err)
{
	struct avl_index *index;
	struct avl_record record;
	int rc = open_bytes(bytes, n, &index, err);
	if (rc)
		return rc;
	avl_record_init(&record, 0);
	*records = avl_index_count(index);
	for (int pass = 0; pass < 2 && !rc; pass++) {
		*digest = 0;
		for (int64_t i = 0; i < *records && !rc; i++) {
			rc = avl_index_read(index, i, &record, err);
			*digest = rc ? 0 : sample_record_digest(*digest, &record);
		}
	}
	avl_record_release(&record);
	avl_index_close(index);
	return rc;
}

Test(index, gives_any_record_at_any_time)
{
	const struct sample s = sample_stream(0);
	struct avl_index *index;
	struct avl_record record;
	struct avl_err err = {0};
	char key[AVL_KEY_MAX + 1];
	cr_assert_eq(open_bytes(s.bytes, s.n, &index, &err), 0, "%s", err.text);
	cr_assert_eq(avl_index_count(index), 2);
	cr_assert_str_eq(avl_json_string(avl_index_header(index), "producer", ""), "test");
	avl_index_key(index, 1, key);
	cr_assert_str_eq(key, "b-1");
	avl_record_init(&record, 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(avl_index_read(index, 1, &record, &err), 0, "%s", err.text);
		cr_assert_str_eq(record.key, "b-1");
		cr_assert_eq(avl_index_read(index, 0, &record, &err), 0, "%s", err.text);
		cr_assert_str_eq(record.key, "a_000000");
		cr_assert_eq(avl_json_number(record.seal, "time", 0), 0.5);
		const struct avl_member *const audio = avl_record_find(&record, "audio.npy");
		cr_assert_eq((uintptr_t)audio->tensor.data % 64, 0);
		cr_assert_eq(((const float *)audio->tensor.data)[2], -0.5f);
	}
	avl_record_release(&record);
	avl_index_close(index);
	free(s.bytes);
}

/* The reader's digest ends with the stream header, which is of no concern here. */
static unsigned digest_of_records(const struct sample *s)
{
	struct avl_reader *reader;
	struct avl_record record;
	unsigned digest = 0;
	const int fd = sample_fd(s->bytes, s->n);
	cr_assert_eq(avl_reader_open(&reader, fd, "x", 0, NULL), 0);
	avl_record_init(&record, 0);
	while (avl_reader_next(reader, &record, NULL) == 1)
		digest = sample_record_digest(digest, &record);
	avl_record_release(&record);
	avl_reader_close(reader);
	close(fd);
	return digest;
}

Test(index, every_flip_and_every_cut_is_refused_or_harmless)
{
	const struct sample s = sample_stream(0);
	const unsigned want = digest_of_records(&s);
	unsigned got = 0, unused;
	int64_t records;
	int n;
	cr_assert_eq(index_digest(s.bytes, s.n, &got, &records, NULL), 0);
	cr_assert_eq(got, want);
	for (size_t i = 0; i < s.n; i++)
		for (int bit = 0; bit < 9; bit++) {
			const unsigned char flip = bit == 8 ? 0xff : (unsigned char)(1 << bit);
			s.bytes[i] ^= flip;
			const int rc = index_digest(s.bytes, s.n, &got, &records, NULL);
			cr_assert(rc < 0 || got == want, "byte %zu ^ %d passed", i, flip);
			const int same = sample_digest(s.bytes, s.n, &unused, &n, NULL);
			cr_assert_eq(rc < 0, same < 0, "byte %zu ^ %d: the reader differs", i,
				     flip);
			s.bytes[i] ^= flip;
		}
	for (size_t cut = 0; cut < s.n; cut++)
		cr_assert_lt(index_digest(s.bytes, cut, &got, &records, NULL), 0, "%zu", cut);
	free(s.bytes);
}

Test(index, damage_is_named)
{
	const struct sample s = sample_stream(0);
	struct avl_index *index;
	struct avl_record record;
	struct avl_err err = {0};
	size_t at = 0;
	while (memcmp(s.bytes + at, "a_000000.note.txt", 17))
		at += 512;
	s.bytes[at + 512] ^= 1;
	cr_assert_eq(open_bytes(s.bytes, s.n, &index, &err), 0, "%s", err.text);
	avl_record_init(&record, 0);
	cr_assert_eq(avl_index_read(index, 0, &record, &err), AVL_EFORMAT);
	cr_assert(strstr(err.text, "record 'a_000000', byte "), "%s", err.text);
	cr_assert(strstr(err.text, "'note.txt' is damaged"), "%s", err.text);
	cr_assert_eq(avl_index_read(index, 1, &record, &err), 0);
	avl_record_release(&record);
	avl_index_close(index);
	free(s.bytes);
}

Test(index, refuses_what_cannot_be_indexed)
{
	const struct sample s = sample_stream(AVL_WRITER_GZIP);
	struct avl_index *index;
	struct avl_err err = {0};
	cr_assert_eq(open_bytes(s.bytes, s.n, &index, &err), AVL_EUSAGE);
	cr_assert(strstr(err.text, "compressed"), "%s", err.text);
	cr_assert_lt(avl_index_open(&index, "/dev/null", 0, &err), 0);
	cr_assert_lt(avl_index_open(&index, "/", 0, &err), 0);
	cr_assert_eq(avl_index_open(&index, "/no/such", 0, &err), AVL_EIO);
	cr_assert_null(index);
	free(s.bytes);
}

struct work {
	struct avl_index *index;
	struct avl_record record[4]; /* one a thread */
	int failed[64];
};

static void read_one(void *arg, int item, int thread)
{
	struct work *const work = arg;
	struct avl_record *const record = &work->record[thread];
	work->failed[item] = avl_index_read(work->index, item % 2, record, NULL) ||
			     strcmp(record->key, item % 2 ? "b-1" : "a_000000");
}

Test(index, threads_read_at_once)
{
	const struct sample s = sample_stream(0);
	struct work work = {0};
	struct avl_par *par;
	cr_assert_eq(open_bytes(s.bytes, s.n, &work.index, NULL), 0);
	cr_assert_eq(avl_par_new(&par, 4, NULL), 0);
	for (int i = 0; i < 4; i++)
		avl_record_init(&work.record[i], 0);
	avl_par_for(par, 64, read_one, &work);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(work.failed[i], 0, "%d", i);
	for (int i = 0; i < 4; i++)
		avl_record_release(&work.record[i]);
	avl_par_free(par);
	avl_index_close(work.index);
	free(s.bytes);
}
