/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_DRAW_H
#define AVL_IMAGE_DRAW_H

#include "image/picture.h"

/* Marks on a picture. Whatever would lie outside is left out. Places are fractions of the picture
 * (x to the right, y down); light strokes get a dark rim, so that they show on any ground. Strokes
 * and letters grow with the shorter side of the picture. */

/* The outline of the box x0 y0 x1 y1. */
void avl_draw_box(const struct avl_picture *picture, const double box[4], const uint8_t rgb[3]);

/* A cross at (x, y). */
void avl_draw_cross(const struct avl_picture *picture, const double point[2], const uint8_t rgb[3]);

/* A line of a label: ASCII text, and the colour of the small square before it, NULL for none. */
struct avl_label {
	const char *text;
	const uint8_t *rgb;
};

/* N lines of text on one darkened ground. NEAR: a box they shall stand above, or where there is no
 * room, inside its upper edge; NULL: the upper left corner of the picture. They are made smaller,
 * then cut, to stay inside the picture; one that is too small for three letters gets none. */
void avl_draw_labels(const struct avl_picture *picture, const struct avl_label *label, int n,
		     const double near[4]);

#endif
