/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_DATASET_H
#define AVL_TRAIN_DATASET_H

#include "base/rng.h"
#include "io/index.h"

/* The records of several files, mapped and indexed, as one sequence. */
struct avl_dataset;

int avl_dataset_open(struct avl_dataset **dataset, char *const *path, int files,
		     struct avl_err *err);
void avl_dataset_close(struct avl_dataset *dataset); /* NULL is allowed */
int64_t avl_dataset_count(const struct avl_dataset *dataset);
/* Record I, 0 <= I < count, as avl_index_read gives it. */
int avl_dataset_read(const struct avl_dataset *dataset, int64_t i, struct avl_record *record,
		     struct avl_err *err);
/* The file record I is in. */
const char *avl_dataset_name(const struct avl_dataset *dataset, int64_t i);

/* ORDER (n) becomes 0..n-1 shuffled: the order of an epoch depends on SEED and EPOCH alone, so that
 * a position in it is all a checkpoint has to keep. */
void avl_shuffle(uint64_t seed, int64_t epoch, int64_t n, int64_t *order);

/* Streams of avl_rng_init that training uses beside its step numbers. */
#define AVL_STREAM_EPOCH ((uint64_t)1 << 40) /* plus the epoch */
#define AVL_STREAM_FRESH ((uint64_t)1 << 41) /* plus the number of the parameter */
#define AVL_STREAM_VALID ((uint64_t)1 << 42) /* plus the number of the batch */

#endif
