/* SPDX-License-Identifier: MIT */
/* Each test does what one sanitizer is there to find, and must fail under it: where it passes, that
 * sanitizer's run proves nothing. */
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include <criterion/criterion.h>

static void *volatile lost;

Test(canary, asan_leak)
{
	for (int i = 1; i < 100; i++) /* so that no stale register keeps them all */
		lost = malloc((size_t)i);
	lost = NULL;
}

Test(canary, asan_overflow)
{
	volatile char *const block = malloc(10);
	volatile int behind = 10;
	cr_assert_not_null(block);
	block[behind] = 1;
	free((void *)(uintptr_t)block);
}

Test(canary, ubsan_overflow)
{
	volatile int large = INT_MAX;
	large = large + 1;
}

Test(canary, ubsan_shift)
{
	volatile int places = 40;
	volatile int shifted = 1 << places;
	(void)shifted;
}

static int shared;

static void *count_up(void *arg)
{
	for (int i = 0; i < 1000; i++)
		shared++;
	return arg;
}

Test(canary, tsan_race)
{
	pthread_t one, two;
	cr_assert_eq(pthread_create(&one, NULL, count_up, NULL), 0);
	cr_assert_eq(pthread_create(&two, NULL, count_up, NULL), 0);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}
