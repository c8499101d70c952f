/* SPDX-License-Identifier: MIT */
#ifndef AVL_SIGNAL_RESAMPLE_H
#define AVL_SIGNAL_RESAMPLE_H

#include <stddef.h>

#include "base/err.h"

/* Changes the rate of a sound by a ratio of whole numbers, without shifting it in time.
 *
 * With up / down the reduced ratio of the rates and m the larger of both, output j is the sum over
 * i of x[i] up h[j down - i up], with samples outside the sound taken as 0 and
 *
 *     h[k] = c/m sinc(c k/m) kaiser(k / half, beta)      for -half <= k <= half = 100 m,
 *
 * c = 0.9693, beta = 0.1102 (96 - 8.7) (Kaiser 1974): flat to 0.9386 of the smaller Nyquist
 * frequency (7509 Hz of 8000), 96 dB down from that frequency on. This is scipy's
 * resample_poly(x, up, down, window=h), to rounding. Where up exceeds 1024 up/m, h is interpolated
 * linearly between that many steps of one input sample, which adds an error of -118 dB and keeps
 * the table at about a megabyte for any rates. */
struct avl_resampler;

/* Rates from 1000 to 1000000 Hz; AVL_EUSAGE beyond. */
int avl_resampler_new(struct avl_resampler **resampler, int from_hz, int to_hz,
		      struct avl_err *err);
void avl_resampler_free(struct avl_resampler *resampler); /* NULL is allowed */

/* Samples that N samples become: ceil(n up / down). N must be under 2^40. */
size_t avl_resampler_length(const struct avl_resampler *resampler, size_t n);

/* OUT: that many samples. The resampler is only read. */
void avl_resampler_run(const struct avl_resampler *resampler, const float *samples, size_t n,
		       float *out);

#endif
