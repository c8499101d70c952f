/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_ANSI_H
#define AVL_IMAGE_ANSI_H

#include <stddef.h>

#include "base/err.h"
#include "image/picture.h"

/* PICTURE as text for a terminal with 24-bit colour: COLUMNS characters wide, each a half block
 * (U+2580) that shows two pixels one above the other, so that a cell twice as high as wide keeps
 * the aspect. *TEXT: malloc'd, *N bytes. */
int avl_ansi_encode(const struct avl_picture *picture, int columns, char **text, size_t *n,
		    struct avl_err *err);

#endif
