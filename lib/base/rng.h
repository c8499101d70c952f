/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_RNG_H
#define AVL_BASE_RNG_H

#include <stdint.h>

/* PCG32 (O'Neill 2014, "XSH RR 64/32"): small, seekable in a checkpoint, the same everywhere.
 * scripts/ has the same generator in Python, so that goldens need not carry their inputs. */
struct avl_rng {
	uint64_t state, stream;
};

/* Two generators with different STREAM never follow each other. */
void avl_rng_init(struct avl_rng *rng, uint64_t seed, uint64_t stream);

uint32_t avl_rng_u32(struct avl_rng *rng);

/* Uniform in 0..n-1 without bias; n > 0. */
uint32_t avl_rng_below(struct avl_rng *rng, uint32_t n);

/* Uniform in [0, 1): the top 24 bits of one u32, times 2^-24. */
float avl_rng_uniform(struct avl_rng *rng);

/* Normal with mean 0 and deviation 1 (Box-Muller in double, two u32 a value). */
float avl_rng_normal(struct avl_rng *rng);

#endif
