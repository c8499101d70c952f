/* SPDX-License-Identifier: MIT */

/* Spectra of sixteen frames of a sound at a time, side by side: sample or bin i of frame f at
 * x[i * 16 + f]. So all of them go through the same steps and no vector is ever taken apart. */

INLINE vec load_anywhere(const float *p)
{
	vec v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

/* a0 b0 a1 b1 .., of the first or the second half. */
#if AVL_VECTOR == 16
#define ZIP_LOW(a, b)                                                                              \
	__builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b)                                                                             \
	__builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif AVL_VECTOR == 8
#define ZIP_LOW(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define ZIP_LOW(a, b)  __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/* A square of as many rows as a row has numbers, turned: each pass brings what stands half the rows
 * apart side by side, and after log2 of them all is in its place. */
INLINE void turn(vec row[AVL_VECTOR])
{
	FOR (pass, AVL_VECTOR == 16 ? 4 : AVL_VECTOR == 8 ? 3 : 2) {
		vec next[AVL_VECTOR];
		FOR (i, AVL_VECTOR / 2) {
			next[2 * i] = ZIP_LOW(row[i], row[i + AVL_VECTOR / 2]);
			next[2 * i + 1] = ZIP_HIGH(row[i], row[i + AVL_VECTOR / 2]);
		}
		FOR (i, AVL_VECTOR)
			row[i] = next[i];
	}
}

static void interleave(float *y, const float *const frame[AVL_BLOCK], int n)
{
	for (int f = 0; f < AVL_BLOCK; f += AVL_VECTOR) {
		int i = 0;
		for (; i + AVL_VECTOR <= n; i += AVL_VECTOR) {
			vec row[AVL_VECTOR];
			FOR (k, AVL_VECTOR)
				row[k] = load_anywhere(frame[f + k] + i);
			turn(row);
			FOR (k, AVL_VECTOR)
				store(y + (i + k) * AVL_BLOCK + f, row[k]);
		}
		for (; i < n; i++)
			for (int k = 0; k < AVL_VECTOR; k++)
				y[i * AVL_BLOCK + f + k] = frame[f + k][i];
	}
}

/* Half as many doubles as floats: a transform in single precision drowns what is a thousand times
 * quieter than the loudest. */
#define LANES (AVL_VECTOR / 2)
typedef double vecd __attribute__((vector_size(LANES * sizeof(double)), may_alias));
typedef float vec_half __attribute__((vector_size(LANES * sizeof(float)), may_alias));

INLINE vecd load_double(const double *p)
{
	return *(const vecd *)(const void *)p;
}

INLINE void store_double(double *p, vecd v)
{
	*(vecd *)(void *)p = v;
}

INLINE vecd splat_double(double x)
{
	return x - (vecd){0};
}

INLINE vecd to_double(const float *p)
{
	return __builtin_convertvector(*(const vec_half *)(const void *)p, vecd);
}

INLINE void store_single(float *p, vecd v)
{
	*(vec_half *)(void *)p = __builtin_convertvector(v, vec_half);
}

static void taper(double *y, const float *x, const double *w, int centred, int n)
{
	for (int v = 0; v < AVL_BLOCK; v += LANES) {
		vecd mean = {0};
		for (int i = 0; centred && i < n; i++)
			mean += to_double(x + i * AVL_BLOCK + v);
		mean /= splat_double(n);
		for (int i = 0; i < n; i++)
			store_double(y + i * AVL_BLOCK + v,
				     (to_double(x + i * AVL_BLOCK + v) - mean) *
					 splat_double(w[i]));
	}
}

struct complex {
	vecd re, im;
};

INLINE struct complex get(const double *z)
{
	return (struct complex){load_double(z), load_double(z + AVL_BLOCK)};
}

INLINE void put(double *z, struct complex a)
{
	store_double(z, a.re);
	store_double(z + AVL_BLOCK, a.im);
}

INLINE struct complex plus(struct complex a, struct complex b)
{
	return (struct complex){a.re + b.re, a.im + b.im};
}

INLINE struct complex minus(struct complex a, struct complex b)
{
	return (struct complex){a.re - b.re, a.im - b.im};
}

/* a * w, w = w[0] + i w[1]. */
INLINE struct complex times(struct complex a, const double *w)
{
	const vecd re = splat_double(w[0]), im = splat_double(w[1]);
	return (struct complex){a.re * re - a.im * im, a.re * im + a.im * re};
}

/* Four outputs from four inputs a quarter apart; TWIDDLED: each but the first turned by its root.
 */
INLINE void butterfly(double *z, ptrdiff_t quarter, const double *w, const int twiddled)
{
	const struct complex a = get(z), b = get(z + quarter);
	const struct complex c = get(z + 2 * quarter), d = get(z + 3 * quarter);
	const struct complex ac = plus(a, c), a_c = minus(a, c);
	const struct complex bd = plus(b, d), b_d = minus(b, d);
	const struct complex turned = {b_d.im, -b_d.re}; /* -i (b - d) */
	const struct complex one = plus(a_c, turned), two = minus(ac, bd);
	const struct complex three = minus(a_c, turned);
	put(z, plus(ac, bd));
	put(z + quarter, twiddled ? times(one, w) : one);
	put(z + 2 * quarter, twiddled ? times(two, w + 2) : two);
	put(z + 3 * quarter, twiddled ? times(three, w + 4) : three);
}

