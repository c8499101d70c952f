/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_PIXELS_H
#define AVL_MEDIA_PIXELS_H

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdint.h>

#include "base/err.h"

/* One of the eight ways a picture can lie: first mirrored left to right, then turned clockwise. */
struct avl_turn {
	int quarters; /* 0..3 */
	int mirror;
};

/* From a display matrix (nine numbers, 16.16 fixed point; NULL: none). Angles that are no quarter
 * turn are rounded to the nearest. */
struct avl_turn avl_turn_from_matrix(const int32_t *matrix);

/* Turns SRC (height x width x 3) into DST (width x height x 3 for odd quarters). */
void avl_turn_apply(struct avl_turn turn, const uint8_t *src, int width, int height, uint8_t *dst);

/* The size of a WIDTH x HEIGHT picture where TO_WIDTH x TO_HEIGHT was asked for (both > 0: that;
 * TO_WIDTH alone: the longer side at most that, never larger than it was; none: as it was). */
void avl_fit_size(int width, int height, int to_width, int to_height, int *fit_width,
		  int *fit_height);

/* A frame as packed RGB. Keeps its scaler for the next frame. */
struct avl_pixels {
	struct SwsContext *scaler;
};

/* Scales FRAME (fixed bicubic, exact rounding), turns it and puts it into *RGB, which is malloc'd
 * and the caller's. */
int avl_pixels_make(struct avl_pixels *pixels, const AVFrame *frame, struct avl_turn turn,
		    int to_width, int to_height, uint8_t **rgb, int *width, int *height,
		    struct avl_err *err);
void avl_pixels_release(struct avl_pixels *pixels);

#endif
