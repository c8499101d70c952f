/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_CERTAINTY_H
#define AVL_NET_CERTAINTY_H

/* How sure a map is of its peak, 0..1. */
double avl_certainty(const float *map, int rows, int cols);

#endif
