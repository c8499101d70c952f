/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_RESIZE_H
#define AVL_IMAGE_RESIZE_H

#include <stdint.h>

#include "base/err.h"
#include "base/par.h"
#include "image/filter.h"

/* Resizing, planned once and used for every frame of that size.
 *
 * Pictures give the very bytes of Pillow's Image.resize(size, resample, box): first along the rows
 * (only those that are needed), then along the columns, or the other way round as Pillow 13 does
 * where the height shrinks by more than twice as many pixels as the width; each with weights of 22
 * fractional bits, rounded to 8 bits in between. Maps (float) are resized along the rows first,
 * summed in single precision. */

#define AVL_SIDE_MAX 65535 /* of a picture, in pixels */

/* What is wanted. Box: the part of the input (x0 y0 x1 y1 in its pixels, fractions allowed) that
 * is stretched over out_h x out_w; all zero stands for the whole input. Crop: the part of the
 * result (in its pixels) that is made at all; crop_h = crop_w = 0 stands for all of it. */
struct avl_resize_spec {
	int in_h, in_w;
	int out_h, out_w;
	enum avl_filter filter;
	float box[4];
	int crop_y, crop_x, crop_h, crop_w;
};

/* The whole IN_H x IN_W picture to OUT_H x OUT_W, its aspect not kept. */
struct avl_resize_spec avl_resize_stretch(int in_h, int in_w, int out_h, int out_w,
					  enum avl_filter filter);

/* As torchvision's Resize(SIDE) and CenterCrop((CROP_H, CROP_W)): the shorter side becomes SIDE,
 * the longer one floor(SIDE * long / short); the crop begins at half of what is over, rounded half
 * to even. A crop larger than the resized picture is refused by avl_resize_new. */
struct avl_resize_spec avl_resize_centre_crop(int in_h, int in_w, int side, int crop_h, int crop_w,
					      enum avl_filter filter);

/* The part of the input that the result shows, x0 y0 x1 y1 as fractions: the seal's heat_region. */
void avl_resize_region(const struct avl_resize_spec *spec, double region[4]);

struct avl_resize;

/* AVL_EUSAGE for sizes outside 1..AVL_SIDE_MAX, a box or a crop outside what it is cut from;
 * AVL_ELIMIT, AVL_ENOMEM. */
int avl_resize_new(struct avl_resize **plan, const struct avl_resize_spec *spec,
		   struct avl_err *err);
void avl_resize_free(struct avl_resize *plan); /* NULL is allowed */

/* Size of the result: the crop's, or out_h x out_w. */
int avl_resize_height(const struct avl_resize *plan);
int avl_resize_width(const struct avl_resize *plan);

/* SRC: u1 (in_h, in_w, 3), DST: u1 (height, width, 3), which do not overlap. Nothing is allocated;
 * the plan holds the scratch memory, so it serves one call at a time. PAR may be NULL; the result
 * does not depend on it. */
void avl_resize_rgb(struct avl_resize *plan, const uint8_t *src, uint8_t *dst, struct avl_par *par);

/* The same for one plane: SRC f4 (in_h, in_w), DST f4 (height, width). */
void avl_resize_map(struct avl_resize *plan, const float *src, float *dst, struct avl_par *par);

#endif
