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
