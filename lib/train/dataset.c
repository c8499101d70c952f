/* SPDX-License-Identifier: MIT */
#include "train/dataset.h"

#include <stdlib.h>
#include <string.h>

struct avl_dataset {
	int files;
	struct part {
		struct avl_index *index;
		char *name;
		int64_t first, end; /* its records in the sequence */
	} part[];
};

int avl_dataset_open(struct avl_dataset **out, char *const *path, int files, struct avl_err *err)
{
	struct avl_dataset *const d = calloc(1, sizeof *d + (size_t)files * sizeof d->part[0]);
	if (!d)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	int64_t first = 0;
	for (int i = 0; i < files; i++) {
		struct part *const part = &d->part[d->files++];
		part->name = strdup(path[i]);
		int code = part->name ? avl_index_open(&part->index, path[i], 0, err)
				      : avl_fail(err, AVL_ENOMEM, "out of memory");
		if (code) {
			avl_dataset_close(d);
			return code;
		}
		part->first = first;
		first += avl_index_count(part->index);
		part->end = first;
	}
	*out = d;
	return 0;
}

void avl_dataset_close(struct avl_dataset *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->files; i++) {
		avl_index_close(d->part[i].index);
		free(d->part[i].name);
	}
	free(d);
}

int64_t avl_dataset_count(const struct avl_dataset *d)
{
	return d->files ? d->part[d->files - 1].end : 0;
}

static const struct part *part_of(const struct avl_dataset *d, int64_t i)
{
	int low = 0, high = d->files - 1;
	while (low < high) {
		const int middle = (low + high) / 2;
		if (i < d->part[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return &d->part[low];
}

int avl_dataset_read(const struct avl_dataset *d, int64_t i, struct avl_record *record,
		     struct avl_err *err)
{
	const struct part *const part = part_of(d, i);
	return avl_index_read(part->index, i - part->first, record, err);
}

const char *avl_dataset_name(const struct avl_dataset *d, int64_t i)
{
	return part_of(d, i)->name;
}

void avl_shuffle(uint64_t seed, int64_t epoch, int64_t n, int64_t *order)
{
	struct avl_rng rng;
	avl_rng_init(&rng, seed, AVL_STREAM_EPOCH + (uint64_t)epoch);
	for (int64_t i = 0; i < n; i++)
		order[i] = i;
	for (int64_t i = n - 1; i > 0; i--) {
		const int64_t k = avl_rng_below(&rng, (uint32_t)(i + 1));
		const int64_t kept = order[i];
		order[i] = order[k];
		order[k] = kept;
	}
}
