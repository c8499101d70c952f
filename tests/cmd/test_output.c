/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "child.h"
#include "cmd/cmd.h"

Test(output, appears_when_it_is_complete)
{
	struct avl_output output;
	directory_enter();
	file_write("x", "old");
	cr_assert_eq(chmod("x", 0640), 0);
	avl_output_open(&output, "x", false);
	avl_output_write(&output, "new text", 8);
	cr_assert_str_eq(file_text("x"), "old");
	cr_assert_eq(directory_count(), 2);
	avl_output_commit(&output);
	cr_assert_str_eq(file_text("x"), "new text");
	cr_assert_eq(directory_count(), 1);
	struct stat status;
	cr_assert_eq(stat("x", &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0640);
	directory_leave();
}

Test(output, new_files_follow_the_umask)
{
	struct avl_output output;
	struct stat status;
	directory_enter();
	umask(027);
	avl_output_open(&output, "x", false);
	avl_output_commit(&output);
	cr_assert_eq(stat("x", &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0640);
	cr_assert_eq(status.st_size, 0);
	directory_leave();
}

Test(output, abandoned_leaves_no_trace)
{
	struct avl_output output;
	directory_enter();
	file_write("x", "old");
	avl_output_open(&output, "x", false);
	avl_output_write(&output, "new", 3);
	avl_output_abandon(&output);
	avl_output_abandon(&output);
	cr_assert_str_eq(file_text("x"), "old");
	cr_assert_eq(directory_count(), 1);
	directory_leave();
}

Test(output, links_stay_links)
{
	struct avl_output output;
	struct stat status;
	directory_enter();
	file_write("target", "old");
	cr_assert_eq(symlink("target", "link"), 0);
	avl_output_open(&output, "link", false);
	avl_output_write(&output, "new", 3);
	avl_output_commit(&output);
	cr_assert_eq(lstat("link", &status), 0);
	cr_assert(S_ISLNK(status.st_mode));
	cr_assert_str_eq(file_text("target"), "new");
	directory_leave();
}

Test(output, long_names_fit)
{
	struct avl_output output;
	char name[256];
	directory_enter();
	memset(name, 'n', 255);
	name[255] = 0;
	avl_output_open(&output, name, false);
	avl_output_write(&output, "x", 1);
	avl_output_commit(&output);
	cr_assert_str_eq(file_text(name), "x");
	directory_leave();
}

Test(output, devices_are_written_to)
{
	struct avl_output output;
	struct stat status;
	avl_output_open(&output, "/dev/null", false);
	avl_output_write(&output, "x", 1);
	avl_output_commit(&output);
	cr_assert_eq(stat("/dev/null", &status), 0);
	cr_assert(S_ISCHR(status.st_mode));
}

Test(output, dash_is_stdout)
{
	struct avl_output output;
	avl_output_open(&output, "-", false);
	cr_assert_eq(output.fd, STDOUT_FILENO);
	avl_output_commit(&output);
	avl_output_open(&output, NULL, false);
	cr_assert_eq(output.fd, STDOUT_FILENO);
	avl_output_abandon(&output);
	cr_assert_neq(fcntl(STDOUT_FILENO, F_GETFD), -1);
}

Test(output, many_at_a_time)
{
	enum { FILES = 40 };
	struct avl_output output[FILES];
	char name[FILES][16];
	directory_enter();
	for (int i = 0; i < FILES; i++) {
		snprintf(name[i], sizeof name[i], "%d", i);
		avl_output_open(&output[i], name[i], false);
	}
	cr_assert_eq(directory_count(), FILES);
	for (int i = 0; i < FILES; i += 2) {
		avl_output_commit(&output[i]);
		avl_output_abandon(&output[i + 1]);
	}
	cr_assert_eq(directory_count(), FILES / 2);
	directory_leave();
}

static void open_and(void *ending)
{
	struct avl_output output;
	avl_output_open(&output, "x", false);
	avl_output_write(&output, "new", 3);
	if (ending)
		raise(*(int *)ending);
	avl_die(AVL_EXIT_FAILURE, "no more");
}

Test(output, temporary_goes_whatever_ends_the_process)
{
	static int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
	struct child child;
	directory_enter();
	file_write("x", "old");
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		child_run(&child, open_and, &endings[i]);
		cr_expect_eq(child.status, -endings[i], "signal %d: %d", endings[i], child.status);
		cr_expect_eq(directory_count(), 1, "signal %d", endings[i]);
	}
	child_run(&child, open_and, NULL);
	cr_expect_eq(child.status, AVL_EXIT_FAILURE);
	cr_expect_eq(directory_count(), 1);
	cr_expect_str_eq(file_text("x"), "old");
	directory_leave();
}

static void open_write_commit(void *path)
{
	struct avl_output output;
	avl_output_open(&output, path, false);
	avl_output_write(&output, "new", 3);
	avl_output_commit(&output);
}

Test(output, failures_are_named)
{
	static const struct {
		char path[16], said[64];
	} cases[] = {
	    {"no/x", "avl: 'no/x': No such file or directory\n"},
	    {"", "avl: '': No such file or directory\n"},
	    {".", "avl: '.': Is a directory\n"},
	    {"/dev/full", "avl: '/dev/full': No space left on device\n"},
	};
	directory_enter();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child child;
		char path[16];
		strcpy(path, cases[i].path);
		child_run(&child, open_write_commit, path);
		cr_expect_str_eq(child.said, cases[i].said, "got %s", child.said);
		cr_expect_eq(child.status, AVL_EXIT_FAILURE);
	}
	cr_expect_eq(directory_count(), 0);
	directory_leave();
}

static void write_to_terminal(void *force)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		_exit(77);
	const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		_exit(77);
	dup2(slave, STDOUT_FILENO);
	struct avl_output output;
	avl_output_open(&output, NULL, force != NULL);
	_exit(0);
}

Test(output, terminals_are_spared)
{
	struct child child;
	child_run(&child, write_to_terminal, NULL);
	if (child.status == 77)
		cr_skip_test("no pseudo-terminal");
	cr_assert_eq(child.status, AVL_EXIT_USAGE);
	cr_assert_str_eq(child.said,
			 "avl: will not write binary data to a terminal (try 'avl --help')\n");
	child_run(&child, write_to_terminal, &child);
	cr_assert_eq(child.status, 0);
}
