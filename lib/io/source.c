/* SPDX-License-Identifier: MIT */
#include "io/source.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void avl_source_init(struct avl_source *source, int fd)
{
	source->fd = fd;
	source->at = source->end = 0;
	source->offset = 0;
	source->kind = AVL_SOURCE_UNKNOWN;
	source->between = 1;
	memset(&source->z, 0, sizeof source->z);
}

void avl_source_release(struct avl_source *source)
{
	if (source->kind == AVL_SOURCE_GZIP)
		inflateEnd(&source->z);
}

/* One read(2): *GOT is 0 only at the end. A descriptor somebody made non-blocking is waited for. */
static int read_some(int fd, void *dst, size_t n, size_t *got, struct avl_err *err)
{
	for (;;) {
		const ssize_t k = read(fd, dst, n);
		if (k >= 0) {
			*got = (size_t)k;
			return 0;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
		else if (errno != EINTR)
			return avl_fail_errno(err, "cannot read");
	}
}

/* Appends what one read gives to the buffer. */
static int fill(struct avl_source *source, size_t *got, struct avl_err *err)
{
	if (source->at == source->end)
		source->at = source->end = 0;
	const int rc = read_some(source->fd, source->buffer + source->end,
				 AVL_SOURCE_BUFFER - source->end, got, err);
	if (!rc)
		source->end += *got;
	return rc;
}

static int recognise(struct avl_source *source, struct avl_err *err)
{
	for (size_t got = 1; source->end < 2 && got;) {
		const int rc = fill(source, &got, err);
		if (rc)
			return rc;
	}
	source->kind = AVL_SOURCE_PLAIN;
	if (source->end < 2 || source->buffer[0] != 0x1f || source->buffer[1] != 0x8b)
		return 0;
	if (inflateInit2(&source->z, 15 + 16) != Z_OK)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	source->kind = AVL_SOURCE_GZIP;
	return 0;
}

/* What the buffer has, or else one read; large reads go past the buffer. */
static int read_plain(struct avl_source *source, unsigned char *dst, size_t n, size_t *got,
		      struct avl_err *err)
{
	while (*got < n) {
		const size_t left = n - *got;
		size_t k = source->end - source->at;
		int rc = 0;
		if (!k && left >= AVL_SOURCE_BUFFER) {
			rc = read_some(source->fd, dst + *got, left, &k, err);
		} else {
			if (!k)
				rc = fill(source, &k, err);
			k = rc ? 0 : k < left ? k : left;
			memcpy(dst + *got, source->buffer + source->at, k);
			source->at += k;
		}
		*got += k;
		if (rc || !k)
			return rc;
	}
	return 0;
}

static int inflate_some(struct avl_source *source, unsigned char *dst, size_t n, size_t *got,
			struct avl_err *err)
{
	z_stream *const z = &source->z;
	z->next_in = source->buffer + source->at;
	z->avail_in = (uInt)(source->end - source->at);
	z->next_out = dst;
	z->avail_out = n < 1u << 30 ? (uInt)n : 1u << 30;
	const uInt room = z->avail_out;
	const int rc = inflate(z, Z_NO_FLUSH);
	source->at = source->end - z->avail_in;
	*got = room - z->avail_out;
	if (rc == Z_MEM_ERROR)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc == Z_STREAM_END)
		source->between = 1;
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return avl_fail(err, AVL_EFORMAT, "gzip: %s", z->msg ? z->msg : "damaged data");
	return 0;
}

/* Output that inflate still holds comes before more input is waited for. */
static int read_gzip(struct avl_source *source, unsigned char *dst, size_t n, size_t *got,
		     struct avl_err *err)
{
	while (*got < n) {
		size_t k = 0;
		int rc = 0;
		if (!source->between)
			rc = inflate_some(source, dst + *got, n - *got, &k, err);
		*got += k;
		if (rc)
			return rc;
		if (k)
			continue;
		if (source->at == source->end) {
			rc = fill(source, &k, err);
			if (rc)
				return rc;
			if (!k && source->between)
				return 0;
			if (!k)
				return avl_fail(err, AVL_EFORMAT, "gzip: the data is cut off");
		}
		if (source->between && inflateReset(&source->z) != Z_OK)
			return avl_fail(err, AVL_EFORMAT, "gzip: cannot start over");
		source->between = 0;
	}
	return 0;
}

int avl_source_read(struct avl_source *source, void *dst, size_t n, size_t *got,
		    struct avl_err *err)
{
	int rc = 0;
	*got = 0;
	if (source->kind == AVL_SOURCE_UNKNOWN)
		rc = recognise(source, err);
	if (!rc && source->kind == AVL_SOURCE_GZIP)
		rc = read_gzip(source, dst, n, got, err);
	else if (!rc)
		rc = read_plain(source, dst, n, got, err);
	source->offset += *got;
	return rc;
}
