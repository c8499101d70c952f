/* SPDX-License-Identifier: MIT */
#include "net/certainty.h"

#include <math.h>

double avl_certainty(const float *map, int rows, int cols)
{
	double largest = 0, sum = 0;
	for (int i = 0; i < rows * cols; i++) {
		largest = fmax(largest, map[i]);
		sum += fmax(map[i], 0);
	}
	return largest > 0 ? 1 - sum / (largest * rows * cols) : 0;
}
