/* SPDX-License-Identifier: MIT */
#include "media/window.h"

#include <criterion/criterion.h>

Test(window, is_centred_on_its_time)
{
	const struct avl_window w = avl_window_at(10, 2, 0.5, 16000);
	cr_assert(w.start == 144000 && w.n == 32000);
}

Test(window, begins_at_its_time_where_the_anchor_says_so)
{
	const struct avl_window w = avl_window_at(10, 2, 0, 8000);
	cr_assert(w.start == 80000 && w.n == 16000);
}

Test(window, of_an_odd_length_is_rounded_once)
{
	const struct avl_window w = avl_window_at(0.5, 0.0021, 0.5, 1000);
	cr_assert(w.n == 2 && w.start == 499);
}

Test(window, moves_inside_the_clip_or_is_cut_to_it)
{
	static const struct {
		struct avl_window given;
		int64_t end;
		struct avl_window inside;
	} rows[] = {
	    {{-5, 10}, 100, {0, 10}},   {{95, 10}, 100, {90, 10}}, {{40, 10}, 100, {40, 10}},
	    {{-5, 10}, 7, {0, 7}},      {{0, 10}, 0, {0, 0}},      {{90, 10}, 100, {90, 10}},
	    {{500, 10}, 100, {90, 10}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct avl_window w = avl_window_inside(rows[i].given, rows[i].end);
		cr_expect(w.start == rows[i].inside.start && w.n == rows[i].inside.n,
			  "row %zu: %lld %lld", i, (long long)w.start, (long long)w.n);
	}
}

/* Counts in a loop what avl_time_count says at once. */
static int64_t count_slowly(double end_s, double rate)
{
	int64_t n = 0;
	while (avl_time_sampled(n, rate) < end_s - 1e-9 / rate)
		n++;
	return n ? n : 1;
}

Test(window, times_are_the_middles_of_intervals_inside_the_clip)
{
	static const double ends[] = {0.01, 0.5, 0.51, 1, 1.5, 9.99, 10, 10.05, 60.0333};
	static const double rates[] = {0.1, 0.3, 1, 2.5, 7, 29.97, 30};
	cr_assert_float_eq(avl_time_sampled(3, 2), 1.75, 1e-12);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		for (size_t j = 0; j < sizeof rates / sizeof rates[0]; j++)
			cr_expect_eq(avl_time_count(ends[i], rates[j]),
				     count_slowly(ends[i], rates[j]), "%g s at %g", ends[i],
				     rates[j]);
}
