/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/shared.h"

struct avl_input {
	char *const *files;
	int nfiles, next; /* the operand that is opened next */
	int fd;
	const char *name;
	struct avl_reader *reader; /* NULL between operands */
	bool damaged;              /* one of them was */
};

static char stdin_operand[] = "-";
static char *const only_stdin[] = {stdin_operand};

struct avl_input *avl_input_open(char **files, int nfiles)
{
	struct avl_input *const input = calloc(1, sizeof *input);
	if (!input)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	input->files = nfiles ? files : only_stdin;
	input->nfiles = nfiles ? nfiles : 1;
	input->name = "stdin";
	for (int i = 0; i < input->nfiles; i++)
		if (!strcmp(input->files[i], "-") && isatty(STDIN_FILENO))
			avl_usage("no input: name a file, or pipe records in");
	return input;
}

static void close_operand(struct avl_input *input)
{
	avl_reader_close(input->reader);
	input->reader = NULL;
	if (input->fd != STDIN_FILENO)
		close(input->fd);
}

static int open_operand(struct avl_input *input, const char *file, struct avl_err *err)
{
	const bool is_stdin = !strcmp(file, "-");
	input->name = is_stdin ? "stdin" : file;
	input->fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0)
		return avl_fail_errno(err, "'%s'", file);
	if (!avl_reader_open(&input->reader, input->fd, input->name, 0, err))
		return 0;
	input->reader = NULL;
	close_operand(input);
	return err->code;
}

int avl_input_try(struct avl_input *input, struct avl_record *record, struct avl_err *err)
{
	for (;;) {
		if (!input->reader) {
			if (input->next == input->nfiles)
				return 0;
			if (open_operand(input, input->files[input->next++], err))
				return err->code;
		}
		const int got = avl_reader_next(input->reader, record, err);
		if (got > 0)
			return 1;
		close_operand(input);
		if (got < 0) {
			input->damaged = true;
			return got;
		}
	}
}

int avl_input_next(struct avl_input *input, struct avl_record *record)
{
	for (;;) {
		struct avl_err err = {0};
		const int got = avl_input_try(input, record, &err);
		if (got >= 0)
			return got;
		avl_error("%s", err.text);
	}
}

const char *avl_input_name(const struct avl_input *input)
{
	return input->name;
}

const struct avl_json *avl_input_header(const struct avl_input *input)
{
	return input->reader ? avl_reader_header(input->reader) : NULL;
}

bool avl_input_damaged(const struct avl_input *input)
{
	return input->damaged;
}

void avl_input_close(struct avl_input *input)
{
	if (!input)
		return;
	if (input->reader)
		close_operand(input);
	free(input);
}
