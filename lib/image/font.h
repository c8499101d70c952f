/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_FONT_H
#define AVL_IMAGE_FONT_H

#include <stdint.h>

/* A fixed-width bitmap font of the printable ASCII characters: five columns, seven rows above the
 * base line and two below it. */
#define AVL_FONT_COLUMNS 5
#define AVL_FONT_ASCENT  7
#define AVL_FONT_ROWS    9
#define AVL_FONT_ADVANCE (AVL_FONT_COLUMNS + 1) /* from one character to the next */

/* AVL_FONT_ROWS rows from the top, bit 4 is the leftmost column. Anything else than a printable
 * character looks like '?'. */
const uint8_t *avl_font_glyph(char character);

#endif
