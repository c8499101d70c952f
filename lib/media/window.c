/* SPDX-License-Identifier: MIT */
#include "media/window.h"

#include <math.h>

struct avl_window avl_window_at(double time_s, double length_s, double anchor, int rate_hz)
{
	struct avl_window window;
	window.n = llround(length_s * rate_hz);
	window.start = llround(time_s * rate_hz - anchor * (double)window.n);
	return window;
}

struct avl_window avl_window_inside(struct avl_window window, int64_t end)
{
	if (window.start + window.n > end)
		window.start = end - window.n;
	if (window.start < 0)
		window.start = 0;
	if (window.n > end - window.start)
		window.n = end - window.start;
	return window;
}

double avl_time_sampled(int64_t k, double rate)
{
	return ((double)k + 0.5) / rate;
}

int64_t avl_time_count(double end_s, double rate)
{
	/* a billionth of an interval absorbs the rounding of the division */
	const double n = ceil(end_s * rate - 0.5 - 1e-9);
	return n > 1 ? (int64_t)fmin(n, 0x1p53) : 1;
}
