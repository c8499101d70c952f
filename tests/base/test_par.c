/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "base/par.h"

enum { ITEMS_MAX = 1000, THREADS_MAX = 8 };

struct tally {
	atomic_int visits[ITEMS_MAX];
	int threads;
	atomic_int strangers;           /* calls with a thread number out of range */
	atomic_int inside[THREADS_MAX]; /* calls that run under each thread number */
	atomic_int doubled;             /* calls that met another with their number */
};

static void visit(void *arg, int item, int thread)
{
	struct tally *const tally = arg;
	if (thread < 0 || thread >= tally->threads) {
		atomic_fetch_add(&tally->strangers, 1);
		return;
	}
	if (atomic_fetch_add(&tally->inside[thread], 1))
		atomic_fetch_add(&tally->doubled, 1);
	atomic_fetch_add(&tally->visits[item], 1);
	atomic_fetch_sub(&tally->inside[thread], 1);
}

static void check_loop(struct avl_par *par, int items)
{
	static struct tally tally;
	tally = (struct tally){.threads = avl_par_threads(par)};
	avl_par_for(par, items, visit, &tally);
	for (int i = 0; i < ITEMS_MAX; i++)
		cr_assert_eq(tally.visits[i], i < items, "item %d of %d: %d visits", i, items,
			     tally.visits[i]);
	cr_assert_eq(tally.strangers, 0);
	cr_assert_eq(tally.doubled, 0);
}

Test(par, every_item_is_visited_once)
{
	static const int items[] = {0, 1, 2, 3, 7, 8, 9, 100, ITEMS_MAX};
	for (int threads = 1; threads <= THREADS_MAX; threads++) {
		struct avl_err err = {0};
		struct avl_par *par = NULL;
		cr_assert_eq(avl_par_new(&par, threads, &err), 0, "%s", err.text);
		cr_assert_eq(avl_par_threads(par), threads);
		for (int round = 0; round < 50; round++)
			for (size_t i = 0; i < sizeof items / sizeof *items; i++)
				check_loop(par, items[i]);
		avl_par_free(par);
	}
}

Test(par, no_team_is_a_team_of_one)
{
	cr_assert_eq(avl_par_threads(NULL), 1);
	check_loop(NULL, 17);
	avl_par_free(NULL);
}

static void sum_row(void *arg, int item, int thread)
{
	double *const sums = arg;
	(void)thread;
	double sum = 0;
	for (int i = 1; i <= 200; i++)
		sum += 1.0 / (i + item);
	sums[item] = sum;
}

/* What a loop wrote must be seen by the caller and by the next loop, without more ado. */
Test(par, results_are_there_when_the_loop_ends)
{
	static double one[ITEMS_MAX], many[ITEMS_MAX];
	struct avl_err err = {0};
	struct avl_par *par = NULL;
	avl_par_for(NULL, ITEMS_MAX, sum_row, one);
	cr_assert_eq(avl_par_new(&par, 4, &err), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < ITEMS_MAX; i++)
			many[i] = -1;
		avl_par_for(par, ITEMS_MAX, sum_row, many);
		cr_assert_arr_eq(one, many, sizeof one);
	}
	avl_par_free(par);
}

/* Loops that follow each other at once, each with work of its own on the same places: a helper that
 * comes late to one finds the next. */
enum { ROUNDS = 30000, PLACES = 7 };

static void add_item(void *arg, int item, int thread)
{
	(void)thread;
	((unsigned *)arg)[item] += (unsigned)item + 1;
}

static void times_three(void *arg, int item, int thread)
{
	(void)thread;
	((unsigned *)arg)[item] *= 3;
}

static void flip(void *arg, int item, int thread)
{
	(void)thread;
	((unsigned *)arg)[item] ^= 0x5a5a5a5au;
}

Test(par, no_loop_meets_the_work_of_another)
{
	static void (*const work[])(void *, int, int) = {add_item, times_three, flip};
	for (int threads = 1; threads <= 4; threads++) {
		unsigned shared[2][PLACES] = {{0}}, alone[2][PLACES] = {{0}};
		struct avl_par *par = NULL;
		cr_assert_eq(avl_par_new(&par, threads, NULL), 0);
		for (int round = 0; round < ROUNDS; round++) {
			const int items = 1 + round % PLACES, kind = round % 3,
				  which = round / 2 % 2;
			avl_par_for(par, items, work[kind], shared[which]);
			avl_par_for(NULL, items, work[kind], alone[which]);
			for (int i = 0; i < PLACES; i++)
				cr_assert_eq(shared[which][i], alone[which][i],
					     "threads %d round %d place %d", threads, round, i);
		}
		avl_par_free(par);
	}
}

Test(par, teams_start_and_stop)
{
	for (int round = 0; round < 100; round++) {
		struct avl_par *par = NULL;
		cr_assert_eq(avl_par_new(&par, 1 + round % 5, NULL), 0);
		if (round % 2)
			check_loop(par, 3);
		avl_par_free(par);
	}
}

Test(par, there_is_a_processor)
{
	cr_assert_geq(avl_par_processors(), 1);
}
