/* SPDX-License-Identifier: MIT */
#include "net/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	int number;
	float prominence;
};

/* A source that is growing. */
struct group {
	struct avl_source source;
	float *embedding; /* (channels) */
};

static int by_prominence(const void *a, const void *b)
{
	const struct unit *const x = a, *const y = b;
	if (x->prominence != y->prominence)
		return x->prominence < y->prominence ? 1 : -1;
	return x->number - y->number;
}

static const float *row(const struct avl_sound_head *head, int unit)
{
	return head->fc2 + (size_t)unit * (size_t)head->channels;
}

static float likeness(const struct avl_sound_head *head, int unit, const struct group *group)
{
	const float *const r = row(head, unit);
	double along = 0, square = 0;
	for (int c = 0; c < head->channels; c++) {
		along += (double)r[c] * group->embedding[c];
		square += (double)group->embedding[c] * group->embedding[c];
	}
	return square > 0 ? (float)(along / (sqrt(square) * head->length[unit])) : 0;
}

/* The group that UNIT belongs to; COUNT where it founds one. */
static int choose(const struct avl_sound_head *head, const struct avl_class_map *classes, int unit,
		  const struct group *group, int count)
{
	float best = -1;
	int choice = count;
	for (int g = 0; g < count; g++) {
		const float alike = likeness(head, unit, &group[g]);
		const int related =
		    classes && avl_class_map_related(classes, unit, group[g].source.unit);
		if ((alike < AVL_SOURCE_ALIKE && !related) || alike <= best)
			continue;
		best = alike;
		choice = g;
	}
	return choice;
}

static int found(const struct avl_sound_head *head, int unit, struct group *group,
		 struct avl_arena *arena)
{
	const size_t units = (size_t)head->units, channels = (size_t)head->channels;
	*group = (struct group){
	    .source = {.unit = unit, .q = avl_arena_alloc(arena, units * sizeof(float))},
	    .embedding = avl_arena_alloc(arena, channels * sizeof(float)),
	};
	if (!group->source.q || !group->embedding)
		return AVL_ENOMEM;
	memset(group->source.q, 0, units * sizeof(float));
	memset(group->embedding, 0, channels * sizeof(float));
	return 0;
}

static void join(const struct avl_sound_head *head, int unit, float q, struct group *group)
{
	const float *const r = row(head, unit);
	for (int c = 0; c < head->channels; c++)
		group->embedding[c] += q * r[c];
	group->source.q[unit] = q;
}

/* The units that were heard and mean something in the picture, the most prominent first. */
static int list_units(const struct avl_sound_head *head, const float *q, struct unit *unit)
{
	int count = 0;
	for (int u = 0; u < head->units; u++)
		if (q[u] * head->length[u] > 0)
			unit[count++] = (struct unit){u, q[u] * sqrtf(head->length[u])};
	qsort(unit, (size_t)count, sizeof *unit, by_prominence);
	return count;
}

int avl_sources_find(const struct avl_sound_head *head, const struct avl_class_map *classes,
		     const float *q, struct avl_arena *arena, struct avl_source **source,
		     int *count, struct avl_err *err)
{
	struct unit *const unit = avl_arena_alloc(arena, (size_t)head->units * sizeof *unit);
	struct group *const group = avl_arena_alloc(arena, (size_t)head->units * sizeof *group);
	if (!unit || !group)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const int heard = list_units(head, q, unit);
	*count = 0;
	for (int u = 0; u < heard; u++) {
		const int g = choose(head, classes, unit[u].number, group, *count);
		if (g == *count && found(head, unit[u].number, &group[(*count)++], arena))
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		join(head, unit[u].number, q[unit[u].number], &group[g]);
	}
	*source = avl_arena_alloc(arena, (size_t)*count * sizeof **source);
	if (!*source)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int g = 0; g < *count; g++)
		(*source)[g] = group[g].source;
	return 0;
}
