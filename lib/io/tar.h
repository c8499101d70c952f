/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_TAR_H
#define AVL_IO_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The headers of a POSIX ustar archive (IEEE Std 1003.1, pax, "ustar Interchange Format"), as far
 * as the stream uses them: regular files with short names. */

#define AVL_TAR_BLOCK    512
#define AVL_TAR_NAME_MAX 100
#define AVL_TAR_SIZE_MAX (((uint64_t)1 << 33) - 1) /* eleven octal digits */

struct avl_tar_entry {
	char name[AVL_TAR_NAME_MAX + 1];
	uint64_t size;
};

/* The header of a file of that NAME and SIZE: mode 0644, user, group and time 0, no user and group
 * names. AVL_ELIMIT where the name is empty or longer than 100 bytes, or the size beyond
 * AVL_TAR_SIZE_MAX. */
int avl_tar_encode(const char *name, uint64_t size, unsigned char block[AVL_TAR_BLOCK],
		   struct avl_err *err);

/* 1: *ENTRY is what the header says. 0: a block of zeros. AVL_EFORMAT: not a tar header, a wrong
 * sum, an entry that is no regular file, a name in two parts or with bytes that do not print. */
int avl_tar_decode(const unsigned char block[AVL_TAR_BLOCK], struct avl_tar_entry *entry,
		   struct avl_err *err);

/* Zeros that follow SIZE bytes up to the next block: 0..511. */
size_t avl_tar_padding(uint64_t size);

#endif
