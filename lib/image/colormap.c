/* SPDX-License-Identifier: MIT */
#include "image/colormap.h"

#define SOURCES 6

int avl_colormap_step(float value)
{
	if (!(value > 0))
		return 0;
	return value >= 1 ? 255 : (int)(value * 255 + 0.5F);
}

const uint8_t *avl_colormap_source(int i)
{
	static const uint8_t colour[SOURCES][3] = {
	    {255, 48, 32}, {32, 160, 255}, {255, 214, 0},
	    {64, 220, 64}, {232, 80, 255}, {255, 140, 0},
	};
	return colour[i % SOURCES];
}
