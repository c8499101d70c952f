/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/belt.h"

enum { SLOTS_MAX = 5, WORKERS_MAX = 4, THINGS = 2000 };

struct line {
	struct avl_belt *belt;
	int things, workers;
	long slot[SLOTS_MAX]; /* what the slots hold: not atomic, the belt must order all access */
	int out_of_order;
};

static void *put(void *arg)
{
	struct line *const line = arg;
	for (long n = 0;; n++) {
		const int slot = avl_belt_take(line->belt, 0);
		if (slot < 0)
			return NULL;
		if (n == line->things) {
			avl_belt_end(line->belt);
			return NULL;
		}
		line->slot[slot] = n;
		avl_belt_pass(line->belt, 0, slot);
	}
}

static void *square(void *arg)
{
	struct line *const line = arg;
	for (int slot; (slot = avl_belt_take(line->belt, 1)) >= 0;) {
		line->slot[slot] *= line->slot[slot];
		avl_belt_pass(line->belt, 1, slot);
	}
	return NULL;
}

/* Takes at most MOST things. */
static long collect(struct line *line, long most)
{
	long n = 0;
	for (int slot; n < most && (slot = avl_belt_take(line->belt, 2)) >= 0; n++) {
		line->out_of_order += line->slot[slot] != n * n;
		avl_belt_pass(line->belt, 2, slot);
	}
	return n;
}

static long run(int slots, int workers, int things, long most)
{
	struct line line = {.things = things, .workers = workers};
	pthread_t putter, worker[WORKERS_MAX];
	cr_assert_eq(avl_belt_new(&line.belt, slots, 3, NULL), 0);
	cr_assert_eq(pthread_create(&putter, NULL, put, &line), 0);
	for (int i = 0; i < workers; i++)
		cr_assert_eq(pthread_create(&worker[i], NULL, square, &line), 0);
	const long n = collect(&line, most);
	if (n == most)
		avl_belt_stop(line.belt);
	pthread_join(putter, NULL);
	for (int i = 0; i < workers; i++)
		pthread_join(worker[i], NULL);
	cr_expect_eq(avl_belt_take(line.belt, 2), -1);
	cr_expect_eq(line.out_of_order, 0, "%d slots, %d workers", slots, workers);
	avl_belt_free(line.belt);
	return n;
}

Test(belt, everything_passes_all_stages_in_order)
{
	for (int slots = 1; slots <= SLOTS_MAX; slots++)
		for (int workers = 1; workers <= WORKERS_MAX; workers++)
			cr_expect_eq(run(slots, workers, THINGS, THINGS + 1), THINGS);
}

Test(belt, may_carry_nothing)
{
	cr_expect_eq(run(3, 2, 0, 1), 0);
}

Test(belt, stops_with_things_on_it)
{
	for (int slots = 1; slots <= SLOTS_MAX; slots++)
		cr_expect_eq(run(slots, 2, THINGS, 7), 7);
}

/* A stage may take a thing before the next one has entered the belt. */
Test(belt, a_thing_leaves_before_the_next_arrives)
{
	struct avl_belt *belt;
	cr_assert_eq(avl_belt_new(&belt, 4, 2, NULL), 0);
	for (int n = 0; n < 10; n++) {
		const int slot = avl_belt_take(belt, 0);
		avl_belt_pass(belt, 0, slot);
		cr_expect_eq(avl_belt_take(belt, 1), slot);
		avl_belt_pass(belt, 1, slot);
	}
	avl_belt_free(belt);
}

static void *wait_for_ever(void *arg)
{
	struct line *const line = arg;
	avl_belt_take(line->belt, 1);
	pthread_testcancel();
	return NULL;
}

/* Whoever is cancelled in the wait leaves the belt to the others; else the alarm ends this. */
Test(belt, outlives_a_thread_that_is_cancelled)
{
	struct line line = {0};
	pthread_t waiting;
	void *end;
	alarm(20);
	cr_assert_eq(avl_belt_new(&line.belt, 1, 2, NULL), 0);
	cr_assert_eq(pthread_create(&waiting, NULL, wait_for_ever, &line), 0);
	usleep(20000);
	pthread_cancel(waiting);
	usleep(20000);
	cr_assert_eq(avl_belt_take(line.belt, 0), 0);
	avl_belt_stop(line.belt);
	cr_assert_eq(pthread_join(waiting, &end), 0);
	cr_assert_eq(end, PTHREAD_CANCELED);
	avl_belt_free(line.belt);
	alarm(0);
}
