/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_KEY_H
#define AVL_MEDIA_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The keys of records. A key is a file's stem, "_" and the time in microseconds, 12 digits. Bytes
 * of the stem outside [A-Za-z0-9_-] become "_". Where that changed anything, where the key would
 * be longer than 80 bytes (the stem is cut), or where a file before had the same stem, "-" and the
 * CRC-32 of the path follow. */

#define AVL_MEDIA_KEY_BYTES 96

struct avl_stem {
	char text[AVL_MEDIA_KEY_BYTES];
	bool marked; /* the CRC-32 is appended */
	uint32_t crc;
};

/* The stems of N files, in their order. NAME[i]: what the stem is taken from: a path, or, where
 * WHOLE, a name to be used as it is. PATH[i]: what the CRC-32 is of; a third file of the same name
 * and path counts its number too, so that no two are alike. Malloc'd. */
int avl_stems_make(struct avl_stem **stems, const char *const *name, const char *const *path, int n,
		   bool whole, struct avl_err *err);

/* TIME_US < 0: a key without a time, for a file that gives one record. */
void avl_key_make(char key[AVL_MEDIA_KEY_BYTES], const struct avl_stem *stem, int64_t time_us);

#endif
