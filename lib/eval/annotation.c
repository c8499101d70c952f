/* SPDX-License-Identifier: MIT */
#include "eval/annotation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/annotation_rows.h"

#define NAME_SIZE 256

const char *avl_annotation_name(enum avl_annotation_kind kind)
{
	static const char *const names[] = {"silent", "boxes", "vggss", "flickr", "is3"};
	return names[kind];
}

int avl_annotations_new(struct avl_annotations **annotations, struct avl_err *err)
{
	*annotations = calloc(1, sizeof **annotations);
	if (!*annotations)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_arena_init(&(*annotations)->names, 0);
	return 0;
}

void avl_annotations_free(struct avl_annotations *annotations)
{
	if (!annotations)
		return;
	avl_arena_release(&annotations->names);
	free(annotations->row);
	free(annotations);
}

/* Names are short, and the arena gives blocks of AVL_ALIGN bytes: a text that the row before has
 * as well is shared. */
static const char *keep(struct avl_annotations *annotations, const char *text, const char *last)
{
	if (!text)
		return NULL;
	if (last && !strcmp(text, last))
		return last;
	return avl_arena_text(&annotations->names, text, strlen(text));
}

int avl_annotations_add(struct avl_annotations *annotations, const struct avl_annotation_row *row,
			struct avl_err *err)
{
	if (annotations->n == annotations->room) {
		const int room = annotations->room ? 2 * annotations->room : 1024;
		struct avl_annotation_row *const grown =
		    room > 0 ? realloc(annotations->row, (size_t)room * sizeof *grown) : NULL;
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		annotations->row = grown;
		annotations->room = room;
	}
	static const struct avl_annotation_row none;
	const int n = annotations->n;
	const struct avl_annotation_row *const last = n ? &annotations->row[n - 1] : &none;
	struct avl_annotation_row added = *row;
	added.order = n;
	added.name = keep(annotations, row->name, last->name);
	added.label = keep(annotations, row->label, last->label);
	added.sound = keep(annotations, row->sound, last->sound);
	if (!added.name || (row->label && !added.label) || (row->sound && !added.sound))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	annotations->row[annotations->n++] = added;
	annotations->sorted = 0;
	return 0;
}

int avl_annotations_read(struct avl_annotations *annotations, enum avl_annotation_kind kind,
			 const char *path, struct avl_err *err)
{
	static int (*const reader[])(struct avl_annotations *, const char *, struct avl_err *) = {
	    [AVL_ANNOTATION_SILENT] = avl_silent_read, [AVL_ANNOTATION_BOXES] = avl_boxes_read,
	    [AVL_ANNOTATION_VGGSS] = avl_vggss_read,   [AVL_ANNOTATION_FLICKR] = avl_flickr_read,
	    [AVL_ANNOTATION_IS3] = avl_is3_read,
	};
	return reader[kind](annotations, path, err);
}

static int compare(const void *one, const void *two)
{
	const struct avl_annotation_row *const a = one, *const b = two;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	const int names = strcmp(a->name, b->name);
	return names ? names : (a->order > b->order) - (a->order < b->order);
}

static void sort(struct avl_annotations *annotations)
{
	if (annotations->n && !annotations->sorted)
		qsort(annotations->row, (size_t)annotations->n, sizeof *annotations->row, compare);
	annotations->sorted = 1;
}

int avl_annotations_count(const struct avl_annotations *annotations)
{
	sort((struct avl_annotations *)(uintptr_t)annotations);
	int n = 0;
	for (int i = 0; i < annotations->n; i++)
		n += i == 0 || annotations->row[i].kind != annotations->row[i - 1].kind ||
		     strcmp(annotations->row[i].name, annotations->row[i - 1].name);
	return n;
}

