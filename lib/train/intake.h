/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_INTAKE_H
#define AVL_TRAIN_INTAKE_H

#include "base/par.h"
#include "train/augment.h"
#include "train/sample.h"

/* The front end of one stream for whole batches: each thread has one of its own, records are its
 * items. Results do not depend on which thread takes which. */
struct avl_intake {
	const struct avl_contract *contract;
	struct avl_par *par;
	int pictures; /* this is the picture's */
	int batch;
	struct avl_picture_front *picture; /* (threads) */
	struct avl_sound_front *sound;     /* (threads) */
	struct avl_err *err;               /* (batch) */
	/* of sounds: (batch) */
	struct avl_heard {
		float *values; /* patches x rows x cols */
		size_t room, patches;
		int rows, cols;
	} * heard;
};

int avl_intake_init(struct avl_intake *intake, int pictures, const struct avl_contract *contract,
		    int batch, struct avl_par *par, struct avl_err *err);
void avl_intake_release(struct avl_intake *intake);

/* N pictures into INPUT (n, 3, height, width), each with its region. VARIATION (n) may be NULL. */
int avl_intake_see(struct avl_intake *intake, struct avl_sample *sample, int n,
		   const struct avl_variation *variation, float *input, struct avl_err *err);

/* N sounds into intake->heard. Those that are one patch each all have the same number of columns:
 * AVL_ESHAPE names a record that has not. */
int avl_intake_hear(struct avl_intake *intake, struct avl_sample *sample, int n,
		    const struct avl_variation *variation, struct avl_err *err);

#endif
