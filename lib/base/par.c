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

struct avl_par {
	int threads;
	int started; /* helpers that run */
	pthread_t *helper;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic unsigned round; /* the number of loops begun */
	_Atomic int next;       /* the next item of this loop */
	_Atomic int busy;       /* helpers that have not finished this loop */
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
	for (int item; (item = atomic_fetch_add(&par->next, 1)) < par->items;)
		par->work(par->arg, item, thread);
}

static void wait_for_round(struct avl_par *par, unsigned seen)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load(&par->round) != seen)
			return;
		relax();
	}
	pthread_mutex_lock(&par->lock);
	while (atomic_load(&par->round) == seen)
		pthread_cond_wait(&par->wake, &par->lock);
	pthread_mutex_unlock(&par->lock);
}

static void *helper_main(void *argument)
{
	struct helper_start *const start = argument;
	struct avl_par *const par = start->par;
	const int thread = start->thread;
	free(start);
	for (unsigned seen = 0;;) {
		wait_for_round(par, seen);
		seen++;
		if (atomic_load(&par->quit))
			return NULL;
		work_through(par, thread);
		atomic_fetch_sub(&par->busy, 1);
	}
}

static void begin_round(struct avl_par *par)
{
	pthread_mutex_lock(&par->lock);
	atomic_fetch_add(&par->round, 1);
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
	atomic_store(&par->next, 0);
	atomic_store(&par->busy, par->started);
	begin_round(par);
	work_through(par, 0);
	for (int spins = 0; atomic_load(&par->busy) > 0;)
		if (spins < SPINS) {
			spins++;
			relax();
		} else {
			sched_yield();
		}
}

int avl_par_processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	const int n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}
