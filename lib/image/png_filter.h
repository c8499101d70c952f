/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_PNG_FILTER_H
#define AVL_IMAGE_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* PNG's filters (ISO/IEC 15948, 9) for pixels of three bytes: what is written of a byte is how it
 * differs from what those to its left, above it and between these let expect. */
enum avl_png_filter {
	AVL_PNG_SUB = 1, /* left */
	AVL_PNG_UP,      /* above */
	AVL_PNG_AVERAGE, /* (left + above) / 2 */
	AVL_PNG_PAETH,   /* whichever of the three is nearest to left + above - between */
};

/* OUT: the N bytes of ROW filtered. ABOVE: the row before it, zeros for the first. */
void avl_png_filter_row(enum avl_png_filter filter, const uint8_t *row, const uint8_t *above,
			size_t n, uint8_t *out);

/* The filter that leaves the smallest sum of absolute differences. SCRATCH: N bytes. */
enum avl_png_filter avl_png_filter_choose(const uint8_t *row, const uint8_t *above, size_t n,
					  uint8_t *scratch);

#endif
