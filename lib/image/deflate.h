/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_DEFLATE_H
#define AVL_IMAGE_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Deflate (RFC 1951) for filtered pixels of three bytes. In a photograph nothing repeats but flat
 * places: a run of equal pixels is a match at distance 3, everything else a literal, so that there
 * is nothing to search for. Each call makes one block with codes of its own. */
struct avl_deflate {
	unsigned char *at; /* where the next bytes go */
	uint64_t bits;     /* COUNT of them, which do not make a byte yet */
	int count;
};

/* Bytes that a block of N bytes takes at most. */
size_t avl_deflate_bound(size_t n);

/* Appends the N bytes at FROM as a block, which is the last one where LAST. Behind the last one the
 * bits are filled up to a byte. */
void avl_deflate_block(struct avl_deflate *out, const uint8_t *from, size_t n, int last);

#endif
