/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_KERN_FENCED_H
#define AVL_TESTS_KERN_FENCED_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

/* Operands of kernels, and places for their results in which nothing but the result may change. */

/* Half a unit in the last place of 1. A sum of n products, in any order, fused or not, lies within
 * (n + 2) * UNIT * sum|products| of the true one (Higham, Accuracy and Stability, 3.1, rounded up
 * for second-order terms), which is the tolerance of these tests. */
#define UNIT (FLT_EPSILON / 2.0)

static inline double sum_tolerance(int terms, double magnitude)
{
	return (terms + 3) * UNIT * magnitude + FLT_MIN;
}

/* N floats in -1..1 that end where the memory ends, so that a sanitizer sees one read too many.
 * For free(3). */
static inline float *random_floats(struct avl_rng *rng, size_t n)
{
	float *const x = avl_alloc(n, sizeof *x);
	for (size_t i = 0; x && i < n; i++)
		x[i] = 2 * avl_rng_uniform(rng) - 1;
	return x;
}

/* As above, with no alignment but that of a float. */
static inline float *unaligned_floats(struct avl_rng *rng, size_t n)
{
	float *const x = malloc(n * sizeof *x);
	for (size_t i = 0; x && i < n; i++)
		x[i] = 2 * avl_rng_uniform(rng) - 1;
	return x;
}

/* A NaN that no computation gives. */
#define POISON 0x7fa5c3e1u

/* N floats between two fences of FENCE floats, all poisoned. */
struct fenced {
	float *memory, *at;
	size_t n;
};

enum { FENCE = 64 };

static inline struct fenced fenced_new(size_t n)
{
	struct fenced f = {.memory = avl_alloc(n + 2 * FENCE, sizeof(float)), .n = n};
	const uint32_t poison = POISON;
	for (size_t i = 0; f.memory && i < n + 2 * FENCE; i++)
		memcpy(&f.memory[i], &poison, sizeof poison);
	f.at = f.memory + FENCE;
	return f;
}

static inline int is_poison(const float *x)
{
	uint32_t bits;
	memcpy(&bits, x, sizeof bits);
	return bits == POISON;
}

/* Whether nobody wrote to the N floats from AT. */
static inline int untouched(const float *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_poison(&at[i]))
			return 0;
	return 1;
}

static inline int fences_stand(const struct fenced *f)
{
	return untouched(f->memory, FENCE) && untouched(f->at + f->n, FENCE);
}

static inline void fenced_free(struct fenced *f)
{
	free(f->memory);
}

static inline int same_bits(const float *a, const float *b, size_t n)
{
	return memcmp(a, b, n * sizeof *a) == 0;
}

#endif
