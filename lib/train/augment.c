/* SPDX-License-Identifier: MIT */
#include "train/augment.h"

#include <math.h>

#define ZOOM 1.1

void avl_variation_draw(int augment, struct avl_rng *rng, struct avl_variation *variation)
{
	*variation = (struct avl_variation){.window = NAN};
	if (augment & AVL_AUGMENT_CROP) {
		variation->view.zoom = ZOOM;
		variation->view.y = (double)avl_rng_uniform(rng);
		variation->view.x = (double)avl_rng_uniform(rng);
	}
	if (augment & AVL_AUGMENT_FLIP)
		variation->view.mirror = avl_rng_u32(rng) >> 31;
	if (augment & AVL_AUGMENT_WINDOW)
		variation->window = (double)avl_rng_uniform(rng);
}
