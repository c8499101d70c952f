/* SPDX-License-Identifier: MIT */
#include "net/sources.h"

#include <criterion/criterion.h>
#include <math.h>

enum { UNITS = 6, CHANNELS = 3 };

/* Two that look for nearly the same, a third across them, one that looks for nothing, a fourth
 * direction, and one between the first and the last. */
static float rows[UNITS][CHANNELS] = {
    {1, 0, 0}, {0.4F, 0.1F, 0}, {0, 2, 0}, {0, 0, 0}, {0, 0, 1}, {0.9F, 0, 0.5F},
};

static struct avl_sound_head head_of(float length[UNITS])
{
	for (int u = 0; u < UNITS; u++)
		length[u] = sqrtf(rows[u][0] * rows[u][0] + rows[u][1] * rows[u][1] +
				  rows[u][2] * rows[u][2]);
	return (struct avl_sound_head){
	    .units = UNITS, .channels = CHANNELS, .fc2 = rows[0], .length = length};
}

static int find(const float q[UNITS], struct avl_arena *arena, struct avl_source **source)
{
	float length[UNITS];
	int count = -1;
	struct avl_err err = {0};
	const struct avl_sound_head head = head_of(length);
	cr_assert_eq(avl_sources_find(&head, NULL, q, arena, source, &count, &err), 0, "%s",
		     err.text);
	return count;
}

Test(sources, units_that_look_for_the_same_are_one_source)
{
	struct avl_arena arena;
	struct avl_source *source;
	avl_arena_init(&arena, 0);
	/* prominence q sqrt(length): 0.5, 0.57 (unit 1: 0.9 * 0.64), 0.71 (unit 2), 0 , 0.3 */
	const float q[UNITS] = {0.5F, 0.9F, 0.5F, 1, 0.3F, 0};
	cr_assert_eq(find(q, &arena, &source), 3);
	static const float parts[3][UNITS] = {
	    {0, 0, 0.5F, 0, 0, 0}, {0.5F, 0.9F, 0, 0, 0, 0}, {0, 0, 0, 0, 0.3F, 0}};
	static const int founders[] = {2, 1, 4};
	for (int s = 0; s < 3; s++) {
		cr_expect_eq(source[s].unit, founders[s], "source %d: %d", s, source[s].unit);
		for (int u = 0; u < UNITS; u++)
			cr_expect_eq(source[s].q[u], parts[s][u], "source %d, unit %d", s, u);
	}
	avl_arena_release(&arena);
}

Test(sources, a_unit_between_two_joins_the_nearer)
{
	struct avl_arena arena;
	struct avl_source *source;
	avl_arena_init(&arena, 0);
	const float q[UNITS] = {1, 0, 0, 0, 0.9F, 0.1F};
	cr_assert_eq(find(q, &arena, &source), 2);
	cr_expect_eq(source[0].unit, 0);
	cr_expect_eq(source[0].q[5], 0.1F);
	cr_expect_eq(source[1].unit, 4);
	cr_expect_eq(source[1].q[5], 0);
	avl_arena_release(&arena);
}

/* Unit 5 looks for what units 0, 2 and 4 do, and is at right angles with unit 2. */
Test(sources, a_general_unit_joins_what_it_is_in_general)
{
	static const int16_t pairs[] = {0, 1, 2, 4, 4, 7, 4, 8, 5, 1, 5, 4, 5, 7};
	const struct avl_class_map classes = {.units = UNITS, .pairs = 7, .pair = pairs};
	const float q[UNITS] = {0, 0, 1, 0, 0, 0.1F};
	float length[UNITS];
	const struct avl_sound_head head = head_of(length);
	struct avl_arena arena;
	struct avl_source *source;
	int count;
	avl_arena_init(&arena, 0);
	cr_assert_eq(avl_sources_find(&head, NULL, q, &arena, &source, &count, NULL), 0);
	cr_expect_eq(count, 2, "by angle they are two");
	cr_assert_eq(avl_sources_find(&head, &classes, q, &arena, &source, &count, NULL), 0);
	cr_expect_eq(count, 1);
	cr_expect_eq(source[0].unit, 2);
	cr_expect_eq(source[0].q[5], 0.1F);
	cr_expect(avl_class_map_related(&classes, 5, 0) && avl_class_map_related(&classes, 2, 5));
	cr_expect_not(avl_class_map_related(&classes, 4, 5), "one of two is not more than half");
	cr_expect_not(avl_class_map_related(&classes, 0, 2));
	cr_expect_not(avl_class_map_related(&classes, 1, 3), "nothing is shared by nothing");
	avl_arena_release(&arena);
}

Test(sources, silence_has_none)
{
	struct avl_arena arena;
	struct avl_source *source;
	avl_arena_init(&arena, 0);
	const float nothing[UNITS] = {0}, unseen[UNITS] = {0, 0, 0, 1, 0, 0};
	cr_expect_eq(find(nothing, &arena, &source), 0);
	cr_expect_eq(find(unseen, &arena, &source), 0);
	avl_arena_release(&arena);
}
