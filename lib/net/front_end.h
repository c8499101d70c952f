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
	struct avl_resize_spec spec; /* that it was planned for */
	int in_h, in_w;
	uint8_t *pixels; /* resized, owned */
	float *plane;    /* one of the picture as it came, where bytes are not rounded to; owned */
};

int avl_picture_front_init(struct avl_picture_front *front, const struct avl_contract *contract,
			   struct avl_err *err);
void avl_picture_front_release(struct avl_picture_front *front);

/* RGB: u1 (h, w, 3); OUT: (3, height, width) of the contract; REGION: the part of the frame that is
 * seen, x0 y0 x1 y1 as fractions. */
int avl_picture_front_run(struct avl_picture_front *front, const uint8_t *rgb, int h, int w,
			  float *out, double region[4], struct avl_par *par, struct avl_err *err);

/* How training varies a picture, as the official codes do: its shorter side is resized to ZOOM
 * times the contract's side, whatever its fit, and the contract's size is cut out of that. */
struct avl_picture_view {
	double zoom; /* 0: as the contract says, nothing is cut out */
	double y, x; /* where, 0..1 of what is over */
	int mirror;  /* left and right change places */
};

/* The same through VIEW. Where it is mirrored, REGION has its x0 to the right of its x1. */
int avl_picture_front_vary(struct avl_picture_front *front, const struct avl_picture_view *view,
			   const uint8_t *rgb, int h, int w, float *out, double region[4],
			   struct avl_par *par, struct avl_err *err);

/* --- sounds --- */

/* What is kept of a sound longer than the contract's window. */
enum avl_sound_cut {
	AVL_CUT_NONE,   /* all of it */
	AVL_CUT_START,  /* its beginning */
	AVL_CUT_CENTRE, /* its middle, as ffmpeg seeks: to the sample nearest to the start, which is
			 * cut off to microseconds */
};

struct avl_sound_kind {
	const char *name;  /* as contracts have it */
	const char *words; /* what it does, for people */
	enum avl_sound_cut cut;
	size_t first_sample, samples; /* of that, only these are used; 0: all */
	size_t tiled_samples;         /* below it, repeated whole times until above it; 0: never */
	int as_int16;                 /* rounded to 16 bits, as decoders of that type do */
	int clipped;                  /* to -1..1 */
	float gain;
	int is_waveform; /* the samples themselves: 1 x n */
	/* rate_hz 0: whatever the sound has; mel_high_hz 0: half of that */
	struct avl_spectrogram_params spectrogram;
};

/* NULL: no such front end. */
const struct avl_sound_kind *avl_sound_kind_find(const char *name);
/* The I-th, NULL behind the last. */
const struct avl_sound_kind *avl_sound_kind_at(int i);

/* Whether the network NET can read what the kind gives: waveforms are for SoundNet and nobody else,
 * YAMNet knows its own patches only. AVL_ESHAPE where not. */
struct avl_network;
int avl_sound_kind_suits(const struct avl_sound_kind *kind, const struct avl_network *net,
			 struct avl_err *err);

struct avl_sound_front {
	const struct avl_contract *contract;
	struct avl_par *par; /* borrowed, may be NULL */
	const struct avl_sound_kind *kind;
	struct avl_spectrogram *spectrogram; /* for planned_hz */
	struct avl_resampler *resampler; /* for from_hz, NULL where that is the contract's rate */
	int planned_hz, from_hz;
	float *resampled, *window, *values; /* owned, grown as needed */
	size_t resampled_room, window_room, values_room;
	int rows, cols; /* of a patch of the last sound; before any, of a whole window */
};

int avl_sound_front_init(struct avl_sound_front *front, const struct avl_contract *contract,
			 struct avl_par *par, struct avl_err *err);
void avl_sound_front_release(struct avl_sound_front *front);

/* The patches of N samples at RATE_HZ: *VALUES, owned by the front end until the next run, holds
 * the spectrogram or the waveform. Patch p begins hop rows after patch p - 1. AVL_ELIMIT for a
 * sound too long to be one. */
int avl_sound_front_run(struct avl_sound_front *front, const float *samples, size_t n, int rate_hz,
			const float **values, size_t *patches, struct avl_err *err);

/* Rows and columns of a patch, and rows from one patch to the next: frames and bands where a sound
 * has several patches; bands and frames, or 1 and samples, where it is one whose length is that of
 * the last sound. */
void avl_sound_front_patch(const struct avl_sound_front *front, int *rows, int *cols, int *hop);

#endif
