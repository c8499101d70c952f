/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_HEATMAP_H
#define AVL_IMAGE_HEATMAP_H

#include "base/err.h"
#include "base/par.h"
#include "image/colormap.h"
#include "image/overlay.h"
#include "image/picture.h"

/* Score maps drawn on a picture: heat, and what marks where it is largest. */
struct avl_heatmap_style {
	enum avl_colormap colormap;
	double alpha;                /* opacity of the heat, 0..1 */
	int is_solid;                /* the same opacity where the heat is low */
	struct avl_heat_range range; /* low >= high: that of each map (avl_heat_range) */
	double threshold;            /* of box and contour, a fraction of the peak's score, 0..1 */
	int has_contour, has_box, has_peak;
};

/* Memory is kept from one picture to the next of its size. */
struct avl_heatmap;

/* PAR (borrowed) may be NULL. */
int avl_heatmap_new(struct avl_heatmap **heatmap, const struct avl_heatmap_style *style,
		    struct avl_par *par, struct avl_err *err);
void avl_heatmap_free(struct avl_heatmap *heatmap); /* NULL is allowed */

/* Draws the COUNT maps of SCORE, f4 (count, rows, cols), finite, which cover REGION (x0 y0 x1 y1,
 * fractions) of PICTURE: first the heat of all, then their marks.
 * BY_SOURCE: each map in the one colour avl_colormap_source(i); else heat by the colour map, and
 * white marks. BOX (count of them) receives the box of the region round each peak as fractions of
 * the picture (region.h), drawn or not; zeros where there is no heat. */
int avl_heatmap_draw(struct avl_heatmap *heatmap, const struct avl_picture *picture,
		     const float *score, int count, int rows, int cols, const double region[4],
		     int by_source, double (*box)[4], struct avl_err *err);

#endif
