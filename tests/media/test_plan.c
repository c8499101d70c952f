/* SPDX-License-Identifier: MIT */
#include "media/plan.h"

#include <criterion/criterion.h>

enum { K = AVL_PACKET_KEY | AVL_PACKET_CLEAN, B = AVL_PACKET_DISPOSABLE, H = AVL_PACKET_HIDDEN };

/* Two groups of I P B B P B B, ticks of 10 ms, in the order of decoding. */
static struct avl_packet two_groups[] = {
    {0, K, 0},  {30, 0, 0},  {10, B, 0}, {20, B, 0}, {60, 0, 0},  {40, B, 0},  {50, B, 0},
    {70, K, 0}, {100, 0, 0}, {80, B, 0}, {90, B, 0}, {130, 0, 0}, {110, B, 0}, {120, B, 0},
};

static struct avl_scan scan_of(struct avl_packet *packet, size_t n)
{
	return (struct avl_scan){.tick_num = 1,
				 .tick_den = 100,
				 .end = 140,
				 .packet = packet,
				 .n = n,
				 .told_apart = true,
				 .timed = true};
}

Test(plan, takes_the_frame_on_the_screen_and_what_it_needs)
{
	const struct avl_scan scan = scan_of(two_groups, 14);
	static const double times[] = {0.105, 0.25, 0.25, 0.35, 1.0};
	static const int64_t want[] = {10, 20, 30, 100};
	static const size_t of_time[] = {0, 1, 1, 2, 3};
	struct avl_plan plan;
	cr_assert(avl_plan_possible(&scan));
	cr_assert_eq(avl_plan_make(&plan, &scan, times, 5, NULL), 0);
	cr_assert_eq(plan.wants, 4);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(plan.want[i], want[i]);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(plan.of_time[i], of_time[i]);
	cr_assert_eq(plan.groups, 2);
	cr_assert(plan.group[0].first == 0 && plan.group[0].last == 3 && plan.group[0].wants == 3);
	cr_assert(plan.group[1].first == 7 && plan.group[1].last == 8 && plan.group[1].wants == 1);
	cr_expect(avl_plan_needs(&plan, &plan.group[0], &scan, 2), "a wanted B frame");
	cr_expect(avl_plan_needs(&plan, &plan.group[0], &scan, 1), "a reference");
	cr_expect(!avl_plan_needs(&plan, &plan.group[0], &scan, 5), "a B frame nobody wants");
	avl_plan_release(&plan);
}

Test(plan, agrees_with_a_search_through_all_frames)
{
	const struct avl_scan scan = scan_of(two_groups, 14);
	double times[300];
	struct avl_plan plan;
	for (int i = 0; i < 300; i++)
		times[i] = i * 0.00513;
	cr_assert_eq(avl_plan_make(&plan, &scan, times, 300, NULL), 0);
	for (int i = 0; i < 300; i++) {
		int64_t shown = 0;
		for (int k = 0; k < 14; k++)
			if ((double)two_groups[k].pts / 100 <= times[i] + avl_scan_slack(&scan) &&
			    two_groups[k].pts > shown)
				shown = two_groups[k].pts;
		cr_expect_eq(plan.want[plan.of_time[i]], shown, "at %g", times[i]);
	}
	avl_plan_release(&plan);
}

Test(plan, never_shows_a_hidden_packet)
{
	static struct avl_packet packets[] = {{0, K, 0}, {10, 0, 0}, {15, H, 0}, {20, 0, 0}};
	const struct avl_scan scan = scan_of(packets, 4);
	static const double times[] = {0.17};
	struct avl_plan plan;
	cr_assert_eq(avl_plan_make(&plan, &scan, times, 1, NULL), 0);
	cr_assert_eq(plan.want[0], 10);
	avl_plan_release(&plan);
}

Test(plan, is_not_made_where_it_could_be_wrong)
{
	static struct avl_packet twice[] = {{0, K, 0}, {10, 0, 0}, {10, 0, 0}};
	static struct avl_packet unclean[] = {{0, AVL_PACKET_KEY, 0}, {10, 0, 0}};
	static struct avl_packet late[] = {{10, K, 0}, {0, 0, 0}};
	static const double times[] = {0.5};
	struct avl_plan plan;
	struct avl_scan scan = scan_of(twice, 3);
	cr_expect_eq(avl_plan_make(&plan, &scan, times, 1, NULL), AVL_ENONE);
	scan = scan_of(unclean, 2);
	cr_expect(!avl_plan_possible(&scan));
	scan = scan_of(late, 2);
	cr_expect(!avl_plan_possible(&scan));
	scan = scan_of(two_groups, 14);
	scan.timed = false;
	cr_expect(!avl_plan_possible(&scan));
	scan.timed = true;
	scan.told_apart = false;
	cr_expect(!avl_plan_possible(&scan));
}

Test(plan, forgives_less_than_a_tick_of_a_millisecond)
{
	struct avl_scan scan = scan_of(two_groups, 14);
	scan.tick_den = 1000;
	cr_expect_float_eq(avl_scan_slack(&scan), 0.000999, 1e-9);
	scan.tick_den = 25;
	cr_expect_float_eq(avl_scan_slack(&scan), 1e-6, 1e-12);
}
