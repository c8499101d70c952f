/* SPDX-License-Identifier: MIT */
#include "media/list.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_text(struct avl_list *list, const char *text, struct avl_err *err)
{
	char name[] = "/tmp/avl-test-XXXXXX";
	const int fd = mkstemp(name);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	const int rc = avl_list_read(list, name, err);
	unlink(name);
	return rc;
}

Test(list, has_a_row_a_line)
{
	struct avl_list list;
	struct avl_err err;
	cr_assert_eq(read_text(&list,
			       "# key\tpicture\tsound\ttime\n\na\tx.mp4\t-\t1.5\r\nb\t-\ty.wav\n"
			       "c\tz.jpg\ty.wav\t-\nd\tw.mp4",
			       &err),
		     0, "%s", err.text);
	cr_assert_eq(list.n, 4);
	cr_assert_str_eq(list.row[0].key, "a");
	cr_assert_str_eq(list.row[0].picture, "x.mp4");
	cr_assert_null(list.row[0].sound);
	cr_assert_eq(list.row[0].time_s, 1.5);
	cr_assert_null(list.row[1].picture);
	cr_assert_str_eq(list.row[1].sound, "y.wav");
	cr_assert(list.row[1].time_s < 0 && list.row[2].time_s < 0 && list.row[3].time_s < 0);
	cr_assert_str_eq(list.row[3].picture, "w.mp4");
	avl_list_release(&list);
}

Test(list, names_the_line_that_is_wrong)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"a\tx\n\t\ty\n", "line 2: no key"},
	    {"-\tx\n", "line 1: no key"},
	    {"a\n", "line 1: neither"},
	    {"a\t-\t-\t1\n", "line 1: neither"},
	    {"a\tx\t-\t-1\n", "line 1: '-1' is no time"},
	    {"a\tx\t-\tnan\n", "line 1: 'nan' is no time"},
	    {"a\tx\t-\t1s\n", "line 1: '1s' is no time"},
	    {"a\tx\ty\t1\tz\n", "line 1: more than 4"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct avl_list list;
		struct avl_err err;
		cr_assert_eq(read_text(&list, rows[i].text, &err), 0, "row %zu", i);
		const char *const wrong = list.row[list.n - 1].wrong;
		cr_assert_not_null(wrong, "row %zu", i);
		cr_expect_not_null(strstr(wrong, rows[i].says), "row %zu: %s", i, wrong);
		avl_list_release(&list);
	}
}

Test(list, keeps_the_rows_round_one_that_is_wrong)
{
	struct avl_list list;
	struct avl_err err;
	cr_assert_eq(read_text(&list, "a\tx\n\ty\nb\tz\n", &err), 0);
	cr_assert_eq(list.n, 3);
	cr_expect(!list.row[0].wrong && list.row[1].wrong && !list.row[2].wrong);
	cr_expect_str_eq(list.row[2].key, "b");
	avl_list_release(&list);
}
