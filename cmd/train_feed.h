/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_FEED_H
#define AVL_CMD_TRAIN_FEED_H

#include <stdbool.h>

#include "train/dataset.h"
#include "train/sample.h"

/* Where avl-train's batches come from: files in shuffled order, or standard input once. What is
 * wrong with a record ends the command with a message that names it. */
struct feed {
	struct avl_dataset *dataset; /* NULL: standard input */
	struct avl_reader *reader;
	int64_t first, count; /* the records of the dataset that are used; count 0: unknown */
	int64_t known;        /* of them, with truth */
	uint32_t digest;      /* of all that is used of them */
	int batch;
	uint64_t seed;
	int64_t *order, epoch; /* the order of EPOCH, -1: of none */
	struct avl_record *record;
	struct avl_sample *sample; /* (batch): of the last batch */
	double rate_hz;            /* of all sounds; 0: of none yet */
	struct avl_sample_shape shape;
	bool ahead; /* standard input: the next batch has been read */
};

/* Records FIRST to FIRST + COUNT of DATASET (borrowed), or standard input where that is NULL. All
 * of a dataset are looked at: the first decides over rows and columns that are 0 in SHAPE, and
 * where picture and sound begin with what the record has. */
void feed_open(struct feed *feed, struct avl_dataset *dataset, int64_t first, int64_t count,
	       const struct avl_sample_shape *shape, double rate_hz);
/* Room for batches of N records. The first of standard input is read, to know its shape. */
void feed_prepare(struct feed *feed, int n, uint64_t seed);
void feed_close(struct feed *feed);

/* Whole batches of an epoch; what is left over has another chance in the next. */
int64_t feed_batches(const struct feed *feed);

/* The batch of step STEP (from 1), shuffled; of standard input the next one. False where that has
 * ended; feed->sample holds the batch. */
bool feed_step(struct feed *feed, int64_t step);
/* Makes feed->sample[0] a record, whichever. */
void feed_peek(struct feed *feed);
/* Batch I in the order of the file. */
void feed_look(struct feed *feed, int64_t i);

#endif
