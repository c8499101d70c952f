/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_PICTURE_H
#define AVL_IMAGE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/* A picture in memory: u1 (height, width, 3), sRGB, rows without gaps. A view: whoever makes it
 * says who owns RGB. */
struct avl_picture {
	int height, width;
	uint8_t *rgb;
};

static inline uint8_t *avl_picture_at(const struct avl_picture *picture, int y, int x)
{
	return picture->rgb + ((size_t)y * (size_t)picture->width + (size_t)x) * 3;
}

#endif
