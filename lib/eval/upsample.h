/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_UPSAMPLE_H
#define AVL_EVAL_UPSAMPLE_H

#include "base/err.h"

/* Maps to the size they are judged at, with the very bits of the code that made the published
 * numbers: the roundings decide on which side of a median a pixel falls.
 *
 * All interpolate along the rows first, in single precision. With s the place of an output sample
 * among the input samples, f = floor(s), t = s - f:
 *
 * torch, linear    s = i (n-1)/(N-1), corners aligned, or (i + 1/2) n/N - 1/2, at least 0;
 *                  fma(x[f], 1-t, x[f+1] t)
 * torch, cubic     the same places, not cut at 0, edges repeated; weights with a = -0.75;
 *                  fma(x3, w3, fma(x2, w2, fma(x0, w0, x1 w1)))
 * OpenCV, linear   half pixels; fma(t, x[f+1] - x[f], x[f]), as its usual build for x86 computes
 * OpenCV, cubic    half pixels, a = -0.75, the last weight 1 minus the others; the columns are
 *                  summed from the last sample to the first
 */
enum avl_upsample {
	AVL_UPSAMPLE_TORCH_LINEAR_CORNERS,
	AVL_UPSAMPLE_TORCH_LINEAR,
	AVL_UPSAMPLE_TORCH_CUBIC_CORNERS,
	AVL_UPSAMPLE_TORCH_CUBIC,
	AVL_UPSAMPLE_CV_LINEAR,
	AVL_UPSAMPLE_CV_CUBIC,
	AVL_UPSAMPLES
};

#define AVL_UPSAMPLE_TAPS 4

/* Weights for one pair of sizes, kept until another is asked for. All zero at first. */
struct avl_upsampler {
	enum avl_upsample kind;
	int rows, cols, out_rows, out_cols;
	struct avl_upsample_axis {
		int *index;    /* outputs x taps, inside the input */
		float *weight; /* outputs x taps; of OpenCV's linear only the second is used */
	} x, y;
	float *between; /* rows x out_cols */
};

/* SRC f4 (rows, cols) to DST f4 (out_rows, out_cols), which do not overlap; all sizes > 0. */
int avl_upsample(struct avl_upsampler *upsampler, enum avl_upsample kind, const float *src,
		 int rows, int cols, float *dst, int out_rows, int out_cols, struct avl_err *err);
void avl_upsampler_release(struct avl_upsampler *upsampler);

#endif
