/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#include "base/par.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A waiting thread spins this often before it sleeps: layers follow each other within
 * microseconds, and waking a sleeper costs more than a small layer. */
#define SPINS 4000

/* The caller waits for items, not for helpers: one that sleeps or has lost its core while the rest
 * did the work holds nobody up, and finds its way into whatever loop runs when it is back. So work,
 * arg and items are read only by who has claimed an item: until that is done, the loop cannot end
 * and nobody writes them. */
struct avl_par {
	int threads;
	int started; /* helpers that run */
	pthread_t *helper;
	pthread_mutex_t lock;
	pthread_cond_t wake;     /* a round has begun */
	pthread_cond_t finished; /* its items are done */
	_Atomic unsigned round;  /* the number of loops begun */
	_Atomic int sleepers;    /* helpers that wait for WAKE, or are about to */
	_Atomic int unclaimed;   /* items; below zero by those who came too late */
	_Atomic int unfinished;  /* items */
	_Atomic int waits;       /* the caller waits for FINISHED, or is about to */
	_Atomic int quit;
	int items;
	void (*work)(void *arg, int item, int thread);
	void *arg;
};

struct helper_start {
	struct avl_par *par;
	int thread;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void work_through(struct avl_par *par, int thread)
{
	int left, done = 0;
	for (; (left = atomic_fetch_sub(&par->unclaimed, 1)) > 0; done++)
		par->work(par->arg, par->items - left, thread);
	if (!done || atomic_fetch_sub(&par->unfinished, done) > done || !atomic_load(&par->waits))
		return;
	pthread_mutex_lock(&par->lock);
	pthread_cond_signal(&par->finished);
	pthread_mutex_unlock(&par->lock);
}

/* The caller sleeps in the end, for a helper that has lost its core can then have this one. */
static void wait_for_items(struct avl_par *par)
{
	for (int i = 0; i < SPINS; i++) {
		if (!atomic_load(&par->unfinished))
			return;
		relax();
	}
	pthread_mutex_lock(&par->lock);
	atomic_store(&par->waits, 1);
	while (atomic_load(&par->unfinished))
		pthread_cond_wait(&par->finished, &par->lock);
	atomic_store(&par->waits, 0);
	pthread_mutex_unlock(&par->lock);
}

/* Waits for another round than SEEN and returns it. */
static unsigned wait_for_round(struct avl_par *par, unsigned seen)
{
	unsigned round;
	for (int i = 0; i < SPINS; i++) {
		round = atomic_load(&par->round);
		if (round != seen)
			return round;
		relax();
	}
	pthread_mutex_lock(&par->lock);
	atomic_fetch_add(&par->sleepers, 1);
	while ((round = atomic_load(&par->round)) == seen)
		pthread_cond_wait(&par->wake, &par->lock);
	atomic_fetch_sub(&par->sleepers, 1);
	pthread_mutex_unlock(&par->lock);
	return round;
}

static void *helper_main(void *argument)
{
	struct helper_start *const start = argument;
	struct avl_par *const par = start->par;
	const int thread = start->thread;
	free(start);
	for (unsigned seen = 0;;) {
		seen = wait_for_round(par, seen);
		if (atomic_load(&par->quit))
			return NULL;
		work_through(par, thread);
	}
}

/* A helper counts itself among the sleepers before it looks at the round for the last time, so
 * that one of the two sees the other. */
static void begin_round(struct avl_par *par)
{
	atomic_fetch_add(&par->round, 1);
	if (!atomic_load(&par->sleepers))
		return;
	pthread_mutex_lock(&par->lock);
	pthread_cond_broadcast(&par->wake);
	pthread_mutex_unlock(&par->lock);
}

int avl_par_new(struct avl_par **out, int threads, struct avl_err *err)
{
	struct avl_par *const par = calloc(1, sizeof *par);
	pthread_t *const helper = calloc((size_t)threads, sizeof *helper);
	if (!par || !helper) {
		free(par);
		free(helper);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	par->threads = threads;
	par->helper = helper;
	pthread_mutex_init(&par->lock, NULL);
	pthread_cond_init(&par->wake, NULL);
	pthread_cond_init(&par->finished, NULL);
	for (; par->started < threads - 1; par->started++) {
		struct helper_start *const start = malloc(sizeof *start);
		if (start)
			*start = (struct helper_start){par, par->started + 1};
		if (!start || pthread_create(&helper[par->started], NULL, helper_main, start)) {
			free(start);
			avl_par_free(par);
			return avl_fail(err, AVL_ENOMEM, "cannot start %d threads", threads);
		}
	}
	*out = par;
	return 0;
}

void avl_par_free(struct avl_par *par)
{
	if (!par)
		return;
	atomic_store(&par->quit, 1);
	begin_round(par);
	for (int i = 0; i < par->started; i++)
		pthread_join(par->helper[i], NULL);
	pthread_cond_destroy(&par->wake);
	pthread_cond_destroy(&par->finished);
	pthread_mutex_destroy(&par->lock);
	free(par->helper);
	free(par);
}

int avl_par_threads(const struct avl_par *par)
{
	return par ? par->threads : 1;
}

void avl_par_for(struct avl_par *par, int items, void (*work)(void *arg, int item, int thread),
		 void *arg)
{
	if (!par || par->threads == 1 || items <= 1) {
		for (int item = 0; item < items; item++)
			work(arg, item, 0);
		return;
	}
	par->work = work;
	par->arg = arg;
	par->items = items;
	atomic_store(&par->unfinished, items);
	atomic_store(&par->unclaimed, items);
	begin_round(par);
	work_through(par, 0);
	wait_for_items(par);
}

int avl_par_processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	const int n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}
