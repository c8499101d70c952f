/* SPDX-License-Identifier: MIT */

/* Windows that move over the pixels of one block of channels: depthwise convolution, maximum. */

/* Neighbours whose sums are held in registers: as many as are left beside a weight and an input. */
#if AVL_VECTOR == 16
#define DEPTHWISE_PIXELS 14
#elif AVL_VECTOR == 8
#define DEPTHWISE_PIXELS 6
#else
#define DEPTHWISE_PIXELS 3
#endif

/* PIXELS neighbours whose windows lie wholly inside the row. */
INLINE void depthwise_tile(const struct avl_depthwise_job *job, int pixel, const int pixels,
			   const int columns)
{
	vec sum[DEPTHWISE_PIXELS][NV];
	FOR (p, pixels)
		FOR (v, NV)
			sum[p][v] = job->bias ? load(job->bias + v * AVL_VECTOR) : (vec){0};

	const float *w = job->w;
	for (int r = 0; r < job->rows; r++) {
		const float *const x =
		    (const float *)job->x +
		    ((ptrdiff_t)r * job->width + pixel * job->stride - job->pad) * AVL_BLOCK;
		for (int q = 0; q < columns; q++, w += AVL_BLOCK)
			FOR (v, NV) {
				const vec weight = load(w + v * AVL_VECTOR);
				FOR (p, pixels)
					sum[p][v] =
					    madd(weight,
						 load(x + (p * job->stride + q) * AVL_BLOCK +
						      v * AVL_VECTOR),
						 sum[p][v]);
			}
	}

	const vec lo = splat(job->lo), hi = splat(job->hi);
	float *const y = (float *)job->y + pixel * AVL_BLOCK;
	FOR (p, pixels)
		FOR (v, NV)
			store(y + p * AVL_BLOCK + v * AVL_VECTOR, clamp(sum[p][v], lo, hi));
}

/* One pixel whose window may stick out to the left and right. */
static void depthwise_edge(const struct avl_depthwise_job *job, int pixel)
{
	const int left = pixel * job->stride - job->pad;
	const float *const row = job->x, *const weights = job->w;
	float *const y = job->y;
	vec sum[NV];
	FOR (v, NV)
		sum[v] = job->bias ? load(job->bias + v * AVL_VECTOR) : (vec){0};
	for (int r = 0; r < job->rows; r++)
		for (int q = 0; q < job->columns; q++) {
			if (left + q < 0 || left + q >= job->width)
				continue;
			const float *const x =
			    row + ((ptrdiff_t)r * job->width + left + q) * AVL_BLOCK;
			const float *const w = weights + (r * job->columns + q) * AVL_BLOCK;
			FOR (v, NV)
				sum[v] = madd(load(w + v * AVL_VECTOR), load(x + v * AVL_VECTOR),
					      sum[v]);
		}
	FOR (v, NV)
		store(y + pixel * AVL_BLOCK + v * AVL_VECTOR,
		      clamp(sum[v], splat(job->lo), splat(job->hi)));
}

/* The pixels first..last-1 have windows inside 0..width-1. */
static void inside(int width, int columns, int stride, int pad, int pixels, int *first, int *last)
{
	*first = (pad + stride - 1) / stride;
	*last = width + pad >= columns ? (width + pad - columns) / stride + 1 : 0;
	if (*last > pixels)
		*last = pixels;
	if (*first > *last)
		*first = *last;
}

/* The pixels p..last-1 in tiles as large as the registers allow; the last two share what is left
 * evenly, since the sums of a small tile wait for each other. */
INLINE void depthwise_inside(const struct avl_depthwise_job *job, int p, int last,
			     const int columns)
{
	for (int size; p < last; p += size) {
		const int left = last - p;
		size = left >= 2 * DEPTHWISE_PIXELS ? DEPTHWISE_PIXELS
		       : left > DEPTHWISE_PIXELS    ? (left + 1) / 2
						    : left;
		switch (size) {
#define TILE(n)                                                                                    \
	case n:                                                                                    \
		depthwise_tile(job, p, n, columns);                                                \
		break;
			TILE(1)
			TILE(2)
			TILE(3)
#if DEPTHWISE_PIXELS > 3
			TILE(4)
			TILE(5)
			TILE(6)
#endif
#if DEPTHWISE_PIXELS > 6
			TILE(7)
			TILE(8)
			TILE(9)
			TILE(10)
			TILE(11)
			TILE(12)
			TILE(13)
			TILE(14)
#endif
#undef TILE
		}
	}
}

INLINE void depthwise_columns(const struct avl_depthwise_job *job, const int columns)
{
	int p, last;
	inside(job->width, columns, job->stride, job->pad, job->pixels, &p, &last);
	for (int edge = 0; edge < p; edge++)
		depthwise_edge(job, edge);
	depthwise_inside(job, p, last, columns);
	for (p = last; p < job->pixels; p++)
		depthwise_edge(job, p);
}

static void depthwise(const struct avl_depthwise_job *job)
{
	if (job->columns == 3)
		depthwise_columns(job, 3);
	else if (job->columns == 5)
		depthwise_columns(job, 5);
	else
		depthwise_columns(job, job->columns);
}

static void maxpool(const struct avl_maxpool_job *job)
{
	const float *const row = job->x;
	float *const y = job->y;
	for (int p = 0; p < job->pixels; p++) {
		const int left = p * job->stride - job->pad;
		const int q0 = left < 0 ? -left : 0;
		const int q1 = left + job->columns > job->width ? job->width - left : job->columns;
		vec best[NV];
		veci nan[NV]; /* all ones, which is a NaN, where one was seen */
		FOR (v, NV) {
			best[v] = splat(-INFINITY);
			nan[v] = (veci){0};
		}
		for (int r = 0; r < job->rows; r++)
			for (int q = q0; q < q1; q++) {
				const float *const x =
				    row + ((ptrdiff_t)r * job->width + left + q) * AVL_BLOCK;
				FOR (v, NV) {
					const vec value = load(x + v * AVL_VECTOR);
					best[v] = max(best[v], value);
					nan[v] |= (veci)(value != value);
				}
			}
		FOR (v, NV)
			store(y + p * AVL_BLOCK + v * AVL_VECTOR, (vec)((veci)best[v] | nan[v]));
	}
}
