/* SPDX-License-Identifier: MIT */
#include "io/source.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/sink.h"
#include "sample.h"

enum { N = 300000 };

/* Bytes that do not compress to nothing. */
static unsigned char *pattern(void)
{
	unsigned char *const bytes = malloc(N);
	unsigned state = 1;
	for (int i = 0; i < N; i++)
		bytes[i] = (unsigned char)((state = state * 1103515245 + 12345) >> 24 & 31);
	return bytes;
}

/* TIMES the pattern, as a file, through the sink. */
static struct sample packed(int gzip, int times)
{
	unsigned char *const bytes = pattern();
	struct avl_sink *const sink = malloc(sizeof *sink);
	const int fd = sample_fd("", 0);
	for (int k = 0; k < times; k++) {
		cr_assert_eq(avl_sink_init(sink, fd, gzip, NULL), 0);
		for (size_t at = 0, n; at < N; at += n) {
			n = at % 7 * 30011 + 1;
			n = n < N - at ? n : N - at;
			cr_assert_eq(avl_sink_put(sink, bytes + at, n, NULL), 0);
			if (at % 3 == 0)
				cr_assert_eq(avl_sink_flush(sink, NULL), 0);
		}
		cr_assert_eq(avl_sink_finish(sink, NULL), 0);
		avl_sink_release(sink);
	}
	free(sink);
	free(bytes);
	return sample_slurp(fd);
}

/* Reads FD in pieces of different sizes; 1 where TIMES the pattern came, and then the end. */
static int is_pattern(int fd, int times)
{
	unsigned char *const bytes = pattern(), *const got = malloc(N + 1);
	struct avl_source *const source = malloc(sizeof *source);
	int same = 1;
	avl_source_init(source, fd);
	for (int k = 0; k < times; k++) {
		for (size_t at = 0, n, k1; at < N; at += n) {
			n = at % 5 * 40009 + 1;
			n = n < N - at ? n : N - at;
			cr_assert_eq(avl_source_read(source, got + at, n, &k1, NULL), 0);
			same &= k1 == n;
		}
		same &= !memcmp(got, bytes, N);
	}
	size_t more;
	cr_assert_eq(avl_source_read(source, got, 1, &more, NULL), 0);
	same &= more == 0 && source->offset == (uint64_t)times * N;
	avl_source_release(source);
	free(source);
	free(bytes);
	free(got);
	return same;
}

Test(source, what_the_sink_wrote_is_read)
{
	for (int gzip = 0; gzip < 2; gzip++)
		for (int times = 1; times < 3; times++) {
			const struct sample s = packed(gzip, times);
			const int fd = sample_fd(s.bytes, s.n);
			cr_assert(is_pattern(fd, times), "gzip %d, %d times", gzip, times);
			close(fd);
			free(s.bytes);
		}
}

Test(source, gzip_holds_no_time_and_no_name)
{
	const struct sample a = packed(1, 1), b = packed(1, 1);
	cr_assert_eq(a.n, b.n);
	cr_assert_eq(memcmp(a.bytes, b.bytes, a.n), 0);
	cr_assert_eq(memcmp(a.bytes, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8), 0);
	free(a.bytes);
	free(b.bytes);
}

/* A writer that gives a few bytes at a time, into a pipe that does not block its reader. */
Test(source, small_pieces_and_a_pipe_that_does_not_block)
{
	const struct sample s = packed(1, 1);
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	const pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		close(ends[0]);
		for (size_t at = 0, n; at < s.n; at += n) {
			n = at < 64 ? 1 : 4099;
			n = n < s.n - at ? n : s.n - at;
			if (write(ends[1], s.bytes + at, n) != (ssize_t)n)
				_exit(1);
			if (at < 64)
				usleep(200);
		}
		_exit(0);
	}
	close(ends[1]);
	cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	cr_assert(is_pattern(ends[0], 1));
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	close(ends[0]);
	free(s.bytes);
}

Test(source, what_is_behind_gzip_is_refused)
{
	struct sample s = packed(1, 1);
	struct avl_source *const source = malloc(sizeof *source);
	unsigned char *const got = malloc(N + 1);
	struct avl_err err = {0};
	size_t n;
	s.bytes[s.n] = 'x'; /* the sample has room for one byte more */
	const int fd = sample_fd(s.bytes, s.n + 1);
	avl_source_init(source, fd);
	cr_assert_eq(avl_source_read(source, got, N, &n, NULL), 0);
	cr_assert_eq(n, N);
	cr_assert_eq(avl_source_read(source, got, 1, &n, &err), AVL_EFORMAT);
	cr_assert(strstr(err.text, "gzip: "), "%s", err.text);
	avl_source_release(source);
	close(fd);
	free(source);
	free(got);
	free(s.bytes);
}

Test(source, errors_of_the_system_are_passed_on)
{
	struct avl_source *const source = malloc(sizeof *source);
	struct avl_sink *const sink = malloc(sizeof *sink);
	struct avl_err err = {0};
	unsigned char byte;
	size_t n;
	avl_source_init(source, -1);
	cr_assert_eq(avl_source_read(source, &byte, 1, &n, &err), AVL_EIO);
	cr_assert_str_eq(err.text, "cannot read: Bad file descriptor");
	avl_source_release(source);
	const int full = open("/dev/full", O_WRONLY);
	for (int gzip = 0; gzip < 2; gzip++) {
		cr_assert_eq(avl_sink_init(sink, full, gzip, NULL), 0);
		cr_assert_eq(avl_sink_put(sink, "x", 1, NULL), 0);
		cr_assert_eq(avl_sink_flush(sink, &err), AVL_EIO);
		cr_assert_str_eq(err.text, "cannot write: No space left on device");
		avl_sink_release(sink);
	}
	close(full);
	free(sink);
	free(source);
}
