/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_MONO_H
#define AVL_MEDIA_MONO_H

#include <libavutil/frame.h>
#include <stdbool.h>

/* One channel of FRAME from sample FIRST on, N samples: the mean of the first CHANNELS channels
 * where that is not 0; else the mean of mono and stereo, and of more channels that say where they
 * stand the downmix of ITU-R BS.775: front left and right weigh 1/sqrt(2), the centre 1, surround
 * 1/2, the LFE channel nothing, divided by the sum of the weights, so that nothing is cut
 * (libswresample's matrix, normalised). Integers are divided by 2 to the power of their bits less
 * one, the sum is formed in double and rounded once. Values outside [-1, 1] are cut. False where
 * the sample format is unknown. */
bool avl_mono_mix(const AVFrame *frame, int channels, int first, int n, float *mono);

#endif
