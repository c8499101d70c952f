/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_CERTAINTY_H
#define AVL_NET_CERTAINTY_H

#include "io/contract.h"
#include "io/safetensors.h"

/* How likely the peak of a map lies on what sounds: a logistic function of three things that can be
 * read off the map, with all scores below 0 taken as 0:
 *
 *   peak           ln(largest score + 0.1)
 *   lead           1 - (largest score further away from the peak than 3/14 of a side) / largest
 *   concentration  1 - (mean score) / largest
 *
 *   sure = 1 / (1 + exp(-(weight . (peak, lead, concentration, 1))))
 *
 * The weights were fitted to pictures whose source is known, half of them with another sound, for
 * one model and one way of scoring; the model carries them ("avl.sure", avl-model(5)). */
struct avl_certainty {
	int known[AVL_SCORES]; /* by enum avl_score */
	double weight[AVL_SCORES][4];
};

/* What FILE carries, which may be nothing. AVL_EFORMAT where it is there and malformed. */
int avl_certainty_read(struct avl_certainty *certainty, const struct avl_safetensors *file,
		       struct avl_err *err);

/* 0..1; 0 for a map without a positive score; -1 where the model does not know. */
double avl_certainty_of(const struct avl_certainty *certainty, enum avl_score score,
			const float *map, int rows, int cols);

#endif
