/* SPDX-License-Identifier: MIT */
#include "media/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int temporary_open(struct avl_err *err)
{
	char name[4096];
	const char *directory = getenv("TMPDIR");
	if (!directory || !*directory)
		directory = "/tmp";
	if (snprintf(name, sizeof name, "%s/avl-XXXXXX", directory) >= (int)sizeof name)
		return avl_fail(err, AVL_EIO, "the name in TMPDIR is too long");
	const int fd = mkstemp(name);
	if (fd < 0)
		return avl_fail_errno(err, "cannot make a temporary file in '%s'", directory);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	unlink(name);
	return fd;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		const ssize_t done = write(fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Replaces *FD by a copy that can be read by position. */
static int spool(int *fd, struct avl_err *err)
{
	char bytes[1 << 16];
	const int copy = temporary_open(err);
	if (copy < 0)
		return copy;
	for (;;) {
		const ssize_t n = read(*fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			avl_fail_errno(err, "cannot be read");
			goto fail;
		}
		if (!n)
			break;
		if (write_all(copy, bytes, (size_t)n)) {
			avl_fail_errno(err, "cannot be copied to a temporary file");
			goto fail;
		}
	}
	close(*fd);
	*fd = copy;
	return 0;
fail:
	close(copy);
	return AVL_EIO;
}

int avl_source_open(struct avl_source *source, const char *path, struct avl_err *err)
{
	struct stat status;
	/* a FIFO without a writer would block for ever in open(2) only where nobody comes: that
	 * is what the user of a FIFO asks for */
	const int opened = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
					     : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int fd = opened, rc = AVL_EIO;
	source->fd = -1;
	if (fd < 0)
		return avl_fail(err, AVL_EIO, "%s", strerror(errno));
	if (fstat(fd, &status)) {
		avl_fail(err, AVL_EIO, "%s", strerror(errno));
		goto fail;
	}
	if (S_ISDIR(status.st_mode)) {
		avl_fail(err, AVL_EIO, "%s", strerror(EISDIR));
		goto fail;
	}
	if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
		rc = spool(&fd, err);
		if (rc)
			goto fail;
		if (fstat(fd, &status)) {
			rc = avl_fail(err, AVL_EIO, "%s", strerror(errno));
			goto fail;
		}
	} else if (!S_ISREG(status.st_mode)) {
		avl_fail(err, AVL_EIO, "is neither a file nor a pipe");
		goto fail;
	}
	if (!status.st_size) {
		rc = avl_fail(err, AVL_EFORMAT, "is empty");
		goto fail;
	}
	source->fd = fd;
	source->size = status.st_size;
	return 0;
fail:
	close(fd);
	return rc;
}

void avl_source_close(struct avl_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

int64_t avl_source_read(const struct avl_source *source, int64_t offset, void *bytes, size_t n)
{
	size_t done = 0;
	while (done < n) {
		const ssize_t got = pread(source->fd, (char *)bytes + done, n - done,
					  (off_t)(offset + (int64_t)done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (int64_t)done;
}
