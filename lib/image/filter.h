/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_FILTER_H
#define AVL_IMAGE_FILTER_H

#include <stdint.h>

#include "base/err.h"

/* How samples are weighted when a picture or a map changes its size.
 *
 * The first four are Pillow's Image.resize filters. They are antialiased: when shrinking, the
 * kernel is widened by the scale. Half widths 0.5, 1, 2 and 3; the cubic has a = -0.5.
 * The last two look at the nearest 2 or 4 samples whatever the scale, with the edge repeated, as
 * torch.nn.functional.interpolate(align_corners=False) does; the cubic has a = -0.75. */
enum avl_filter {
	AVL_FILTER_BOX,
	AVL_FILTER_BILINEAR,
	AVL_FILTER_BICUBIC,
	AVL_FILTER_LANCZOS,
	AVL_FILTER_LINEAR_POINT,
	AVL_FILTER_CUBIC_POINT,
	AVL_FILTERS
};

/* The filter of that name: box, bilinear, bicubic, lanczos, linear-point, cubic-point; AVL_EUSAGE
 * for any other. */
int avl_filter_parse(const char *name, enum avl_filter *filter, struct avl_err *err);
const char *avl_filter_name(enum avl_filter filter);

/* The weights of one axis: output i is the sum over t < count[i] of
 * weight[i * taps + t] * input[first[i] + t]. */
struct avl_filter_axis {
	int outputs, taps; /* taps: the largest count */
	int *first, *count;
	double *weight; /* they sum to 1 */
	int32_t *fixed; /* the same times 2^22, rounded half away from 0 */
};

/* Weights for stretching FROM..TO (in samples of an input of SIZE) over LENGTH outputs, of which
 * OUTPUTS are made, beginning with number SKIP. 0 <= FROM < TO <= SIZE; the caller has checked
 * that. */
int avl_filter_axis_init(struct avl_filter_axis *axis, enum avl_filter filter, int size, float from,
			 float to, int length, int skip, int outputs, struct avl_err *err);
void avl_filter_axis_release(struct avl_filter_axis *axis);

#endif
