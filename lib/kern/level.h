/* SPDX-License-Identifier: MIT */

/* The vector of the level that is being compiled. Included only by table_level.h, below a
 * definition of AVL_VECTOR, the floats a register holds. */

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kern/kern.h"

#if AVL_VECTOR > 4
#include <immintrin.h>
#endif

typedef float vec __attribute__((vector_size(AVL_VECTOR * sizeof(float)), may_alias));
typedef int veci __attribute__((vector_size(AVL_VECTOR * sizeof(float)), may_alias));
typedef unsigned vecu __attribute__((vector_size(AVL_VECTOR * sizeof(float)), may_alias));

/* Registers that a block takes. */
#define NV (AVL_BLOCK / AVL_VECTOR)

#define INLINE static inline __attribute__((always_inline))

/* A loop over 0..n-1 that is unrolled wholly, so that an array of vectors becomes registers. */
#if defined(__clang__)
#define FOR(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)
#else
#define FOR(i, n) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i++)
#endif

INLINE vec load(const float *p)
{
	return *(const vec *)(const void *)p;
}

INLINE void store(float *p, vec v)
{
	*(vec *)(void *)p = v;
}

INLINE vec splat(float x)
{
	return x - (vec){0};
}

/* max and min give the second operand where either is NaN, as the x86 instructions do: a sum that
 * is NaN stays NaN through clamp. */
#if AVL_VECTOR == 16
INLINE vec madd(vec a, vec b, vec c)
{
	return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

INLINE vec max(vec a, vec b)
{
	return (vec)_mm512_max_ps((__m512)a, (__m512)b);
}

INLINE vec min(vec a, vec b)
{
	return (vec)_mm512_min_ps((__m512)a, (__m512)b);
}
#elif AVL_VECTOR == 8
INLINE vec madd(vec a, vec b, vec c)
{
	return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

INLINE vec max(vec a, vec b)
{
	return (vec)_mm256_max_ps((__m256)a, (__m256)b);
}

INLINE vec min(vec a, vec b)
{
	return (vec)_mm256_min_ps((__m256)a, (__m256)b);
}
#else
INLINE vec madd(vec a, vec b, vec c)
{
	return a * b + c;
}

INLINE vec max(vec a, vec b)
{
	const veci first = a > b;
	return (vec)((first & (veci)a) | (~first & (veci)b));
}

INLINE vec min(vec a, vec b)
{
	const veci first = a < b;
	return (vec)((first & (veci)a) | (~first & (veci)b));
}
#endif

INLINE vec clamp(vec x, vec lo, vec hi)
{
	return min(hi, max(lo, x));
}
