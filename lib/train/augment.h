/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_AUGMENT_H
#define AVL_TRAIN_AUGMENT_H

#include "base/rng.h"
#include "net/front_end.h"

/* How training varies what a record holds, after the official codes (LVS 2021, EZ-VSL 2022): the
 * picture resized to 1.1 times its size and cut out of that at random, mirrored half of the time,
 * and a window of the sound at random where that is longer than the model's. */
enum avl_augment {
	AVL_AUGMENT_CROP = 1,
	AVL_AUGMENT_FLIP = 2,
	AVL_AUGMENT_WINDOW = 4,
};

struct avl_variation {
	struct avl_picture_view view;
	double window; /* where the sound's begins, 0..1 of what is over; NaN: as the model does */
};

/* AUGMENT: a sum of the above. Draws of each of them the same count of numbers, whatever they are.
 */
void avl_variation_draw(int augment, struct avl_rng *rng, struct avl_variation *variation);

#endif
