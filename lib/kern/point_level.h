/* SPDX-License-Identifier: MIT */

/* Kernels that look at one element, or one channel, at a time. */

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

static void affine(float *y, const float *x, const float *scale, const float *shift,
		   const float *other, size_t pixels, float lo, float hi)
{
	const vec low = splat(lo), high = splat(hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec a = load(scale + v), b = load(shift + v);
		for (size_t p = 0; p < pixels; p++) {
			vec z = madd(load(x + p * AVL_BLOCK + v), a, b);
			if (other)
				z += load(other + p * AVL_BLOCK + v);
			store(y + p * AVL_BLOCK + v, clamp(z, low, high));
		}
	}
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

static void gate(float *dx, const float *dy, const float *x, size_t n, float lo, float hi, int add)
{
	const vec low = splat(lo), high = splat(hi);
	for (size_t i = 0; i < n; i += AVL_VECTOR) {
		vec g = gated(load(dy + i), load(x + i), low, high);
		if (add)
			g += load(dx + i);
		store(dx + i, g);
	}
}

static void norm_grad(const struct avl_norm_grad_job *job)
{
	const vec lo = splat(job->lo), hi = splat(job->hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec mean = load(job->mean + v);
		vec sum = {0}, product = {0};
		for (size_t p = 0; p < job->pixels; p++) {
			const size_t at = p * AVL_BLOCK + (size_t)v;
			vec dy = load(job->dy + at);
			if (job->y) {
				dy = gated(dy, load(job->y + at), lo, hi);
				store(job->dy + at, dy);
			}
			sum += dy;
			product = madd(dy, load(job->x + at) - mean, product);
		}
		store(job->sum + v, sum);
		store(job->product + v, product);
	}
}

static void covary(float *y, const float *a, const float *a_mean, const float *b,
		   const float *b_mean, size_t pixels)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec am = load(a_mean + v), bm = load(b_mean + v);
		vec total = {0};
		for (size_t p = 0; p < pixels; p++)
			total = madd(load(a + p * AVL_BLOCK + v) - am,
				     load(b + p * AVL_BLOCK + v) - bm, total);
		store(y + v, total);
	}
}

static void blend(float *dx, const float *dy, const float *x, const float *a, const float *b,
		  const float *c, size_t pixels, int add)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec av = load(a + v), bv = load(b + v), cv = load(c + v);
		for (size_t p = 0; p < pixels; p++) {
			const size_t at = p * AVL_BLOCK + (size_t)v;
			vec z = madd(av, load(dy + at), madd(bv, load(x + at), cv));
			if (add)
				z += load(dx + at);
			store(dx + at, z);
		}
	}
}
