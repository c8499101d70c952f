/* SPDX-License-Identifier: MIT */
#include "io/map.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_fd(struct avl_map *map, int fd, struct avl_err *err)
{
	struct stat st;
	if (fstat(fd, &st))
		return avl_fail_errno(err, "cannot stat");
	if (!S_ISREG(st.st_mode))
		return avl_fail(err, AVL_EUSAGE, "not a regular file");
	if (st.st_size == 0)
		return avl_fail(err, AVL_EFORMAT, "the file is empty");
	void *const bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return avl_fail_errno(err, "cannot map");
	*map = (struct avl_map){bytes, (size_t)st.st_size};
	return 0;
}

int avl_map_open(struct avl_map *map, const char *path, struct avl_err *err)
{
	*map = (struct avl_map){0};
	/* without O_NONBLOCK a FIFO would be waited for */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return avl_fail_errno(err, "cannot open");
	const int rc = map_fd(map, fd, err);
	close(fd);
	return rc;
}

void avl_map_close(struct avl_map *map)
{
	if (map->bytes)
		munmap((void *)(uintptr_t)map->bytes, map->size);
	*map = (struct avl_map){0};
}