/* In place, z [m][re, im][16]. */
INLINE void transform(double *z, const struct avl_fft *fft)
{
	const int m = fft->n / 2, complex = 2 * AVL_BLOCK;
	const double *w = fft->step;
	int length = m;
	for (; length > 4; length /= 4)
		for (int j = 0; j < length / 4; j++, w += 6)
			for (int s = j; s < m; s += length)
				butterfly(z + (ptrdiff_t)s * complex,
					  (ptrdiff_t)(length / 4) * complex, w, 1);
	if (length == 4)
		for (int s = 0; s < m; s += 4)
			butterfly(z + (ptrdiff_t)s * complex, complex, w, 0);
	else
		for (int s = 0; s < m; s += 2) {
			double *const at = z + (ptrdiff_t)s * complex;
			const struct complex a = get(at), b = get(at + complex);
			put(at, plus(a, b));
			put(at + complex, minus(a, b));
		}
}

INLINE vecd power_of(struct complex a)
{
	return a.re * a.re + a.im * a.im;
}

/* Bins K and m - K from outputs K and m - K: with E = (Z(k) + conj Z(m - k)) / 2, O = (Z(k) - conj
 * Z(m - k)) / 2i and w = exp(-2 pi i k / n), X(k) = E + w O and X(m - k) = conj(E - w O). */
INLINE void part(const double *z, const struct avl_fft *fft, int k, vecd gain, float *low,
		 float *high)
{
	const int m = fft->n / 2;
	const struct complex a = get(z + (ptrdiff_t)fft->place[k] * 2 * AVL_BLOCK);
	const struct complex b = get(z + (ptrdiff_t)fft->place[m - k] * 2 * AVL_BLOCK);
	const struct complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
	const struct complex turned = times(odd, fft->part + 2 * k);
	store_single(low, power_of(plus(even, turned)) * gain);
	store_single(high, power_of(minus(even, turned)) * gain);
}

static void power(const struct avl_power_job *job)
{
	const int m = job->fft->n / 2;
	const vecd gain = splat_double(job->gain), quarter = splat_double(job->gain / 4);
	for (int v = 0; v < AVL_BLOCK; v += LANES) {
		double *const z = job->x + v;
		float *const y = job->y + v;
		transform(z, job->fft);
		const struct complex first = get(z);
		const vecd low = first.re + first.im, high = first.re - first.im;
		store_single(y, low * low * gain);
		store_single(y + (ptrdiff_t)m * AVL_BLOCK, high * high * gain);
		for (int k = 1; k < m / 2; k++)
			part(z, job->fft, k, quarter, y + (ptrdiff_t)k * AVL_BLOCK,
			     y + (ptrdiff_t)(m - k) * AVL_BLOCK);
		const ptrdiff_t middle = job->fft->place[m / 2];
		store_single(y + (ptrdiff_t)(m / 2) * AVL_BLOCK,
			     power_of(get(z + middle * 2 * AVL_BLOCK)) * gain);
	}
}

static void root(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = __builtin_sqrtf(x[i]);
}

static void weigh(float *y, const float *x, const float *w, int n)
{
	vec sum[NV];
	FOR (v, NV)
		sum[v] = (vec){0};
	for (int i = 0; i < n; i++, x += AVL_BLOCK)
		FOR (v, NV)
			sum[v] = madd(load(x + v * AVL_VECTOR), splat(w[i]), sum[v]);
	FOR (v, NV)
		store(y + v * AVL_VECTOR, sum[v]);
}

INLINE vec pick(veci where, vec a, vec b)
{
	return (vec)((where & (veci)a) | (~where & (veci)b));
}

#define BITS(x) ((veci){0} + (x))

/* x = 2^e m with m in sqrt(1/2)..sqrt(2), f = m - 1: ln x = e ln 2 + f - f^2/2 + f^3 p(f), p of
 * degree 7 fitted to 6e-9 of the result; ln 2 in two parts, the first of few bits. */
INLINE vec logarithm(vec x)
{
	const veci tiny = x < splat(0x1p-126f);
	const vec scaled = pick(tiny, x * splat(0x1p24f), x);
	/* unsigned: what is no number may wrap round */
	const veci shifted = (veci)((vecu)scaled + (0x3f800000U - 0x3f3504f3U));
	const veci exponent = (shifted >> 23) - BITS(127) - (tiny & BITS(24));
	const vec f = (vec)((shifted & BITS(0x007fffff)) + BITS(0x3f3504f3)) - splat(1);
	const vec e = __builtin_convertvector(exponent, vec);
	vec p = splat(-0x1.38b574p-4f);
	p = madd(p, f, splat(0x1.055b68p-3f));
	p = madd(p, f, splat(-0x1.0d8542p-3f));
	p = madd(p, f, splat(0x1.22da1ep-3f));
	p = madd(p, f, splat(-0x1.547244p-3f));
	p = madd(p, f, splat(0x1.99a008p-3f));
	p = madd(p, f, splat(-0x1.000226p-2f));
	p = madd(p, f, splat(0x1.555554p-2f));
	const vec square = f * f;
	const vec small =
	    madd(square * f, p, madd(e, splat(-2.12194440e-4f), square * splat(-0.5f)));
	const vec y = madd(e, splat(0.693359375f), small + f);
	const vec special =
	    pick(x < splat(0), splat(NAN), pick(x == splat(0), splat(-INFINITY), x));
	return pick((x > splat(0)) & (x < splat(INFINITY)), y, special);
}

static void log_of(float *x, size_t n, float offset, float floor, float scale, float shift)
{
	for (size_t i = 0; i < n; i += AVL_VECTOR) {
		const vec y = logarithm(max(splat(floor), load(x + i) + splat(offset)));
		store(x + i, madd(y, splat(scale), splat(shift)));
	}
}
