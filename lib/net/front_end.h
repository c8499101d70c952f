/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_FRONT_END_H
#define AVL_NET_FRONT_END_H

#include "base/par.h"
#include "image/resize.h"
#include "io/contract.h"
#include "signal/resample.h"
#include "signal/spectrogram.h"

/* What a model does to a picture and to a sound before its networks see them, as its contract
 * says. Plans are kept while sizes and rates stay the same. */

/* --- pictures: resized, cropped, (pixel - mean) / std, planar --- */
struct avl_picture_front {
	const struct avl_contract *contract;
	struct avl_resize *resize;
	int in_h, in_w;
	uint8_t *pixels; /* resized, owned */
};

int avl_picture_front_init(struct avl_picture_front *front, const struct avl_contract *contract,
			   struct avl_err *err);
void avl_picture_front_release(struct avl_picture_front *front);

/* RGB: u1 (h, w, 3); OUT: (3, height, width) of the contract; REGION: the part of the frame that is
 * seen, x0 y0 x1 y1 as fractions. */
int avl_picture_front_run(struct avl_picture_front *front, const uint8_t *rgb, int h, int w,
			  float *out, double region[4], struct avl_par *par, struct avl_err *err);

/* --- sounds --- */
struct avl_sound_kind {
	const char *name; /* as contracts have it */
	struct avl_spectrogram_params spectrogram;
};

/* NULL: no such front end. */
const struct avl_sound_kind *avl_sound_kind_find(const char *name);

struct avl_sound_front {
	const struct avl_contract *contract;
	const struct avl_sound_kind *kind;
	struct avl_spectrogram *spectrogram;
	struct avl_resampler *resampler; /* for from_hz, NULL where that is the contract's rate */
	int from_hz;
	float *resampled, *values; /* owned, grown as needed */
	size_t resampled_room, values_room;
};

int avl_sound_front_init(struct avl_sound_front *front, const struct avl_contract *contract,
			 struct avl_err *err);
void avl_sound_front_release(struct avl_sound_front *front);

/* The patches of N samples at RATE_HZ: *VALUES, owned by the front end until the next run, holds
 * the spectrogram; patch p is the patch_floats of the plan from p * patch_hop_floats on. */
int avl_sound_front_run(struct avl_sound_front *front, const float *samples, size_t n, int rate_hz,
			const float **values, size_t *patches, struct avl_err *err);

/* Rows (frames) and columns (bands) of a patch, and rows from one patch to the next. */
void avl_sound_front_patch(const struct avl_sound_front *front, int *rows, int *cols, int *hop);

#endif
