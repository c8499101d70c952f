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

static void affine(float *y, const float *x, const float *scale, const float *shift, size_t pixels,
		   float lo, float hi)
{
	const vec low = splat(lo), high = splat(hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec a = load(scale + v), b = load(shift + v);
		for (size_t p = 0; p < pixels; p++)
			store(y + p * AVL_BLOCK + v,
			      clamp(madd(load(x + p * AVL_BLOCK + v), a, b), low, high));
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

static void gate(float *dx, const float *dy, const float *x, size_t n, float lo, float hi)
{
	for (size_t i = 0; i < n; i++)
		dx[i] += x[i] > lo && x[i] < hi ? dy[i] : 0;
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
		  const float *c, size_t pixels)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec av = load(a + v), bv = load(b + v), cv = load(c + v);
		for (size_t p = 0; p < pixels; p++) {
			const size_t at = p * AVL_BLOCK + (size_t)v;
			const vec sum = madd(av, load(dy + at), madd(bv, load(x + at), cv));
			store(dx + at, load(dx + at) + sum);
		}
	}
}
