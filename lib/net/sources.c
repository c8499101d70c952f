/* SPDX-License-Identifier: MIT */
#include "net/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kern/gemm.h"

struct unit {
	int number;
	float prominence;
};

/* A source that is growing. */
struct group {
	struct avl_source source;
	double square; /* of the length of its embedding */
};

struct growth {
	const struct avl_sound_head *head;
	struct group *group;
	int count;
	float *embedding; /* (groups, channels) */
	float *alike;     /* (groups), while a unit is looked at */
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

/* How alike each group is to UNIT: the cosine between them. */
static void compare(const struct growth *growth, int unit, float *alike)
{
	const struct avl_sound_head *const head = growth->head;
	avl_gemv(0, growth->count, head->channels, growth->embedding, row(head, unit), 0, alike);
	for (int g = 0; g < growth->count; g++) {
		const double square = growth->group[g].square;
		alike[g] = square > 0 ? (float)(alike[g] / (sqrt(square) * head->length[unit])) : 0;
	}
}

/* The group that UNIT belongs to; count where it founds one. */
static int choose(const struct growth *growth, const struct avl_class_map *classes, int unit)
{
	float best = -1;
	int choice = growth->count;
	if (growth->count)
		compare(growth, unit, growth->alike);
	for (int g = 0; g < growth->count; g++) {
		const float alike = growth->alike[g];
		const int related =
		    classes && avl_class_map_related(classes, unit, growth->group[g].source.unit);
		if ((alike < AVL_SOURCE_ALIKE && !related) || alike <= best)
			continue;
		best = alike;
		choice = g;
	}
	return choice;
}

static float *embedding_of(const struct growth *growth, int group)
{
	return growth->embedding + (size_t)group * (size_t)growth->head->channels;
}

static int found(struct growth *growth, int unit, struct avl_arena *arena)
{
	const size_t units = (size_t)growth->head->units;
	struct group *const group = &growth->group[growth->count];
	*group = (struct group){
	    .source = {.unit = unit, .q = avl_arena_alloc(arena, units * sizeof(float))},
	};
	if (!group->source.q)
		return AVL_ENOMEM;
	memset(group->source.q, 0, units * sizeof(float));
	memset(embedding_of(growth, growth->count++), 0,
	       (size_t)growth->head->channels * sizeof(float));
	return 0;
}

static void join(struct growth *growth, int unit, float q, int g)
{
	const float *const r = row(growth->head, unit);
	float *const embedding = embedding_of(growth, g);
	double square = 0;
	for (int c = 0; c < growth->head->channels; c++) {
		embedding[c] += q * r[c];
		square += (double)embedding[c] * embedding[c];
	}
	growth->group[g].square = square;
	growth->group[g].source.q[unit] = q;
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
	const size_t units = (size_t)head->units, channels = (size_t)head->channels;
	struct unit *const unit = avl_arena_alloc(arena, units * sizeof *unit);
	const int heard = unit ? list_units(head, q, unit) : 0;
	struct growth growth = {
	    .head = head,
	    .group = avl_arena_alloc(arena, units * sizeof *growth.group),
	    .embedding = avl_arena_alloc(arena, (size_t)heard * channels * sizeof(float)),
	    .alike = avl_arena_alloc(arena, units * sizeof(float)),
	};
	if (!unit || !growth.group || !growth.embedding || !growth.alike)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int u = 0; u < heard; u++) {
		const int g = choose(&growth, classes, unit[u].number);
		if (g == growth.count && found(&growth, unit[u].number, arena))
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		join(&growth, unit[u].number, q[unit[u].number], g);
	}
	*count = growth.count;
	*source = avl_arena_alloc(arena, (size_t)*count * sizeof **source);
	if (!*source)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int g = 0; g < *count; g++)
		(*source)[g] = growth.group[g].source;
	return 0;
}
