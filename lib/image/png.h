/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_PNG_H
#define AVL_IMAGE_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/picture.h"

/* PNG (ISO/IEC 15948): written by code for photographs, read by libpng. */

/* Holds one PNG file after the other, in memory that is kept, so that a loop over frames settles at
 * the size of the largest. */
struct avl_png {
	unsigned char *bytes;
	size_t size;         /* of the file */
	size_t capacity;     /* of the block */
	unsigned char *rows; /* scratch */
	size_t rows_room;
};

/* Replaces what PNG (all zero at first) holds by PICTURE: 8-bit RGB, tagged sRGB, no time stamp:
 * the same picture gives the same bytes. */
int avl_png_encode(struct avl_png *png, const struct avl_picture *picture, struct avl_err *err);
void avl_png_release(struct avl_png *png);

/* Reads the N bytes of a PNG of any colour type and depth as CHANNELS (1: grey, 3: RGB) of 8 bits;
 * transparency is dropped, gamma left alone. *PIXELS: malloc'd u1 (height, width, CHANNELS).
 * AVL_EFORMAT; AVL_ELIMIT for more than MAX_PIXELS or a side above 65535. */
int avl_png_decode(const void *bytes, size_t n, int channels, uint64_t max_pixels, uint8_t **pixels,
		   int *height, int *width, struct avl_err *err);

#endif
