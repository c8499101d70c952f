/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "child.h"
#include "cmd/cmd.h"

static void warn_then_finish(void *arg)
{
	avl_common.quiet = arg != NULL;
	avl_warn("%d is odd", 3);
	_exit(avl_finish());
}

static void error_then_finish(void *arg)
{
	(void)arg;
	avl_common.quiet = true;
	avl_error("'%s': bad", "a\nb\033[1mc");
	_exit(avl_finish());
}

static void die(void *arg)
{
	(void)arg;
	const struct avl_err err = {AVL_EIO, "'x.tar': cut off"};
	avl_die_err(&err);
}

static void print_to_full(void *arg)
{
	(void)arg;
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
	printf("hello\n");
	_exit(avl_finish());
}

Test(message, warnings_can_be_silenced)
{
	struct child child;
	child_run(&child, warn_then_finish, NULL);
	cr_assert_str_eq(child.said, "avl: 3 is odd\n");
	cr_assert_eq(child.status, AVL_EXIT_OK);
	child_run(&child, warn_then_finish, &child);
	cr_assert_str_eq(child.said, "");
	cr_assert_eq(child.status, AVL_EXIT_OK);
}

Test(message, errors_count_and_stay_on_their_line)
{
	struct child child;
	child_run(&child, error_then_finish, NULL);
	cr_assert_str_eq(child.said, "avl: 'a?b?[1mc': bad\n");
	cr_assert_eq(child.status, AVL_EXIT_FAILURE);
}

Test(message, dying_says_why)
{
	struct child child;
	child_run(&child, die, NULL);
	cr_assert_str_eq(child.said, "avl: 'x.tar': cut off\n");
	cr_assert_eq(child.status, AVL_EXIT_FAILURE);
}

Test(message, stdout_that_is_full_is_noticed)
{
	struct child child;
	child_run(&child, print_to_full, NULL);
	cr_assert_str_eq(child.said, "avl: stdout: No space left on device\n");
	cr_assert_eq(child.status, AVL_EXIT_FAILURE);
}
