/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_HEATMAP_H
#define AVL_IMAGE_HEATMAP_H

#include "base/err.h"
#include "base/par.h"
#include "image/colormap.h"
#include "image/overlay.h"
#include "image/picture.h"

/* A score map drawn on a picture: heat, and what marks where it is largest. */
struct avl_heatmap_style {
	enum avl_colormap colormap;
	double alpha;                /* opacity of the heat, 0..1 */
	int is_solid;                /* the same opacity where the heat is low */
	struct avl_heat_range range; /* low >= high: that of each map (avl_heat_range) */
	double threshold;            /* of box and contour, a fraction of the peak's score, 0..1 */
	int has_contour, has_box, has_peak;
};

/* Draws one map after the other; memory is kept between maps of one size. */
struct avl_heatmap;

/* PAR (borrowed) may be NULL. */
int avl_heatmap_new(struct avl_heatmap **heatmap, const struct avl_heatmap_style *style,
		    struct avl_par *par, struct avl_err *err);
void avl_heatmap_free(struct avl_heatmap *heatmap); /* NULL is allowed */

/* Draws SCORE, f4 (rows, cols), finite, which covers REGION (x0 y0 x1 y1, fractions) of PICTURE.
 * RGB: the one colour of heat and marks; NULL: heat by the colour map, marks white.
 * BOX receives the box of the region round the peak as fractions of the picture (region.h), drawn
 * or not; zeros where there is no heat. */
int avl_heatmap_draw(struct avl_heatmap *heatmap, const struct avl_picture *picture,
		     const float *score, int rows, int cols, const double region[4],
		     const uint8_t rgb[3], double box[4], struct avl_err *err);

#endif
