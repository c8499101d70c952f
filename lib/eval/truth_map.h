/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_TRUTH_MAP_H
#define AVL_EVAL_TRUTH_MAP_H

#include <stdint.h>

/* The truth on the grid that all published numbers are computed on. g is 0, 1/2 or 1 at each
 * pixel; kept as 2 g, so that all sums are whole numbers. */
#define AVL_GRID        224
#define AVL_GRID_PIXELS (AVL_GRID * AVL_GRID)

struct avl_truth_map {
	uint8_t twice[AVL_GRID_PIXELS]; /* 2 g */
	int twice_sum;                  /* 2 sum g */
	int pixels;                     /* with g > 0 */
	int full;                       /* with g = 1 */
};

/* From N boxes, f8 (n, 5), fractions of the frame. Each value is cut to 0..1 and its pixel is
 * int(224 v); the right and the lower edge are outside. CONSENSUS: g = min(boxes here / 2, 1), the
 * rule of Flickr-SoundNet; else g = 1 where there is any box. */
void avl_truth_map_boxes(struct avl_truth_map *map, const double *box, int n, int consensus);

/* From a mask u1 (height, width): g = 1 where the mask is not 0 at the centre of the pixel. */
void avl_truth_map_mask(struct avl_truth_map *map, const uint8_t *mask, int height, int width);

/* Twice the sum of g under the disc that baselines use: at the centre of the frame, the
 * smallest that covers half of it (25,100 pixels: by the median rule, a map that falls with the
 * distance from the centre); *PIXELS becomes the pixels of the disc outside the truth. */
int avl_truth_map_disc(const struct avl_truth_map *map, int *outside);

#endif
