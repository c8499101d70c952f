/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_WINDOW_H
#define AVL_MEDIA_WINDOW_H

#include <stdint.h>

/* Samples START .. START + N of a sound whose sample 0 is time 0. */
struct avl_window {
	int64_t start, n;
};

/* The window of LENGTH_S that begins at TIME_S - ANCHOR * LENGTH_S, rounded to samples once. */
struct avl_window avl_window_at(double time_s, double length_s, double anchor, int rate_hz);

/* The window moved inside 0..END, and made shorter where END is less than its length. */
struct avl_window avl_window_inside(struct avl_window window, int64_t end);

/* The middle of the K-th interval, (k + 1/2) / rate. */
double avl_time_sampled(int64_t k, double rate);

/* How many of these are inside a clip that ends at END_S, at least one. */
int64_t avl_time_count(double end_s, double rate);

#endif
