/* SPDX-License-Identifier: MIT */
#ifndef AVL_SIGNAL_MEL_H
#define AVL_SIGNAL_MEL_H

#include "base/err.h"

/* A bank of triangular filters over the bins of a spectrum, evenly spaced in mel:
 * m(f) = 1127 ln(1 + f/700) (O'Shaughnessy; HTK). Band b rises from edge b to 1 at edge b + 1 and
 * falls to 0 at edge b + 2, with bands + 2 edges from m(low_hz) to m(high_hz). */
enum avl_mel_slope {
	AVL_MEL_LINEAR_IN_MEL, /* as YAMNet and TensorFlow */
	AVL_MEL_LINEAR_IN_HZ,  /* as torchaudio and librosa, not normalised */
};

struct avl_mel_band {
	int first, count; /* bins with a weight above 0 */
	const float *weight;
};

struct avl_mel {
	int bands;
	struct avl_mel_band *band;
	float *weight; /* of all bands, owned */
};

/* BINS bins evenly spaced from 0 Hz to RATE_HZ / 2. AVL_EUSAGE where the numbers make no sense.
 * A band narrower than a bin may be left without one. */
int avl_mel_init(struct avl_mel *mel, int bands, int bins, double rate_hz, double low_hz,
		 double high_hz, enum avl_mel_slope slope, struct avl_err *err);

void avl_mel_release(struct avl_mel *mel);

/* OUT (bands) of SPECTRUM (bins). */
void avl_mel_apply(const struct avl_mel *mel, const float *spectrum, float *out);

#endif
