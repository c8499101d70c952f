/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_MONO_H
#define AVL_MEDIA_MONO_H

#include <libavutil/frame.h>
#include <stdbool.h>

/* The mean of the first CHANNELS channels of FRAME (0: of all) from sample FIRST on, N samples:
 * integers divided by 2 to the power of their bits less one, the sum formed in double and rounded
 * once. Values outside [-1, 1] are cut. False where the sample format is unknown. */
bool avl_mono_mix(const AVFrame *frame, int channels, int first, int n, float *mono);

#endif
