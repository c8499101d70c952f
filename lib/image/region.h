/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_REGION_H
#define AVL_IMAGE_REGION_H

#include "base/err.h"

/* Where a map of scores, f4 (rows, cols), is large. Places are fractions of the map, x to the
 * right and y down: cell (row, col) covers x from col/cols to (col+1)/cols and y from row/rows to
 * (row+1)/rows. No place between cells is interpolated, although pictures show the map smoothly:
 * answers are whole cells. Maps hold no NaN. */

/* The centre of the largest cell (the first in reading order) as x, y; returns its value. */
float avl_region_peak(const float *map, int rows, int cols, double peak[2]);

/* The box x0 y0 x1 y1 round the cells that are connected with the peak by their edges and reach
 * FRACTION of its value. 1; 0 and a box of zeros where the peak is not above 0, so that there is
 * no region; or AVL_ENOMEM. */
int avl_region_box(const float *map, int rows, int cols, double fraction, double box[4],
		   struct avl_err *err);

/* Turns N points (x y x y ...) from fractions of REGION (x0 y0 x1 y1, fractions of a frame: the
 * seal's heat_region) into fractions of the frame, in place. */
void avl_region_to_frame(const double region[4], double *xy, int n);

#endif
