/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/err.h"

Test(err, fail_formats_and_returns_the_code)
{
	struct avl_err err = {0};
	cr_assert_eq(avl_fail(&err, AVL_ESHAPE, "conv%d: %s", 1, "no"), AVL_ESHAPE);
	cr_assert_eq(err.code, AVL_ESHAPE);
	cr_assert_str_eq(err.text, "conv1: no");
}

Test(err, nowhere_to_write_is_allowed)
{
	cr_assert_eq(avl_fail(NULL, AVL_ELIMIT, "x"), AVL_ELIMIT);
	errno = ENOENT;
	cr_assert_eq(avl_fail_errno(NULL, "x"), AVL_EIO);
}

Test(err, errno_is_spelled_out)
{
	struct avl_err err = {0};
	errno = ENOENT;
	cr_assert_eq(avl_fail_errno(&err, "'%s'", "a.tar"), AVL_EIO);
	cr_assert_str_eq(err.text, "'a.tar': No such file or directory");
}

Test(err, prefix_goes_before)
{
	struct avl_err err = {0};
	avl_fail(&err, AVL_EFORMAT, "cut off");
	cr_assert_eq(avl_fail_prefix(&err, "'a.tar'"), AVL_EFORMAT);
	cr_assert_str_eq(err.text, "'a.tar': cut off");
}

Test(err, long_text_is_cut_and_ended)
{
	struct avl_err err;
	char text[2000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	errno = EIO;
	avl_fail(&err, AVL_EIO, "%s", text);
	cr_assert_eq(strlen(err.text), sizeof err.text - 1);
	avl_fail_errno(&err, "%s", text);
	cr_assert_eq(strlen(err.text), sizeof err.text - 1);
	avl_fail_prefix(&err, text);
	cr_assert_leq(strlen(err.text), sizeof err.text - 1);
	for (size_t n = sizeof err.text - 8; n <= sizeof err.text; n++) {
		avl_fail_errno(&err, "%.*s", (int)n, text);
		cr_assert_lt(strlen(err.text), sizeof err.text);
		avl_fail_prefix(&err, "what");
		cr_assert_lt(strlen(err.text), sizeof err.text);
		cr_assert_eq(strncmp(err.text, "what: xxx", 9), 0);
	}
}
