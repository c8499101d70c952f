/* SPDX-License-Identifier: MIT */
#include "media/plan.h"

#include <math.h>
#include <stdlib.h>

static int compare_stamps(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

bool avl_plan_possible(const struct avl_scan *scan)
{
	if (!scan->timed || !scan->told_apart || !scan->n)
		return false;
	const uint32_t start = scan->packet[0].flags;
	return start & AVL_PACKET_CLEAN && !(start & AVL_PACKET_HIDDEN) && !scan->packet[0].pts;
}

/* The end of the group that begins at FIRST. */
static size_t group_end(const struct avl_scan *scan, size_t first)
{
	size_t end = first + 1;
	while (end < scan->n && !(scan->packet[end].flags & AVL_PACKET_CLEAN))
		end++;
	return end;
}

/* The time stamps of the frames shown from FIRST to END, ascending. */
static size_t shown_stamps(const struct avl_scan *scan, size_t first, size_t end, int64_t *stamps)
{
	size_t n = 0;
	for (size_t i = first; i < end; i++)
		if (!(scan->packet[i].flags & AVL_PACKET_HIDDEN))
			stamps[n++] = scan->packet[i].pts;
	qsort(stamps, n, sizeof *stamps, compare_stamps);
	return n;
}

static void find_last(struct avl_group *group, const struct avl_plan *plan,
		      const struct avl_scan *scan, size_t end)
{
	const int64_t *const want = plan->want + group->want;
	for (size_t i = group->first; i < end; i++)
		if (bsearch(&scan->packet[i].pts, want, group->wants, sizeof *want, compare_stamps))
			group->last = i;
}

struct builder {
	struct avl_plan *plan;
	const struct avl_scan *scan;
	const double *times;
	size_t n, next;  /* times, and the first that has no frame yet */
	int64_t *stamps; /* room for one group */
};

static void want_stamp(struct avl_plan *plan, int64_t stamp)
{
	if (!plan->wants || plan->want[plan->wants - 1] != stamp)
		plan->want[plan->wants++] = stamp;
}

static bool any_twice(const int64_t *stamps, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (stamps[i] == stamps[i - 1])
			return true;
	return false;
}

/* Takes the times whose frames lie between FIRST and END, of which UNTIL is the next group's first
 * time stamp. False where two frames have the same. */
static bool take_group(struct builder *b, size_t first, size_t end, int64_t until)
{
	struct avl_plan *const plan = b->plan;
	struct avl_group group = {.first = first, .end = end, .want = plan->wants};
	const size_t shown = shown_stamps(b->scan, first, end, b->stamps);
	const double slack = avl_scan_slack(b->scan);
	size_t at = 0;
	while (shown && b->next < b->n) {
		const double limit = b->times[b->next] + slack;
		if (until != INT64_MAX && avl_scan_seconds(b->scan, until) <= limit)
			break;
		while (at + 1 < shown && avl_scan_seconds(b->scan, b->stamps[at + 1]) <= limit)
			at++;
		want_stamp(plan, b->stamps[at]);
		plan->of_time[b->next++] = plan->wants - 1;
	}
	group.wants = plan->wants - group.want;
	if (!group.wants)
		return true;
	find_last(&group, plan, b->scan, end);
	plan->group[plan->groups++] = group;
	return !any_twice(b->stamps, shown);
}

static int64_t first_stamp(const struct avl_scan *scan, size_t first, size_t end)
{
	int64_t least = INT64_MAX;
	for (size_t i = first; i < end; i++)
		if (!(scan->packet[i].flags & AVL_PACKET_HIDDEN) && scan->packet[i].pts < least)
			least = scan->packet[i].pts;
	return least;
}

int avl_plan_make(struct avl_plan *plan, const struct avl_scan *scan, const double *times, size_t n,
		  struct avl_err *err)
{
	size_t groups = 0, longest = 0;
	*plan = (struct avl_plan){0};
	for (size_t first = 0, end; first < scan->n; first = end, groups++) {
		end = group_end(scan, first);
		longest = end - first > longest ? end - first : longest;
	}
	if (groups > n)
		groups = n;
	struct builder b = {plan, scan, times, n, 0, malloc((longest + 1) * sizeof(int64_t))};
	plan->group = malloc((groups + 1) * sizeof *plan->group);
	plan->want = malloc((n + 1) * sizeof *plan->want);
	plan->of_time = malloc((n + 1) * sizeof *plan->of_time);
	if (!b.stamps || !plan->group || !plan->want || !plan->of_time) {
		free(b.stamps);
		avl_plan_release(plan);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	bool told_apart = true;
	for (size_t first = 0; first < scan->n && b.next < n && told_apart;) {
		const size_t end = group_end(scan, first);
		size_t behind = end;
		int64_t until = INT64_MAX;
		/* a group that shows nothing has no first time stamp */
		while (until == INT64_MAX && behind < scan->n) {
			const size_t next = group_end(scan, behind);
			until = first_stamp(scan, behind, next);
			behind = next;
		}
		told_apart = take_group(&b, first, end, until);
		first = end;
	}
	free(b.stamps);
	if (told_apart && b.next == n)
		return 0;
	avl_plan_release(plan);
	return avl_fail(err, AVL_ENONE, "two frames have the same time stamp");
}

void avl_plan_release(struct avl_plan *plan)
{
	free(plan->group);
	free(plan->want);
	free(plan->of_time);
	*plan = (struct avl_plan){0};
}

bool avl_plan_needs(const struct avl_plan *plan, const struct avl_group *group,
		    const struct avl_scan *scan, size_t i)
{
	const int64_t *const want = plan->want + group->want;
	if (!(scan->packet[i].flags & AVL_PACKET_DISPOSABLE))
		return true;
	return bsearch(&scan->packet[i].pts, want, group->wants, sizeof *want, compare_stamps);
}
