/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_TSAN_CRITERION_H
#define AVL_TESTS_TSAN_CRITERION_H

/* A stand-in for Criterion in the tsan flavour: Criterion maps its memory at addresses that
 * ThreadSanitizer has reserved, and seldom gets as far as the first test. It has what our tests
 * use, runs the tests one after the other, and writes the same TAP lines. */
#pragma GCC system_header /* macros without variable arguments are not C11, and work */

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tsan_test {
	const char *suite, *name;
	void (*run)(void);
	struct tsan_test *next;
};

void tsan_register(struct tsan_test *test);
void tsan_check(bool good, bool fatal, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
_Noreturn void tsan_skip(const char *why);

#define Test(suite_, name_, ...)                                                                   \
	static void suite_##_##name_##_impl(void);                                                 \
	__attribute__((constructor)) static void suite_##_##name_##_register(void)                 \
	{                                                                                          \
		static struct tsan_test test = {#suite_, #name_, suite_##_##name_##_impl, NULL};   \
		tsan_register(&test);                                                              \
	}                                                                                          \
	static void suite_##_##name_##_impl(void)

#define TSAN_CHECK(good, fatal, ...)                                                               \
	tsan_check(good, fatal, __FILE__, __LINE__, " " __VA_ARGS__)

#define cr_skip_test(why)                 tsan_skip(why)
#define cr_assert_fail(...)               TSAN_CHECK(false, true, __VA_ARGS__)
#define cr_assert(a, ...)                 TSAN_CHECK(!!(a), true, __VA_ARGS__)
#define cr_assert_not(a, ...)             TSAN_CHECK(!(a), true, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)           TSAN_CHECK((a) == (b), true, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)          TSAN_CHECK((a) != (b), true, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)           TSAN_CHECK((a) < (b), true, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)          TSAN_CHECK((a) <= (b), true, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)           TSAN_CHECK((a) > (b), true, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)          TSAN_CHECK((a) >= (b), true, __VA_ARGS__)
#define cr_assert_null(a, ...)            TSAN_CHECK((a) == NULL, true, __VA_ARGS__)
#define cr_assert_not_null(a, ...)        TSAN_CHECK((a) != NULL, true, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)       TSAN_CHECK(!strcmp(a, b), true, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)      TSAN_CHECK(!!strcmp(a, b), true, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...)    TSAN_CHECK(!memcmp(a, b, n), true, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...)  TSAN_CHECK(fabs((a) - (b)) <= (e), true, __VA_ARGS__)
#define cr_expect_fail(...)               TSAN_CHECK(false, false, __VA_ARGS__)
#define cr_expect(a, ...)                 TSAN_CHECK(!!(a), false, __VA_ARGS__)
#define cr_expect_not(a, ...)             TSAN_CHECK(!(a), false, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)           TSAN_CHECK((a) == (b), false, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)          TSAN_CHECK((a) != (b), false, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)           TSAN_CHECK((a) < (b), false, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)          TSAN_CHECK((a) <= (b), false, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)           TSAN_CHECK((a) > (b), false, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)          TSAN_CHECK((a) >= (b), false, __VA_ARGS__)
#define cr_expect_null(a, ...)            TSAN_CHECK((a) == NULL, false, __VA_ARGS__)
#define cr_expect_not_null(a, ...)        TSAN_CHECK((a) != NULL, false, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)       TSAN_CHECK(!strcmp(a, b), false, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)      TSAN_CHECK(!!strcmp(a, b), false, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...)    TSAN_CHECK(!memcmp(a, b, n), false, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...)  TSAN_CHECK(fabs((a) - (b)) <= (e), false, __VA_ARGS__)

#endif
