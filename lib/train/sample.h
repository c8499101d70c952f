/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_SAMPLE_H
#define AVL_TRAIN_SAMPLE_H

#include "io/stream.h"
#include "train/truth.h"

/* What training needs of a record: the features that avl-embed has put there, or the picture and
 * the sound that the networks under training make them of (train/backbone.h). */
struct avl_sample {
	const char *key;
	const float *v;  /* (channels, rows, cols); of a picture: NULL until the network has run */
	const float *fs; /* (patches, features); of a sound the same */
	int patches;
	const uint8_t *rgb; /* (height, width, 3), NULL where the record has v */
	int height, width;
	const float *audio; /* (samples), NULL where the record has f_s */
	size_t samples;
	uint32_t sound;   /* CRC-32 of f_s or audio: records that share it have the same sound */
	uint32_t source;  /* of the name of the file the record comes from; as sound: it has none */
	uint32_t picture; /* of v or the frame */
	double rate_hz;   /* of the sound */
	double region[4]; /* the part of the frame that v covers; x0 > x1: mirrored */
	struct avl_truth truth;
};

/* What a stream of a model begins with. */
enum avl_origin {
	AVL_ORIGIN_ANY,      /* features where the record has them, else what they are made of */
	AVL_ORIGIN_FEATURES, /* v.npy or fs.npy */
	AVL_ORIGIN_RAW,      /* frame.npy or audio.npy */
};

/* What v and f_s must be; 0: anything. */
struct avl_sample_shape {
	int channels, rows, cols, features;
	enum avl_origin picture, sound;
};

/* The sample borrows from RECORD. AVL_ENONE where picture or sound is missing, AVL_ESHAPE where one
 * has another shape, AVL_EFORMAT for what avl_truth_find refuses. */
int avl_sample_find(struct avl_sample *sample, const struct avl_record *record,
		    const struct avl_sample_shape *shape, struct avl_err *err);

/* AVL_EFORMAT where v, f_s or the sound holds a value that is not finite. Takes longer than the
 * rest. */
int avl_sample_check(const struct avl_sample *sample, const struct avl_record *record,
		     struct avl_err *err);

#endif
