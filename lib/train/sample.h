/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_SAMPLE_H
#define AVL_TRAIN_SAMPLE_H

#include "io/stream.h"
#include "train/truth.h"

/* What training the heads needs of a record that avl-embed has been through. */
struct avl_sample {
	const char *key;
	const float *v;  /* (channels, rows, cols) */
	const float *fs; /* (patches, features) */
	int patches;
	uint32_t sound;   /* CRC-32 of f_s: records that share it have the same sound */
	uint32_t source;  /* of the name of the file the record comes from; of f_s: it has none */
	uint32_t picture; /* of v */
	double rate_hz;   /* of the sound */
	double region[4]; /* the part of the frame that v covers */
	struct avl_truth truth;
};

/* What v and f_s must be; 0: anything. */
struct avl_sample_shape {
	int channels, rows, cols, features;
};

/* The sample borrows from RECORD. AVL_ENONE where v or f_s is missing, AVL_ESHAPE where one has
 * another shape, AVL_EFORMAT for what avl_truth_find refuses. */
int avl_sample_find(struct avl_sample *sample, const struct avl_record *record,
		    const struct avl_sample_shape *shape, struct avl_err *err);

/* AVL_EFORMAT where v or f_s holds a value that is not finite. Takes longer than the rest. */
int avl_sample_check(const struct avl_sample *sample, const struct avl_record *record,
		     struct avl_err *err);

#endif
