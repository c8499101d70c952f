/* SPDX-License-Identifier: MIT */

/* bfloat16 in the registers of the level that is being compiled: a vector of pairs has as many
 * lanes as one of floats. AVL_BF16: the CPU multiplies pairs and rounds by itself. */

typedef uint16_t vech __attribute__((vector_size(AVL_VECTOR * sizeof(uint16_t)), may_alias));

INLINE vecu load_pairs(const uint16_t *p)
{
	return *(const vecu *)(const void *)p;
}

INLINE vec load_bf16(const uint16_t *p)
{
	const vech half = *(const vech *)(const void *)p;
	return (vec)(__builtin_convertvector(half, vecu) << 16);
}

/* The pair at P, which has any alignment, in every lane. */
INLINE vecu splat_pair(const void *p)
{
	unsigned pair;
	memcpy(&pair, p, sizeof pair);
	return pair - (vecu){0};
}

#if defined(AVL_BF16)
INLINE vec dot(vec sum, vecu a, vecu b)
{
	return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

INLINE vech narrowed(vec x)
{
	return (vech)_mm512_cvtneps_pbh((__m512)x);
}
#else
INLINE vec dot(vec sum, vecu a, vecu b)
{
	const vecu upper = (vecu){0} + 0xffff0000U;
	sum = madd((vec)(a & upper), (vec)(b & upper), sum);
	return madd((vec)(a << 16), (vec)(b << 16), sum);
}

/* NaN keeps its sign and becomes a quiet one. */
INLINE vech narrowed(vec x)
{
	const vecu bits = (vecu)x;
	const vecu rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
	const vecu nan = (vecu)(x != x);
	return __builtin_convertvector((~nan & rounded) | (nan & ((bits >> 16) | 0x40)), vech);
}
#endif

INLINE void store_bf16(uint16_t *p, vec x)
{
	*(vech *)(void *)p = narrowed(x);
}

/* The N vectors X to P and what follows it. */
INLINE void store_bf16_row(uint16_t *p, const vec *x, const int n)
{
#if defined(AVL_BF16)
	FOR (i, n / 2) {
		const __m512bh two = _mm512_cvtne2ps_pbh((__m512)x[2 * i + 1], (__m512)x[2 * i]);
		_mm512_storeu_si512(p + 2 * i * AVL_VECTOR, (__m512i)two);
	}
	if (n % 2)
		store_bf16(p + (n - 1) * AVL_VECTOR, x[n - 1]);
#else
	FOR (i, n)
		store_bf16(p + i * AVL_VECTOR, x[i]);
#endif
}

/* Elements of maps of either type: in bf16 where HALF. */
INLINE vec fetch(const void *map, ptrdiff_t at, const int half)
{
	return half ? load_bf16((const uint16_t *)map + at) : load((const float *)map + at);
}

INLINE void keep(void *map, ptrdiff_t at, vec x, const int half)
{
	if (half)
		store_bf16((uint16_t *)map + at, x);
	else
		store((float *)map + at, x);
}
