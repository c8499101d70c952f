/* SPDX-License-Identifier: MIT */
#include "cmd/filter.h"

#include <pthread.h>

#include "base/belt.h"

/* Records on the belt: one that is read, one that is worked on, one that is written, and one to
 * spare where they take turns at being slow. */
enum { SLOTS = 4 };

enum { READING, WORKING, WRITING, STAGES };

struct item {
	struct avl_record record;
	const char *stream;
	int got; /* of avl_input_try; negative: ERR says why there is no record */
	struct avl_err err;
	bool kept; /* it is to be written */
};

struct line {
	const struct avl_filter *filter;
	struct avl_input *input;
	struct avl_output output;
	struct avl_writer *writer;
	struct avl_belt *belt;
	struct item item[SLOTS];
	struct avl_err failure; /* .code is not 0: nothing more can be written */
	pthread_t reader_thread, writer_thread;
};

static void begin(struct avl_stage *stage)
{
	if (stage)
		avl_stage_begin(stage);
}

static void end(struct avl_stage *stage)
{
	if (stage)
		avl_stage_end(stage);
}

static void *read_all(void *arg)
{
	struct line *const line = arg;
	for (int slot; (slot = avl_belt_take(line->belt, READING)) >= 0;) {
		struct item *const item = &line->item[slot];
		begin(line->filter->read);
		item->got = avl_input_try(line->input, &item->record, &item->err);
		item->stream = avl_input_name(line->input);
		if (item->got > 0)
			end(line->filter->read);
		if (!item->got) {
			avl_belt_end(line->belt);
			return NULL;
		}
		avl_belt_pass(line->belt, READING, slot);
	}
	return NULL;
}

/* A record that the stream cannot take is left out; where writing itself fails the line stops. */
static void *write_all(void *arg)
{
	struct line *const line = arg;
	for (int slot; (slot = avl_belt_take(line->belt, WRITING)) >= 0;) {
		struct item *const item = &line->item[slot];
		struct avl_err err;
		begin(line->filter->write);
		const int rc =
		    item->kept ? avl_writer_record(line->writer, &item->record, &err) : 0;
		if (item->kept)
			end(line->filter->write);
		if (rc == AVL_EUSAGE) {
			avl_error("%s: left out", err.text);
		} else if (rc) {
			line->failure = err;
			avl_belt_stop(line->belt);
			return NULL;
		}
		avl_belt_pass(line->belt, WRITING, slot);
	}
	return NULL;
}

/* Messages about records and about what they came from keep the order of the records. */
static void work_on_all(struct line *line)
{
	const struct avl_filter *const filter = line->filter;
	double done = 0;
	for (int slot; (slot = avl_belt_take(line->belt, WORKING)) >= 0;) {
		struct item *const item = &line->item[slot];
		item->kept =
		    item->got > 0 && filter->each(filter->arg, item->stream, &item->record);
		if (item->got < 0)
			avl_error("%s", item->err.text);
		else
			avl_progress(++done);
		avl_belt_pass(line->belt, WORKING, slot);
	}
}

static void open_line(struct line *line)
{
	struct avl_err err;
	avl_output_open(&line->output, avl_common.output, avl_common.force);
	if (avl_writer_open(&line->writer, line->output.fd, line->output.path,
			    line->filter->producer, line->filter->settings,
			    avl_common.gzip ? AVL_WRITER_GZIP : 0, &err) ||
	    avl_belt_new(&line->belt, SLOTS, STAGES, &err))
		avl_die_err(&err);
	for (int i = 0; i < SLOTS; i++)
		avl_record_init(&line->item[i].record, 0);
	if (pthread_create(&line->reader_thread, NULL, read_all, line) ||
	    pthread_create(&line->writer_thread, NULL, write_all, line))
		avl_die(AVL_EXIT_FAILURE, "cannot start threads");
}

static void close_line(struct line *line)
{
	struct avl_err err;
	pthread_join(line->writer_thread, NULL);
	/* the reader may wait for input that is long in coming */
	if (line->failure.code)
		avl_die_err(&line->failure);
	pthread_join(line->reader_thread, NULL);
	for (int i = 0; i < SLOTS; i++)
		avl_record_release(&line->item[i].record);
	avl_belt_free(line->belt);
	if (avl_input_damaged(line->input))
		avl_writer_abandon(line->writer);
	else if (avl_writer_close(line->writer, &err))
		avl_die_err(&err);
	avl_input_close(line->input);
	avl_output_commit(&line->output);
}

void avl_filter_run(const struct avl_filter *filter, char **files, int nfiles)
{
	struct line line = {.filter = filter, .input = avl_input_open(files, nfiles)};
	open_line(&line);
	avl_progress_start("records", 0);
	work_on_all(&line);
	avl_progress_end();
	close_line(&line);
}
