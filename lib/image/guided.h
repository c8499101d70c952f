/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_GUIDED_H
#define AVL_IMAGE_GUIDED_H

#include <stdint.h>

#include "base/err.h"

/* The guided filter (He, Sun, Tang, "Guided Image Filtering", TPAMI 2013, with a guide in colour):
 * a map is smoothed, but not across the edges of a picture. In every window of (2 RADIUS + 1)^2
 * pixels, cut at the border, the map is taken to be linear in the picture's colour I (R, G, B in
 * 0..1),
 *
 *	a = (cov(I) + eps 1)^-1 cov(I, p)      b = mean(p) - a . mean(I)
 *
 * and the result at a pixel is the mean of a . I + b over the windows that hold it. The cost does
 * not depend on the radius. Values stay on the scale of the map and may overshoot its ends. */
struct avl_guided;

/* For pictures and maps of ROWS x COLS, radius and eps above 0; AVL_EUSAGE, AVL_ENOMEM. */
int avl_guided_new(struct avl_guided **guided, int rows, int cols, int radius, double eps,
		   struct avl_err *err);
void avl_guided_free(struct avl_guided *guided); /* NULL is allowed */

/* RGB: u1 (rows, cols, 3), the guide of the runs that follow. */
void avl_guided_see(struct avl_guided *guided, const uint8_t *rgb);

/* MAP and OUT: f4 (rows, cols), which may be the same. */
void avl_guided_run(struct avl_guided *guided, const float *map, float *out);

#endif
