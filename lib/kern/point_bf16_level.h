/* SPDX-License-Identifier: MIT */

/* The other kernels on maps in bf16: what is read is widened, the arithmetic is in fp32. */

/* Neighbours whose sums are held in registers. */
#define DEPTHWISE_BF16_PIXELS (AVL_VECTOR == 16 ? 14 : 4)
/* Of windows that are multiplied by pairs of rows: others are left to a slow way. */
#define DEPTHWISE_BF16_PAIRS   3
#define DEPTHWISE_BF16_COLUMNS 5

/* Elements of two rows side by side, to be multiplied at once; HIGH NULL: zeros. */
INLINE vecu paired(const uint16_t *low, const uint16_t *high)
{
#if AVL_VECTOR == 16
	static const _Alignas(64)
	    uint16_t order[] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
				8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
	if (high)
		return (vecu)_mm512_permutex2var_epi16(
		    _mm512_castsi256_si512(_mm256_load_si256((const __m256i *)(const void *)low)),
		    _mm512_load_si512(order),
		    _mm512_castsi256_si512(_mm256_load_si256((const __m256i *)(const void *)high)));
#endif
	const vecu first = __builtin_convertvector(*(const vech *)(const void *)low, vecu);
	if (!high)
		return first;
	return first | __builtin_convertvector(*(const vech *)(const void *)high, vecu) << 16;
}

/* PIXELS neighbours for vector V of the block: two rows of the window at a time. Each pair of
 * inputs is made once for all the windows it lies in; EDGED: some may lie outside the row. */
INLINE void depthwise_bf16_tile(const struct avl_depthwise_job *job,
				vecu weight[][DEPTHWISE_BF16_COLUMNS], int pixel, int v,
				const int pixels, const int columns, const int stride,
				const int edged)
{
	vec sum[DEPTHWISE_BF16_PIXELS];
	const int left = pixel * stride - job->pad;
	const ptrdiff_t row = (ptrdiff_t)job->width * AVL_BLOCK;
	const uint16_t *x = (const uint16_t *)job->x + v;
	FOR (p, pixels)
		sum[p] = job->bias ? load(job->bias + v) : (vec){0};
	for (int r = 0; r < job->rows; r += 2, x += 2 * row, weight++) {
		const int single = r + 1 == job->rows;
		FOR (i, (pixels - 1) * stride + columns) {
			if (edged && (left + i < 0 || left + i >= job->width))
				continue;
			const uint16_t *const at = x + (left + i) * AVL_BLOCK;
			const vecu value = single ? paired(at, NULL) : paired(at, at + row);
			FOR (q, columns)
				if (i >= q && (i - q) % stride == 0 && (i - q) / stride < pixels)
					sum[(i - q) / stride] =
					    dot(sum[(i - q) / stride], value, weight[0][q]);
		}
	}
	const vec lo = splat(job->lo), hi = splat(job->hi);
	uint16_t *const y = (uint16_t *)job->y + pixel * AVL_BLOCK + v;
	FOR (p, pixels)
		sum[p] = clamp(sum[p], lo, hi);
	if (NV == 1)
		store_bf16_row(y, sum, pixels);
	else
		FOR (p, pixels)
			store_bf16(y + p * AVL_BLOCK, sum[p]);
}

INLINE void depthwise_bf16_pixels(const struct avl_depthwise_job *job,
				  vecu weight[][DEPTHWISE_BF16_COLUMNS], int pixel, int v,
				  const int pixels, const int columns, const int stride)
{
	const int left = pixel * stride - job->pad;
	if (left >= 0 && left + (pixels - 1) * stride + columns <= job->width)
		depthwise_bf16_tile(job, weight, pixel, v, pixels, columns, stride, 0);
	else
		depthwise_bf16_tile(job, weight, pixel, v, pixels, columns, stride, 1);
}

/* One pixel of a window of any size. */
static void depthwise_bf16_any(const struct avl_depthwise_job *job, int pixel)
{
	const uint16_t *const x = job->x, *const w = job->w;
	uint16_t *const y = job->y;
	const int left = pixel * job->stride - job->pad;
	const int q0 = left < 0 ? -left : 0;
	const int q1 = left + job->columns > job->width ? job->width - left : job->columns;
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec sum = job->bias ? load(job->bias + v) : (vec){0};
		for (int r = 0; r < job->rows; r++)
			for (int q = q0; q < q1; q++) {
				const ptrdiff_t at = (ptrdiff_t)r * job->width + left + q;
				const ptrdiff_t tap = (ptrdiff_t)r * job->columns + q;
				sum = madd(load_bf16(w + tap * AVL_BLOCK + v),
					   load_bf16(x + at * AVL_BLOCK + v), sum);
			}
		store_bf16(y + pixel * AVL_BLOCK + v, clamp(sum, splat(job->lo), splat(job->hi)));
	}
}

