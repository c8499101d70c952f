/* SPDX-License-Identifier: MIT */

/* The other kernels on maps in bf16: what is read is widened, the arithmetic is in fp32. */

/* Neighbours whose sums are held in registers. */
#define DEPTHWISE_BF16_PIXELS (AVL_VECTOR == 16 ? 14 : 4)

/* PIXELS neighbours whose windows lie wholly inside the row, for vector V of the block. Each input
 * is widened once and added to all the windows it lies in. */
INLINE void depthwise_bf16_tile(const struct avl_depthwise_bf16_job *job, int pixel, int v,
				const int pixels, const int columns, const int stride)
{
	vec sum[14];
	FOR (p, pixels)
		sum[p] = job->bias ? load(job->bias + v) : (vec){0};
	const float *w = job->w + v;
	for (int r = 0; r < job->rows; r++, w += columns * AVL_BLOCK) {
		const uint16_t *const x =
		    job->x + ((ptrdiff_t)r * job->width + pixel * stride - job->pad) * AVL_BLOCK +
		    v;
		vec weight[5];
		FOR (q, columns)
			weight[q] = load(w + q * AVL_BLOCK);
		FOR (i, (pixels - 1) * stride + columns) {
			const vec value = load_bf16(x + i * AVL_BLOCK);
			FOR (q, columns)
				if (i >= q && (i - q) % stride == 0 && (i - q) / stride < pixels)
					sum[(i - q) / stride] =
					    madd(weight[q], value, sum[(i - q) / stride]);
		}
	}
	const vec lo = splat(job->lo), hi = splat(job->hi);
	FOR (p, pixels)
		store_bf16(job->y + (pixel + p) * AVL_BLOCK + v, clamp(sum[p], lo, hi));
}

/* One pixel, whose window may stick out, and may have any width. */
static void depthwise_bf16_edge(const struct avl_depthwise_bf16_job *job, int pixel)
{
	const int left = pixel * job->stride - job->pad;
	const int q0 = left < 0 ? -left : 0;
	const int q1 = left + job->columns > job->width ? job->width - left : job->columns;
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec sum = job->bias ? load(job->bias + v) : (vec){0};
		for (int r = 0; r < job->rows; r++)
			for (int q = q0; q < q1; q++) {
				const ptrdiff_t at = (ptrdiff_t)r * job->width + left + q;
				sum = madd(load(job->w + (r * job->columns + q) * AVL_BLOCK + v),
					   load_bf16(job->x + at * AVL_BLOCK + v), sum);
			}
		store_bf16(job->y + pixel * AVL_BLOCK + v,
			   clamp(sum, splat(job->lo), splat(job->hi)));
	}
}

INLINE void depthwise_bf16_columns(const struct avl_depthwise_bf16_job *job, const int columns,
				   const int stride)
{
	int p, last;
	inside(job->width, columns, stride, job->pad, job->pixels, &p, &last);
	for (int edge = 0; edge < p; edge++)
		depthwise_bf16_edge(job, edge);
	for (; p + DEPTHWISE_BF16_PIXELS <= last; p += DEPTHWISE_BF16_PIXELS)
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR)
			depthwise_bf16_tile(job, p, v, DEPTHWISE_BF16_PIXELS, columns, stride);
	for (; p + 4 <= last; p += 4)
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR)
			depthwise_bf16_tile(job, p, v, 4, columns, stride);
	for (; p < last; p++)
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR)
			depthwise_bf16_tile(job, p, v, 1, columns, stride);
	for (; p < job->pixels; p++)
		depthwise_bf16_edge(job, p);
}

static void depthwise_bf16(const struct avl_depthwise_bf16_job *job)
{
	const int columns = job->columns, stride = job->stride;
	if (columns == 3 && stride == 1)
		depthwise_bf16_columns(job, 3, 1);
	else if (columns == 3 && stride == 2)
		depthwise_bf16_columns(job, 3, 2);
	else if (columns == 5 && stride == 1)
		depthwise_bf16_columns(job, 5, 1);
	else if (columns == 5 && stride == 2)
		depthwise_bf16_columns(job, 5, 2);
	else
		for (int p = 0; p < job->pixels; p++)
			depthwise_bf16_edge(job, p);
}

static void maxpool_bf16(const struct avl_maxpool_bf16_job *job)
{
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
					const vec value = load_bf16(job->x + at * AVL_BLOCK + v);
					best = max(best, value);
					nan |= (veci)(value != value);
				}
			store_bf16(job->y + p * AVL_BLOCK + v, (vec)((veci)best | nan));
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
