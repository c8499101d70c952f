/* SPDX-License-Identifier: MIT */
#include "base/belt.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { IN_USE = -1 };

struct avl_belt {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int slots, stopped;
	int64_t end;    /* things there are in all, once that is known */
	int64_t *taken; /* of each stage: things it has taken */
	int *passed;    /* of each slot: stages that have passed what it holds, or IN_USE */
	int stages;
};

int avl_belt_new(struct avl_belt **out, int slots, int stages, struct avl_err *err)
{
	struct avl_belt *const belt = calloc(1, sizeof *belt);
	*out = belt;
	if (!belt)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	pthread_mutex_init(&belt->lock, NULL);
	pthread_cond_init(&belt->changed, NULL);
	belt->slots = slots;
	belt->stages = stages;
	belt->end = INT64_MAX;
	belt->taken = calloc((size_t)stages, sizeof *belt->taken);
	belt->passed = calloc((size_t)slots, sizeof *belt->passed);
	if (belt->taken && belt->passed)
		return 0;
	avl_belt_free(belt);
	*out = NULL;
	return avl_fail(err, AVL_ENOMEM, "out of memory");
}

void avl_belt_free(struct avl_belt *belt)
{
	if (!belt)
		return;
	pthread_cond_destroy(&belt->changed);
	pthread_mutex_destroy(&belt->lock);
	free(belt->taken);
	free(belt->passed);
	free(belt);
}

/* The slot of the thing that STAGE takes next: it is used again only when all stages are done with
 * it, so what it holds cannot be a later one. */
static int next_slot(const struct avl_belt *belt, int stage)
{
	return (int)(belt->taken[stage] % belt->slots);
}

/* A thread that is cancelled in the wait would die with the lock. */
int avl_belt_take(struct avl_belt *belt, int stage)
{
	int slot = -1, cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&belt->lock);
	while (!belt->stopped && belt->taken[stage] < belt->end &&
	       belt->passed[next_slot(belt, stage)] != stage)
		pthread_cond_wait(&belt->changed, &belt->lock);
	if (!belt->stopped && belt->taken[stage] < belt->end) {
		slot = next_slot(belt, stage);
		belt->passed[slot] = IN_USE;
		belt->taken[stage]++;
	}
	pthread_mutex_unlock(&belt->lock);
	pthread_setcancelstate(cancel, NULL);
	return slot;
}

void avl_belt_pass(struct avl_belt *belt, int stage, int slot)
{
	pthread_mutex_lock(&belt->lock);
	belt->passed[slot] = (stage + 1) % belt->stages;
	pthread_cond_broadcast(&belt->changed);
	pthread_mutex_unlock(&belt->lock);
}

void avl_belt_end(struct avl_belt *belt)
{
	pthread_mutex_lock(&belt->lock);
	belt->end = belt->taken[0] - 1;
	pthread_cond_broadcast(&belt->changed);
	pthread_mutex_unlock(&belt->lock);
}

void avl_belt_stop(struct avl_belt *belt)
{
	pthread_mutex_lock(&belt->lock);
	belt->stopped = 1;
	pthread_cond_broadcast(&belt->changed);
	pthread_mutex_unlock(&belt->lock);
}
