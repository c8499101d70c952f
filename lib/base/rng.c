/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include <math.h>

uint32_t avl_rng_u32(struct avl_rng *rng)
{
	const uint64_t old = rng->state;
	rng->state = old * 6364136223846793005u + rng->stream;
	const uint32_t shifted = (uint32_t)((old >> 18 ^ old) >> 27);
	const uint32_t rotate = (uint32_t)(old >> 59);
	return shifted >> rotate | shifted << (-rotate & 31);
}

void avl_rng_init(struct avl_rng *rng, uint64_t seed, uint64_t stream)
{
	*rng = (struct avl_rng){.state = 0, .stream = stream << 1 | 1};
	avl_rng_u32(rng);
	rng->state += seed;
	avl_rng_u32(rng);
}

uint32_t avl_rng_below(struct avl_rng *rng, uint32_t n)
{
	const uint32_t reject = -n % n; /* 2^32 mod n: values below it would be drawn too often */
	for (;;) {
		const uint32_t value = avl_rng_u32(rng);
		if (value >= reject)
			return value % n;
	}
}

float avl_rng_uniform(struct avl_rng *rng)
{
	return (float)(avl_rng_u32(rng) >> 8) * 0x1p-24f;
}

float avl_rng_normal(struct avl_rng *rng)
{
	const double u = (avl_rng_u32(rng) + 1.0) * 0x1p-32, v = avl_rng_u32(rng) * 0x1p-32;
	return (float)(sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v));
}
