/* SPDX-License-Identifier: MIT */
#include "cmd/filter.h"

static int next(const struct avl_filter *filter, struct avl_input *input, struct avl_record *record)
{
	if (filter->read)
		avl_stage_begin(filter->read);
	const int more = avl_input_next(input, record);
	if (filter->read && more)
		avl_stage_end(filter->read);
	return more;
}

static void pass_on(const struct avl_filter *filter, struct avl_writer *writer,
		    const struct avl_record *record)
{
	if (filter->write)
		avl_stage_begin(filter->write);
	avl_output_record(writer, record);
	if (filter->write)
		avl_stage_end(filter->write);
}

void avl_filter_run(const struct avl_filter *filter, char **files, int nfiles)
{
	struct avl_err err;
	struct avl_output output;
	struct avl_record record;
	struct avl_writer *writer;
	struct avl_input *const input = avl_input_open(files, nfiles);
	avl_output_open(&output, avl_common.output, avl_common.force);
	if (avl_writer_open(&writer, output.fd, output.path, filter->producer, filter->settings,
			    avl_common.gzip ? AVL_WRITER_GZIP : 0, &err))
		avl_die_err(&err);
	avl_record_init(&record, 0);
	avl_progress_start("records", 0);
	for (double done = 1; next(filter, input, &record); done++) {
		if (filter->each(filter->arg, avl_input_name(input), &record))
			pass_on(filter, writer, &record);
		avl_progress(done);
	}
	avl_progress_end();
	avl_record_release(&record);
	if (avl_input_damaged(input))
		avl_writer_abandon(writer);
	else if (avl_writer_close(writer, &err))
		avl_die_err(&err);
	avl_input_close(input);
	avl_output_commit(&output);
}
