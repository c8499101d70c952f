/* SPDX-License-Identifier: MIT */
#include "io/sink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

int avl_write_all(int fd, const void *bytes, size_t n, struct avl_err *err)
{
	const unsigned char *at = bytes;
	while (n) {
		const ssize_t k = write(fd, at, n);
		if (k >= 0) {
			at += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		} else if (errno != EINTR) {
			return avl_fail_errno(err, "cannot write");
		}
	}
	return 0;
}

int avl_sink_init(struct avl_sink *sink, int fd, int gzip, struct avl_err *err)
{
	sink->fd = fd;
	sink->gzip = gzip;
	sink->used = 0;
	memset(&sink->z, 0, sizeof sink->z);
	if (gzip && deflateInit2(&sink->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
				 Z_DEFAULT_STRATEGY) != Z_OK)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	return 0;
}

void avl_sink_release(struct avl_sink *sink)
{
	if (sink->gzip)
		deflateEnd(&sink->z);
}

static int empty_buffer(struct avl_sink *sink, struct avl_err *err)
{
	const int rc = avl_write_all(sink->fd, sink->buffer, sink->used, err);
	sink->used = 0;
	return rc;
}

static int put_plain(struct avl_sink *sink, const unsigned char *bytes, size_t n,
		     struct avl_err *err)
{
	int rc = 0;
	if (n > AVL_SINK_BUFFER - sink->used)
		rc = empty_buffer(sink, err);
	if (rc)
		return rc;
	if (n >= AVL_SINK_BUFFER)
		return avl_write_all(sink->fd, bytes, n, err);
	memcpy(sink->buffer + sink->used, bytes, n);
	sink->used += n;
	return 0;
}

/* Feeds N bytes to deflate; with a FLUSH, until it has nothing left to give. */
static int put_gzip(struct avl_sink *sink, const unsigned char *bytes, size_t n, int flush,
		    struct avl_err *err)
{
	z_stream *const z = &sink->z;
	int more = 1;
	while (n || more) {
		const uInt part = n < 1u << 30 ? (uInt)n : 1u << 30;
		z->next_in = (Bytef *)(uintptr_t)bytes;
		z->avail_in = part;
		z->next_out = sink->buffer + sink->used;
		z->avail_out = (uInt)(AVL_SINK_BUFFER - sink->used);
		const int rc = deflate(z, part == n ? flush : Z_NO_FLUSH);
		if (rc == Z_STREAM_ERROR)
			return avl_fail(err, AVL_EIO, "gzip failed");
		bytes += part - z->avail_in;
		n -= part - z->avail_in;
		sink->used = AVL_SINK_BUFFER - z->avail_out;
		more = z->avail_out == 0;
		if (more && empty_buffer(sink, err))
			return AVL_EIO;
	}
	return 0;
}

int avl_sink_put(struct avl_sink *sink, const void *bytes, size_t n, struct avl_err *err)
{
	return sink->gzip ? put_gzip(sink, bytes, n, Z_NO_FLUSH, err)
			  : put_plain(sink, bytes, n, err);
}

int avl_sink_flush(struct avl_sink *sink, struct avl_err *err)
{
	const int rc = sink->gzip ? put_gzip(sink, sink->buffer, 0, Z_SYNC_FLUSH, err) : 0;
	return rc ? rc : empty_buffer(sink, err);
}

int avl_sink_finish(struct avl_sink *sink, struct avl_err *err)
{
	const int rc = sink->gzip ? put_gzip(sink, sink->buffer, 0, Z_FINISH, err) : 0;
	return rc ? rc : empty_buffer(sink, err);
}
