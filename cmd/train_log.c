/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/train_log.h"

struct train_log {
	const char *path;
	FILE *file;
};

static const char header[] = "step\tepoch\tloss\tunsup\tsup\tright\tpointing\tgrad_norm\trate\t"
			     "valid_loss\tvalid_right\tvalid_pointing\n";

static _Noreturn void die_at(const char *path)
{
	avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, strerror(errno));
}

static void put(const struct avl_output *output, const char *text)
{
	avl_output_write(output, text, strlen(text));
}

/* Copies what is to stay into a new file that takes the old one's place. */
static void keep_rows(const char *path, int64_t step)
{
	struct avl_output output;
	FILE *const old = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	if (!old && errno != ENOENT)
		die_at(path);
	avl_output_open(&output, path, true);
	put(&output, header);
	for (bool first = true; old && getline(&line, &room, old) > 0; first = false) {
		char *end;
		const int64_t row = strtoll(line, &end, 10);
		if (first && strcmp(line, header))
			avl_die(AVL_EXIT_FAILURE, "'%s': is not a table of avl-train", path);
		if (!first && *end == '\t' && row <= step && strchr(line, '\n'))
			put(&output, line);
	}
	free(line);
	if (old)
		fclose(old);
	avl_output_commit(&output);
}

struct train_log *train_log_open(const char *path, bool resumed, int64_t step)
{
	if (!path)
		return NULL;
	struct train_log *const log = malloc(sizeof *log);
	if (!log)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (resumed)
		keep_rows(path, step);
	log->path = path;
	log->file = fopen(path, resumed ? "a" : "w");
	if (!log->file)
		die_at(path);
	setvbuf(log->file, NULL, _IOLBF, BUFSIZ);
	if (!resumed && fputs(header, log->file) == EOF)
		die_at(path);
	return log;
}

static void cell(FILE *file, double value)
{
	if (isnan(value))
		fputs("\t-", file);
	else
		fprintf(file, "\t%.6g", value);
}

void train_log_row(struct train_log *log, int64_t step, double epoch,
		   const struct avl_result *result, double rate, const struct avl_result *valid)
{
	if (!log)
		return;
	fprintf(log->file, "%" PRId64, step);
	const double value[] = {
	    epoch,
	    result->loss,
	    result->unsup,
	    result->sup,
	    result->right,
	    result->pointing,
	    result->grad_norm,
	    rate,
	    valid ? valid->loss : NAN,
	    valid ? valid->right : NAN,
	    valid ? valid->pointing : NAN,
	};
	for (size_t i = 0; i < sizeof value / sizeof value[0]; i++)
		cell(log->file, value[i]);
	if (fputc('\n', log->file) == EOF || ferror(log->file))
		die_at(log->path);
}

void train_log_close(struct train_log *log)
{
	if (log && fclose(log->file))
		die_at(log->path);
	free(log);
}
