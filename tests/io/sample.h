/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_IO_SAMPLE_H
#define AVL_TESTS_IO_SAMPLE_H

#include <stddef.h>

#include "io/stream.h"

/* A small stream in memory, and what the tests of the reader and of the index do with one. */
struct sample {
	unsigned char *bytes; /* malloc'd */
	size_t n;
};

/* Two records: a_000000 with frame.npy, audio.npy and note.txt, b-1 with boxes.npy (0, 5). */
struct sample sample_stream(int flags);

/* A file in memory with N bytes, at its start. */
int sample_fd(const void *bytes, size_t n);

/* Everything FD has from its start; closes it. */
struct sample sample_slurp(int fd);

/* Reads the stream to its end and sums up all that the records hold. Returns the last code of
 * avl_reader_next; RECORDS counts the good ones. */
int sample_digest(const void *bytes, size_t n, unsigned *digest, int *records, struct avl_err *err);

/* The sum of one record, for comparing what two ways of reading found. */
unsigned sample_record_digest(unsigned digest, const struct avl_record *record);

#endif
