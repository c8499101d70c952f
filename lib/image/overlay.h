/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_OVERLAY_H
#define AVL_IMAGE_OVERLAY_H

#include <stddef.h>

#include "base/err.h"
#include "base/par.h"
#include "image/picture.h"

/* Heat laid over a picture: scores become heat between 0 and 1 (avl_heat_*), which is enlarged
 * smoothly (bilinear between the centres of the cells) over its part of the picture and blended in
 * (avl_overlay_*). */

/* The scores that are shown as heat 0 and 1. high <= low: there is no heat. */
struct avl_heat_range {
	float low, high;
};

/* From the smallest score, or 0 where that is less, to the largest: a negative score says "not
 * here", however negative. No heat (0, 0) where no score is above 0 or all are the same to within
 * a millionth of the largest. SCORE holds no NaN. */
struct avl_heat_range avl_heat_range(const float *score, size_t n);

/* heat = (score - low) / (high - low), brought into 0..1; 0 where there is no heat. */
void avl_heat_scale(const float *score, size_t n, struct avl_heat_range range, float *heat);

struct avl_overlay;

/* For pictures of HEIGHT x WIDTH and maps of ROWS x COLS that cover REGION (x0 y0 x1 y1 as
 * fractions, within 0..1) of them, rounded to whole pixels, at least one. AVL_ESHAPE for a region
 * that is none; AVL_ENOMEM and what avl_resize_new gives. */
int avl_overlay_new(struct avl_overlay **overlay, int height, int width, int rows, int cols,
		    const double region[4], struct avl_err *err);
void avl_overlay_free(struct avl_overlay *overlay); /* NULL is allowed */

/* Enlarges HEAT, f4 (rows, cols); the overlay keeps the result until the next call. */
void avl_overlay_spread(struct avl_overlay *overlay, const float *heat, struct avl_par *par);

/* How a heat of i / 255 looks: OPACITY 0..256 of COLOUR i over the picture. */
struct avl_overlay_look {
	uint16_t opacity[256];
	uint8_t colour[256][3];
};

/* Colours of a table (colormap.h), as opaque as ALPHA (0..1) from half of the heat on and fading to
 * nothing below, or, where IS_SOLID, ALPHA everywhere. */
struct avl_overlay_look avl_overlay_look_table(const uint8_t (*table)[3], double alpha,
					       int is_solid);

/* One colour, fading in the same way. */
struct avl_overlay_look avl_overlay_look_plain(const uint8_t rgb[3], double alpha);

/* Blends the heat into PICTURE, in place:
 * (picture * (256 - opacity) + colour * opacity + 128) / 256. */
void avl_overlay_blend(const struct avl_overlay *overlay, const struct avl_overlay_look *look,
		       const struct avl_picture *picture, struct avl_par *par);

/* Draws the line where the heat passes LEVEL (0..1) from below, inside the region. */
void avl_overlay_contour(const struct avl_overlay *overlay, double level, const uint8_t rgb[3],
			 const struct avl_picture *picture, struct avl_par *par);

#endif
