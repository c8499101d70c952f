/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "child.h"
#include "cmd/cmd.h"

/* A stream of N records whose keys start with LETTER; cut short by CUT bytes. */
static void make_stream(const char *path, char letter, int n, off_t cut)
{
	struct avl_err err = {0};
	struct avl_writer *writer;
	struct avl_record record;
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	cr_assert(fd >= 0);
	cr_assert_eq(avl_writer_open(&writer, fd, path, "avl-try", NULL, 0, &err), 0, "%s",
		     err.text);
	avl_record_init(&record, 0);
	for (int i = 0; i < n; i++) {
		float value = (float)i;
		const struct avl_tensor tensor = {AVL_F4, 1, {1}, &value};
		avl_record_reset(&record);
		snprintf(record.key, sizeof record.key, "%c_%d", letter, i);
		cr_assert_eq(avl_record_put(&record, "x.npy", &tensor, &err), 0);
		cr_assert_eq(avl_writer_record(writer, &record, &err), 0, "%s", err.text);
	}
	avl_record_release(&record);
	cr_assert_eq(avl_writer_close(writer, &err), 0, "%s", err.text);
	if (cut)
		cr_assert_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - cut), 0);
	close(fd);
}

struct operands {
	int n;
	char name[4][16];
};

/* Prints the keys and where they came from. */
static void list(void *arg)
{
	struct operands *const operands = arg;
	char *files[4];
	struct avl_record record;
	for (int i = 0; i < operands->n; i++)
		files[i] = operands->name[i];
	struct avl_input *const input = avl_input_open(files, operands->n);
	avl_record_init(&record, 0);
	while (avl_input_next(input, &record))
		printf("%s:%s:%d ", avl_input_name(input), record.key,
		       avl_input_header(input) != NULL);
	avl_record_release(&record);
	avl_input_close(input);
	exit(avl_finish());
}

Test(input, records_of_all_operands_follow_each_other)
{
	struct child child;
	struct operands operands = {2, {"a", "b"}};
	directory_enter();
	make_stream("a", 'a', 2, 0);
	make_stream("b", 'b', 1, 0);
	child_run(&child, list, &operands);
	cr_assert_str_eq(child.wrote, "a:a_0:1 a:a_1:1 b:b_0:1 ");
	cr_assert_str_eq(child.said, "");
	cr_assert_eq(child.status, AVL_EXIT_OK);
	directory_leave();
}

Test(input, bad_operands_are_named_and_passed_by)
{
	struct child child;
	struct operands operands = {4, {"none", "cut", ".", "b"}};
	directory_enter();
	make_stream("cut", 'a', 2, 600);
	make_stream("b", 'b', 1, 0);
	child_run(&child, list, &operands);
	cr_assert_str_eq(child.wrote, "cut:a_0:1 cut:a_1:1 b:b_0:1 ");
	cr_assert_eq(child.status, AVL_EXIT_FAILURE);
	const char *line = child.said;
	static const char wanted[3][16] = {"avl: 'none': ", "avl: 'cut': ", "avl: '.': "};
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(strncmp(line, wanted[i], strlen(wanted[i])), 0, "%s", child.said);
		line = strchr(line, '\n') + 1;
	}
	cr_assert_str_eq(line, "");
	directory_leave();
}

static void list_stdin(void *arg)
{
	dup2(open("a", O_RDONLY), STDIN_FILENO);
	list(arg);
}

Test(input, stdin_is_a_dash_or_nothing)
{
	struct child child;
	struct operands operands = {0, {""}};
	directory_enter();
	make_stream("a", 'a', 1, 0);
	child_run(&child, list_stdin, &operands);
	cr_assert_str_eq(child.wrote, "stdin:a_0:1 ");
	operands = (struct operands){1, {"-"}};
	child_run(&child, list_stdin, &operands);
	cr_assert_str_eq(child.wrote, "stdin:a_0:1 ");
	cr_assert_eq(child.status, AVL_EXIT_OK);
	directory_leave();
}