/* The first row that is not before (KIND, NAME). */
static int lower_bound(const struct avl_annotations *annotations, int kind, const char *name)
{
	const struct avl_annotation_row wanted = {.kind = kind, .name = name, .order = -1};
	int low = 0, high = annotations->n;
	while (low < high) {
		const int middle = low + (high - low) / 2;
		if (compare(&annotations->row[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int is_row(const struct avl_annotations *annotations, int i, int kind, const char *name)
{
	return i < annotations->n && annotations->row[i].kind == kind &&
	       !strcmp(annotations->row[i].name, name);
}

void avl_stem(const char *path, char *stem, size_t size)
{
	const char *const slash = strrchr(path, '/');
	const char *const base = slash ? slash + 1 : path;
	const char *const dot = strrchr(base, '.');
	const size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	snprintf(stem, size, "%.*s", (int)(length < size ? length : size - 1), base);
}

/* "ID_56000_66000" as "ID_000056": SSLalignment's way to name VGG-SS clips. 0 where NAME is not
 * of that form. */
static int undo_milliseconds(const char *name, char *undone, size_t size)
{
	int start, end, used = 0;
	const char *const tail = strlen(name) > 12 ? name + 11 : "";
	if (sscanf(tail, "_%8d_%8d%n", &start, &end, &used) != 2 || tail[used] || start < 0 ||
	    start % 1000 || end - start != 10000)
		return 0;
	snprintf(undone, size, "%.11s_%06d", name, start / 1000);
	return 1;
}

/* A picture with its own sound is not a row of the silent list that names another; a list that
 * gives the picture alone still finds it, unless something else is known of it. */
static int find_silent(const struct avl_annotations *annotations, const char *name,
		       const char *sound)
{
	const char *const heard = sound ? sound : name;
	for (int i = lower_bound(annotations, AVL_ANNOTATION_SILENT, name);
	     is_row(annotations, i, AVL_ANNOTATION_SILENT, name); i++)
		if (!strcmp(annotations->row[i].sound, heard))
			return i;
	return -1;
}

static int find_name(const struct avl_annotations *annotations, const char *name, const char *sound)
{
	const int silent = find_silent(annotations, name, sound);
	if (silent >= 0)
		return silent;
	for (int kind = AVL_ANNOTATION_BOXES; kind < AVL_ANNOTATION_KINDS; kind++) {
		const int i = lower_bound(annotations, kind, name);
		if (is_row(annotations, i, kind, name))
			return i;
	}
	if (sound)
		return -1;
	const int i = lower_bound(annotations, AVL_ANNOTATION_SILENT, name);
	return is_row(annotations, i, AVL_ANNOTATION_SILENT, name) ? i : -1;
}

static double clip(double value, struct avl_annotation *found, int *clipped)
{
	if (value >= 0 && value <= 1)
		return value;
	if (!found->clipped && !*clipped)
		found->outside = value;
	*clipped = 1;
	return value > 1 ? 1 : 0;
}

static void take_box(const struct avl_annotation_row *row, double *box,
		     struct avl_annotation *found)
{
	int clipped = 0;
	for (int k = 0; k < 4; k++)
		box[k] = clip(row->box[k], found, &clipped);
	box[4] = row->box[4];
	found->clipped += clipped;
	found->empty += !(box[2] > box[0] && box[3] > box[1]);
}

/* The other objects of the image: entries whose names differ in the last part alone. */
static int take_others(const struct avl_annotations *annotations, const char *name,
		       struct avl_arena *arena, struct avl_annotation *found)
{
	char prefix[NAME_SIZE];
	struct avl_annotation ignored = {0};
	snprintf(prefix, sizeof prefix, "%s", name);
	char *const last = strrchr(prefix, '_');
	if (!last)
		return 0;
	last[1] = 0;
	const size_t n = strlen(prefix);
	const int first = lower_bound(annotations, AVL_ANNOTATION_IS3, prefix);
	int end = first, others = 0;
	for (; end < annotations->n && annotations->row[end].kind == AVL_ANNOTATION_IS3 &&
	       !strncmp(annotations->row[end].name, prefix, n);
	     end++)
		others += strcmp(annotations->row[end].name, name) != 0;
	if (!others)
		return 0;
	found->other = avl_arena_alloc(arena, (size_t)others * 5 * sizeof(double));
	if (!found->other)
		return -1;
	for (int i = first; i < end; i++)
		if (strcmp(annotations->row[i].name, name))
			take_box(&annotations->row[i], found->other + 5 * found->nothers++,
				 &ignored);
	return 0;
}

static int take(const struct avl_annotations *annotations, int first, struct avl_arena *arena,
		struct avl_annotation *found, struct avl_err *err)
{
	const struct avl_annotation_row *const row = &annotations->row[first];
	*found = (struct avl_annotation){
	    .kind = (enum avl_annotation_kind)row->kind, .name = row->name, .label = row->label};
	if (row->kind == AVL_ANNOTATION_SILENT)
		return 1;
	int end = first, n = 0;
	for (; is_row(annotations, end, row->kind, row->name); end++)
		n += annotations->row[end].has_box;
	if (n && !(found->box = avl_arena_alloc(arena, (size_t)n * 5 * sizeof(double))))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = first; i < end; i++)
		if (annotations->row[i].has_box)
			take_box(&annotations->row[i], found->box + 5 * found->nboxes++, found);
	if (row->kind == AVL_ANNOTATION_IS3 && take_others(annotations, row->name, arena, found))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	return 1;
}

int avl_annotations_find(struct avl_annotations *annotations,
			 const struct avl_annotation_query *query, struct avl_arena *arena,
			 struct avl_annotation *found, struct avl_err *err)
{
	char stem[NAME_SIZE] = "", sound_stem[NAME_SIZE], undone[NAME_SIZE];
	const char *sound = NULL;
	sort(annotations);
	if (query->source)
		avl_stem(query->source, stem, sizeof stem);
	if (query->sound) {
		avl_stem(query->sound, sound_stem, sizeof sound_stem);
		sound = strcmp(sound_stem, stem) ? sound_stem : NULL;
	}
	int i = find_name(annotations, query->key, sound);
	if (i < 0 && *stem)
		i = find_name(annotations, stem, sound);
	if (i < 0 && undo_milliseconds(stem, undone, sizeof undone))
		i = find_name(annotations, undone, sound);
	return i < 0 ? 0 : take(annotations, i, arena, found, err);
}
