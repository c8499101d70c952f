/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_PAR_H
#define AVL_BASE_PAR_H

#include "base/err.h"

/* A team of threads that shares out the items of a loop. Which thread does an item is left to
 * chance, so an item may depend on its number alone: results are then the same for any number of
 * threads. */
struct avl_par;

/* THREADS >= 1 counts the caller. 1 starts none. */
int avl_par_new(struct avl_par **par, int threads, struct avl_err *err);
void avl_par_free(struct avl_par *par); /* NULL is allowed */

/* Threads of the team, 1 for NULL. */
int avl_par_threads(const struct avl_par *par);

/* Calls work(arg, item, thread) for each item 0..items-1 and returns when all are done. THREAD,
 * 0..threads-1, is for picking scratch memory. PAR may be NULL: the caller does it all. Not to be
 * called from inside work. */
void avl_par_for(struct avl_par *par, int items, void (*work)(void *arg, int item, int thread),
		 void *arg);

/* The processors this process may use, at least 1. */
int avl_par_processors(void);

#endif
