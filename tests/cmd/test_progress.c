/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "child.h"
#include "cmd/cmd.h"

enum { QUIET = 1, PIPED = 2, VERBOSE = 4 };

static void work(void *flags)
{
	const int wanted = *(const int *)flags;
	int ends[2];
	avl_common.quiet = wanted & QUIET;
	avl_common.verbose = (wanted & VERBOSE) != 0;
	if (wanted & PIPED && !pipe(ends))
		dup2(ends[1], STDOUT_FILENO);
	avl_progress_start("frames", 8);
	usleep(150000);
	avl_progress(2);
	avl_progress(3); /* too soon after the last */
	avl_warn("look");
	avl_progress_end();
}

/* Runs work with a terminal as stderr; what it wrote there into TEXT. False without a terminal. */
static bool run_on_terminal(int flags, char *text, size_t size)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		return false;
	const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	cr_assert(slave >= 0);
	const pid_t pid = fork();
	if (!pid) {
		dup2(slave, STDOUT_FILENO); /* whatever the test's own is */
		dup2(slave, STDERR_FILENO);
		work(&flags);
		_exit(0);
	}
	size_t n = 0;
	waitpid(pid, NULL, 0);
	cr_assert_eq(write(slave, "\4", 1), 1); /* so that there is an end to read to */
	while (n < size - 1 && read(master, text + n, 1) == 1 && text[n] != 4)
		n++;
	text[n] = 0;
	close(slave);
	close(master);
	return true;
}

Test(progress, is_one_line_that_goes_away)
{
	char text[512];
	if (!run_on_terminal(0, text, sizeof text))
		cr_skip_test("no pseudo-terminal");
	cr_assert_eq(strncmp(text, "\ravl: 2/8 frames, 25%, ", 23), 0, "%s", text);
	cr_assert_not_null(strstr(text, " left\033[K"));
	cr_assert_null(strstr(text, "3/8"));
	static const char end[] = "\r\033[Kavl: look\r\n";
	cr_assert_str_eq(text + strlen(text) - strlen(end), end);
}

Test(progress, is_shown_by_the_last_of_a_pipeline)
{
	char text[512];
	if (!run_on_terminal(PIPED, text, sizeof text))
		cr_skip_test("no pseudo-terminal");
	cr_assert_str_eq(text, "avl: look\r\n");
	run_on_terminal(PIPED | VERBOSE, text, sizeof text);
	cr_assert_not_null(strstr(text, "2/8"));
	run_on_terminal(QUIET, text, sizeof text);
	cr_assert_str_eq(text, "");
}

Test(progress, needs_a_terminal)
{
	struct child child;
	int flags = 0;
	child_run(&child, work, &flags);
	cr_assert_str_eq(child.said, "avl: look\n");
}