INLINE void depthwise_bf16_columns(const struct avl_depthwise_job *job, const int columns,
				   const int stride)
{
	vecu weight[DEPTHWISE_BF16_PAIRS][DEPTHWISE_BF16_COLUMNS];
	const uint16_t *const first = job->w;
	const int row = columns * AVL_BLOCK;
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		for (int r = 0; r < job->rows; r += 2)
			FOR (q, columns) {
				const uint16_t *const w = first + r * row + q * AVL_BLOCK + v;
				weight[r / 2][q] = paired(w, r + 1 < job->rows ? w + row : NULL);
			}
		int p = 0;
		for (; p + DEPTHWISE_BF16_PIXELS <= job->pixels; p += DEPTHWISE_BF16_PIXELS)
			depthwise_bf16_pixels(job, weight, p, v, DEPTHWISE_BF16_PIXELS, columns,
					      stride);
		for (; p + DEPTHWISE_BF16_PIXELS / 2 <= job->pixels; p += DEPTHWISE_BF16_PIXELS / 2)
			depthwise_bf16_pixels(job, weight, p, v, DEPTHWISE_BF16_PIXELS / 2, columns,
					      stride);
		for (; p < job->pixels; p++)
			depthwise_bf16_pixels(job, weight, p, v, 1, columns, stride);
	}
}

static void depthwise_bf16(const struct avl_depthwise_job *job)
{
	const int columns = job->rows <= 2 * DEPTHWISE_BF16_PAIRS ? job->columns : 0;
	if (columns == 3 && job->stride == 1)
		depthwise_bf16_columns(job, 3, 1);
	else if (columns == 3 && job->stride == 2)
		depthwise_bf16_columns(job, 3, 2);
	else if (columns == 5 && job->stride == 1)
		depthwise_bf16_columns(job, 5, 1);
	else if (columns == 5 && job->stride == 2)
		depthwise_bf16_columns(job, 5, 2);
	else
		for (int p = 0; p < job->pixels; p++)
			depthwise_bf16_any(job, p);
}

static void maxpool_bf16(const struct avl_maxpool_job *job)
{
	const uint16_t *const x = job->x;
	uint16_t *const y = job->y;
	for (int p = 0; p < job->pixels; p++) {
		const int left = p * job->stride - job->pad;
		const int q0 = left < 0 ? -left : 0;
		const int q1 = left + job->columns > job->width ? job->width - left : job->columns;
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
			vec best = splat(-INFINITY);
			veci nan = {0};
			for (int r = 0; r < job->rows; r++)
				for (int q = q0; q < q1; q++) {
					const ptrdiff_t at = (ptrdiff_t)r * job->width + left + q;
					const vec value = load_bf16(x + at * AVL_BLOCK + v);
					best = max(best, value);
					nan |= (veci)(value != value);
				}
			store_bf16(y + p * AVL_BLOCK + v, (vec)((veci)best | nan));
		}
	}
}

static void add_bf16(uint16_t *y, const uint16_t *a, const uint16_t *b, size_t n, float lo,
		     float hi)
{
	const vec low = splat(lo), high = splat(hi);
	for (size_t i = 0; i < n; i += AVL_VECTOR) {
		vec x = load_bf16(a + i);
		if (b)
			x += load_bf16(b + i);
		store_bf16(y + i, clamp(x, low, high));
	}
}

static void sum_bf16(float *y, const uint16_t *x, size_t pixels, float factor)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec total = {0};
		for (size_t p = 0; p < pixels; p++)
			total += load_bf16(x + p * AVL_BLOCK + v);
		store(y + v, total * splat(factor));
	}
}

static void widen(float *y, const uint16_t *x, size_t n)
{
	for (size_t i = 0; i < n; i += AVL_VECTOR)
		store(y + i, load_bf16(x + i));
}

static void narrow(uint16_t *y, const float *x, size_t n)
{
	size_t i = 0;
	for (; i + AVL_VECTOR <= n; i += AVL_VECTOR) {
		vec value;
		memcpy(&value, x + i, sizeof value);
		const vech half = narrowed(value);
		memcpy(y + i, &half, sizeof half);
	}
	float rest[AVL_VECTOR] = {0};
	vec value;
	memcpy(rest, x + i, (n - i) * sizeof *x);
	memcpy(&value, rest, sizeof value);
	const vech half = narrowed(value);
	memcpy(y + i, &half, (n - i) * sizeof *y);
}
