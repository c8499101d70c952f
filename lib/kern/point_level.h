/* SPDX-License-Identifier: MIT */

/* Kernels that look at one element, or one channel, at a time. Those that training needs as well
 * are written for maps of either type. */

static void add(float *y, const float *a, const float *b, size_t n, float lo, float hi)
{
	const vec low = splat(lo), high = splat(hi);
	for (size_t i = 0; i < n; i += AVL_VECTOR) {
		vec x = load(a + i);
		if (b)
			x += load(b + i);
		store(y + i, clamp(x, low, high));
	}
}

INLINE void affine_of(void *y, const void *x, const float *scale, const float *shift,
		      const void *other, size_t pixels, float lo, float hi, const int half)
{
	const vec low = splat(lo), high = splat(hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec a = load(scale + v), b = load(shift + v);
		for (size_t p = 0; p < pixels; p++) {
			const ptrdiff_t at = (ptrdiff_t)p * AVL_BLOCK + v;
			vec z = madd(fetch(x, at, half), a, b);
			if (other)
				z += fetch(other, at, half);
			keep(y, at, clamp(z, low, high), half);
		}
	}
}

static void affine(float *y, const float *x, const float *scale, const float *shift,
		   const float *other, size_t pixels, float lo, float hi)
{
	affine_of(y, x, scale, shift, other, pixels, lo, hi, 0);
}

static void affine_bf16(uint16_t *y, const uint16_t *x, const float *scale, const float *shift,
			const uint16_t *other, size_t pixels, float lo, float hi)
{
	affine_of(y, x, scale, shift, other, pixels, lo, hi, 1);
}

static void sum_pixels(float *y, const float *x, size_t pixels, float factor)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec total = {0};
		for (size_t p = 0; p < pixels; p++)
			total += load(x + p * AVL_BLOCK + v);
		store(y + v, total * splat(factor));
	}
}

/* DY where X lies between the bounds. */
INLINE vec gated(vec dy, vec x, vec lo, vec hi)
{
	return (vec)((veci)dy & (veci)(x > lo) & (veci)(x < hi));
}

INLINE void gate_of(void *dx, const void *dy, const void *x, size_t n, float lo, float hi, int add,
		    const int half)
{
	const vec low = splat(lo), high = splat(hi);
	for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i += AVL_VECTOR) {
		vec g = gated(fetch(dy, i, half), fetch(x, i, half), low, high);
		if (add)
			g += fetch(dx, i, half);
		keep(dx, i, g, half);
	}
}

static void gate(float *dx, const float *dy, const float *x, size_t n, float lo, float hi, int add)
{
	gate_of(dx, dy, x, n, lo, hi, add, 0);
}

static void gate_bf16(uint16_t *dx, const uint16_t *dy, const uint16_t *x, size_t n, float lo,
		      float hi, int add)
{
	gate_of(dx, dy, x, n, lo, hi, add, 1);
}

INLINE void norm_grad_of(const struct avl_norm_grad_job *job, const int half)
{
	const vec lo = splat(job->lo), hi = splat(job->hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec mean = load(job->mean + v);
		vec sum = {0}, product = {0};
		for (size_t p = 0; p < job->pixels; p++) {
			const ptrdiff_t at = (ptrdiff_t)p * AVL_BLOCK + v;
			vec dy = fetch(job->dy, at, half);
			if (job->y) {
				dy = gated(dy, fetch(job->y, at, half), lo, hi);
				keep(job->dy, at, dy, half);
			}
			sum += dy;
			product = madd(dy, fetch(job->x, at, half) - mean, product);
		}
		store(job->sum + v, sum);
		store(job->product + v, product);
	}
}

static void norm_grad(const struct avl_norm_grad_job *job)
{
	norm_grad_of(job, 0);
}

static void norm_grad_bf16(const struct avl_norm_grad_job *job)
{
	norm_grad_of(job, 1);
}

INLINE void covary_of(float *y, const void *a, const float *a_mean, const void *b,
		      const float *b_mean, size_t pixels, const int half)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec am = load(a_mean + v), bm = load(b_mean + v);
		vec total = {0};
		for (size_t p = 0; p < pixels; p++) {
			const ptrdiff_t at = (ptrdiff_t)p * AVL_BLOCK + v;
			total = madd(fetch(a, at, half) - am, fetch(b, at, half) - bm, total);
		}
		store(y + v, total);
	}
}

static void covary(float *y, const float *a, const float *a_mean, const float *b,
		   const float *b_mean, size_t pixels)
{
	covary_of(y, a, a_mean, b, b_mean, pixels, 0);
}

static void covary_bf16(float *y, const uint16_t *a, const float *a_mean, const uint16_t *b,
			const float *b_mean, size_t pixels)
{
	covary_of(y, a, a_mean, b, b_mean, pixels, 1);
}

INLINE void blend_of(void *dx, const void *dy, const void *x, const float *a, const float *b,
		     const float *c, size_t pixels, int add, const int half)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec av = load(a + v), bv = load(b + v), cv = load(c + v);
		for (size_t p = 0; p < pixels; p++) {
			const ptrdiff_t at = (ptrdiff_t)p * AVL_BLOCK + v;
			vec z = madd(av, fetch(dy, at, half), madd(bv, fetch(x, at, half), cv));
			if (add)
				z += fetch(dx, at, half);
			keep(dx, at, z, half);
		}
	}
}

static void blend(float *dx, const float *dy, const float *x, const float *a, const float *b,
		  const float *c, size_t pixels, int add)
{
	blend_of(dx, dy, x, a, b, c, pixels, add, 0);
}

static void blend_bf16(uint16_t *dx, const uint16_t *dy, const uint16_t *x, const float *a,
		       const float *b, const float *c, size_t pixels, int add)
{
	blend_of(dx, dy, x, a, b, c, pixels, add, 1);
}
