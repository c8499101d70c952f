/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_COLORMAP_H
#define AVL_IMAGE_COLORMAP_H

#include <stdint.h>

#include "base/err.h"

/* Colours for numbers between 0 and 1. */
enum avl_colormap {
	AVL_COLORMAP_JET,
	AVL_COLORMAP_TURBO,
	AVL_COLORMAP_VIRIDIS,
	AVL_COLORMAP_INFERNO,
	AVL_COLORMAP_GREY,
	AVL_COLORMAPS
};

/* The names in that order, as cmd/cmd.h takes choices. */
#define AVL_COLORMAP_NAMES "jet|turbo|viridis|inferno|grey"

/* Red, green and blue of value i / 255. */
extern const uint8_t avl_colormap_table[AVL_COLORMAPS][256][3];

/* The step of the table for VALUE, which is brought into 0..1 first; 0 for NaN. */
int avl_colormap_step(float value);

/* The colour that stands for source I >= 0 where several are shown at once: six that differ, then
 * again from the first. */
const uint8_t *avl_colormap_source(int i);

#endif
