/* SPDX-License-Identifier: MIT */
#include "io/tar.h"

#include <stdio.h>
#include <string.h>

/* Offsets and lengths of the fields that matter. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	SIZE_LENGTH = 12,
	MTIME = 136,
	SUM = 148,
	SUM_LENGTH = 8,
	TYPE = 156,
	MAGIC = 257,
	DEVMAJOR = 329,
	DEVMINOR = 337,
	PREFIX = 345,
};

/* The magic and the version behind it. */
static const char ustar[8] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};

static uint32_t header_sum(const unsigned char *block)
{
	uint32_t sum = SUM_LENGTH * ' '; /* the field itself counts as blanks */
	for (int i = 0; i < AVL_TAR_BLOCK; i++)
		if (i < SUM || i >= SUM + SUM_LENGTH)
			sum += block[i];
	return sum;
}

int avl_tar_encode(const char *name, uint64_t size, unsigned char block[AVL_TAR_BLOCK],
		   struct avl_err *err)
{
	const size_t n = strlen(name);
	if (n == 0 || n > AVL_TAR_NAME_MAX)
		return avl_fail(err, AVL_ELIMIT, "name '%s' does not fit 1..%d bytes", name,
				AVL_TAR_NAME_MAX);
	if (size > AVL_TAR_SIZE_MAX)
		return avl_fail(err, AVL_ELIMIT, "'%s' is larger than 8 GiB", name);
	char *const text = (char *)block;
	memset(block, 0, AVL_TAR_BLOCK);
	memcpy(text + NAME, name, n);
	memcpy(text + MODE, "0000644", 8);
	memcpy(text + UID, "0000000", 8);
	memcpy(text + GID, "0000000", 8);
	snprintf(text + SIZE, SIZE_LENGTH, "%011llo", (unsigned long long)size);
	memcpy(text + MTIME, "00000000000", 12);
	text[TYPE] = '0';
	memcpy(text + MAGIC, ustar, sizeof ustar);
	memcpy(text + DEVMAJOR, "0000000", 8);
	memcpy(text + DEVMINOR, "0000000", 8);
	snprintf(text + SUM, SUM_LENGTH, "%06o", (unsigned)header_sum(block));
	text[SUM + 7] = ' ';
	return 0;
}

/* Octal digits, blanks allowed before, blanks or zeros behind. */
static int read_octal(const unsigned char *field, int length, uint64_t *value)
{
	int i = 0, digits = 0;
	while (i < length && field[i] == ' ')
		i++;
	for (*value = 0; i < length && field[i] >= '0' && field[i] <= '7'; i++, digits++)
		*value = *value << 3 | (uint64_t)(field[i] - '0');
	while (i < length && (field[i] == ' ' || field[i] == 0))
		i++;
	return digits > 0 && i == length ? 0 : -1;
}

static int all_zero(const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int avl_tar_decode(const unsigned char block[AVL_TAR_BLOCK], struct avl_tar_entry *entry,
		   struct avl_err *err)
{
	if (all_zero(block, AVL_TAR_BLOCK))
		return 0;
	/* GNU tar's older magic differs in fields that do not matter here */
	if (memcmp(block + MAGIC, ustar, sizeof ustar) && memcmp(block + MAGIC, "ustar  ", 8))
		return avl_fail(err, AVL_EFORMAT, "not a tar header");
	uint64_t sum, size;
	if (read_octal(block + SUM, SUM_LENGTH, &sum) || sum != header_sum(block))
		return avl_fail(err, AVL_EFORMAT, "tar header with a wrong sum");
	const int type = block[TYPE];
	if (type != '0' && type != 0)
		return avl_fail(err, AVL_EFORMAT, "tar entry of type '%c', not a regular file",
				type > ' ' && type <= '~' ? type : '?');
	if (read_octal(block + SIZE, SIZE_LENGTH, &size))
		return avl_fail(err, AVL_EFORMAT, "tar header with a bad size");
	if (block[PREFIX])
		return avl_fail(err, AVL_EFORMAT, "tar header with a name longer than %d bytes",
				AVL_TAR_NAME_MAX);
	size_t n = 0;
	while (n < AVL_TAR_NAME_MAX && block[NAME + n])
		n++;
	for (size_t i = 0; i < n; i++)
		if (block[NAME + i] <= ' ' || block[NAME + i] > '~')
			return avl_fail(err, AVL_EFORMAT, "tar header with a bad name");
	if (n == 0 || !all_zero(block + NAME + n, AVL_TAR_NAME_MAX - n))
		return avl_fail(err, AVL_EFORMAT, "tar header with a bad name");
	memcpy(entry->name, block + NAME, n);
	entry->name[n] = 0;
	entry->size = size;
	return 1;
}

size_t avl_tar_padding(uint64_t size)
{
	return (size_t)(-size & (AVL_TAR_BLOCK - 1));
}
