/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/train_feed.h"
#include "io/record.h"

static void *claim(size_t count, size_t size)
{
	void *const memory = calloc(count ? count : 1, size);
	if (!memory)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	return memory;
}

static _Noreturn void die_at(const char *file, const struct avl_record *record,
			     const struct avl_err *err)
{
	avl_die(AVL_EXIT_FAILURE, "'%s': record '%s'%s%s", file, record->key,
		err->code == AVL_ENONE ? " " : ": ", err->text);
}

/* A record as a sample that goes with those before it. */
static void take(struct feed *feed, const char *file, const struct avl_record *record,
		 struct avl_sample *sample)
{
	struct avl_err err;
	if (avl_sample_find(sample, record, &feed->shape, &err))
		die_at(file, record, &err);
	feed->shape.picture = sample->v ? AVL_ORIGIN_FEATURES : AVL_ORIGIN_RAW;
	feed->shape.sound = sample->fs ? AVL_ORIGIN_FEATURES : AVL_ORIGIN_RAW;
	if (!feed->shape.rows && sample->v) {
		const struct avl_tensor *const v = &avl_record_find(record, "v.npy")->tensor;
		feed->shape.rows = (int)v->dim[1];
		feed->shape.cols = (int)v->dim[2];
	}
	if (feed->rate_hz != 0 && sample->rate_hz != feed->rate_hz)
		avl_die(AVL_EXIT_FAILURE,
			"'%s': record '%s' has sound of %.10g Hz, those before it of %.10g Hz",
			file, record->key, sample->rate_hz, feed->rate_hz);
	feed->rate_hz = sample->rate_hz;
}

static void check(const char *file, const struct avl_record *record,
		  const struct avl_sample *sample)
{
	struct avl_err err;
	if (avl_sample_check(sample, record, &err))
		die_at(file, record, &err);
}

static void read_record(struct feed *feed, int64_t i, struct avl_record *record,
			struct avl_sample *sample)
{
	struct avl_err err;
	if (avl_dataset_read(feed->dataset, i, record, &err))
		avl_die_err(&err);
	take(feed, avl_dataset_name(feed->dataset, i), record, sample);
}

/* Every record is looked at before anything is learnt: what is wrong is said at once, and not
 * after hours. */
static void survey(struct feed *feed)
{
	struct avl_record record;
	struct avl_sample sample;
	avl_record_init(&record, 0);
	for (int64_t i = 0; i < feed->count; i++) {
		read_record(feed, feed->first + i, &record, &sample);
		check(avl_dataset_name(feed->dataset, feed->first + i), &record, &sample);
		feed->known += sample.truth.annotators > 0;
		for (int m = 0; m < record.nmembers; m++)
			feed->digest = avl_crc32(feed->digest, &record.member[m].crc32,
						 sizeof record.member[m].crc32);
	}
	avl_record_release(&record);
}

void feed_open(struct feed *feed, struct avl_dataset *dataset, int64_t first, int64_t count,
	       const struct avl_sample_shape *shape, double rate_hz)
{
	struct avl_err err;
	*feed = (struct feed){
	    .dataset = dataset,
	    .first = first,
	    .count = count,
	    .epoch = -1,
	    .rate_hz = rate_hz,
	    .shape = *shape,
	};
	if (dataset)
		survey(feed);
	else if (isatty(STDIN_FILENO))
		avl_usage("no input: name files, or pipe records in");
	else if (avl_reader_open(&feed->reader, STDIN_FILENO, "stdin", 0, &err))
		avl_die_err(&err);
}

static bool read_stream(struct feed *feed)
{
	struct avl_err err;
	for (int i = 0; i < feed->batch; i++) {
		const int found = avl_reader_next(feed->reader, &feed->record[i], &err);
		if (found < 0)
			avl_die_err(&err);
		if (!found)
			return false;
		take(feed, "stdin", &feed->record[i], &feed->sample[i]);
		check("stdin", &feed->record[i], &feed->sample[i]);
		feed->known += feed->sample[i].truth.annotators > 0;
		feed->count++;
	}
	return true;
}

void feed_prepare(struct feed *feed, int n, uint64_t seed)
{
	feed->batch = n;
	feed->seed = seed;
	feed->order = claim((size_t)feed->count, sizeof *feed->order);
	feed->record = claim((size_t)n, sizeof *feed->record);
	feed->sample = claim((size_t)n, sizeof *feed->sample);
	for (int i = 0; i < n; i++)
		avl_record_init(&feed->record[i], 0);
	if (feed->dataset)
		return;
	feed->ahead = read_stream(feed);
	if (!feed->ahead)
		avl_die(AVL_EXIT_FAILURE, "'stdin': --batch %d is larger than the data: %d records",
			n, (int)feed->count);
}

void feed_close(struct feed *feed)
{
	for (int i = 0; i < feed->batch; i++)
		avl_record_release(&feed->record[i]);
	avl_reader_close(feed->reader);
	free(feed->order);
	free(feed->record);
	free(feed->sample);
}

int64_t feed_batches(const struct feed *feed)
{
	return feed->count / feed->batch;
}

bool feed_step(struct feed *feed, int64_t step)
{
	if (feed->ahead) {
		feed->ahead = false;
		return true;
	}
	if (!feed->dataset)
		return read_stream(feed);
	const int64_t epoch = (step - 1) / feed_batches(feed);
	const int64_t at = (step - 1) % feed_batches(feed) * feed->batch;
	if (epoch != feed->epoch)
		avl_shuffle(feed->seed, epoch, feed->count, feed->order);
	feed->epoch = epoch;
	for (int i = 0; i < feed->batch; i++)
		read_record(feed, feed->first + feed->order[at + i], &feed->record[i],
			    &feed->sample[i]);
	return true;
}

void feed_peek(struct feed *feed)
{
	if (feed->dataset)
		read_record(feed, feed->first, &feed->record[0], &feed->sample[0]);
}

void feed_look(struct feed *feed, int64_t i)
{
	for (int k = 0; k < feed->batch; k++)
		read_record(feed, feed->first + i * feed->batch + k, &feed->record[k],
			    &feed->sample[k]);
}
