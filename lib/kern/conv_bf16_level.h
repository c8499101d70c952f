/* SPDX-License-Identifier: MIT */

/* Convolution in bf16: as conv_level.h, a pair of input channels in each step. Rows that are
 * shorter than half a tile take four blocks of output channels at once. A tap outside the picture
 * leaves out the pixel at that end of the row, so that no border of zeros is multiplied. */

#if defined(AVL_BF16) /* 32 registers: 2 x 14 or 4 x 7 sums, weights, an input */
#define BF16_PIXELS 14
#define BF16_QUADS  7
#elif AVL_VECTOR > 4 /* widened: 4 sums of one block, 4 halves of weights, 2 of an input */
#define BF16_PIXELS 4
#define BF16_QUADS  0
#else
#define BF16_PIXELS 2
#define BF16_QUADS  0
#endif

/* Pixel P of a tile, whose every third pixel has a pointer: with the three strides that x86 scales
 * by itself, all are reached without arithmetic. */
struct bf16_inputs {
	const char *third[5];
	ptrdiff_t stride; /* bytes */
};

INLINE struct bf16_inputs bf16_inputs_at(const uint16_t *x, ptrdiff_t stride, const int pixels)
{
	struct bf16_inputs in = {.stride = stride * (ptrdiff_t)sizeof *x};
	FOR (i, (pixels + 2) / 3)
		in.third[i] = (const char *)x + 3 * i * in.stride;
	return in;
}

INLINE const char *bf16_input(const struct bf16_inputs *in, const int pixel)
{
	return in->third[pixel / 3] + (pixel % 3) * in->stride;
}

/* The pixels FIRST..LAST-1 of a tile of PIXELS: the sums of one tap. */
INLINE void bf16_tap(vec sum[][BF16_PIXELS], const uint16_t *x, ptrdiff_t x_pixel,
		     const uint16_t *w, ptrdiff_t w_block, int pairs, const int first,
		     const int last, const int pixels, const int blocks)
{
	struct bf16_inputs in = bf16_inputs_at(x, x_pixel, pixels);
	for (int i = 0; i < pairs; i++, w += 2 * AVL_BLOCK) {
		vecu weight[4][NV];
		FOR (b, blocks)
			FOR (v, NV)
				weight[b][v] = load_pairs(w + b * w_block + 2 * v * AVL_VECTOR);
		FOR (p, pixels) {
			if (p < first || p >= last)
				continue;
			const vecu value = splat_pair(bf16_input(&in, p));
			FOR (b, blocks)
				FOR (v, NV)
					sum[b * NV + v][p] =
					    dot(sum[b * NV + v][p], value, weight[b][v]);
		}
		FOR (k, (pixels + 2) / 3)
			in.third[k] += 2 * sizeof *x;
	}
}

/* Sums of one vector of a block at each pixel, whose place in y is AT: residual, clamp, store. */
INLINE void bf16_store(const struct avl_conv_bf16_job *job, vec *y, ptrdiff_t at, const int pixels)
{
	const vec lo = splat(job->lo), hi = splat(job->hi);
	if (job->residual && job->residual_is_float)
		FOR (p, pixels)
			y[p] += load((const float *)job->residual + at + p * AVL_BLOCK);
	else if (job->residual)
		FOR (p, pixels)
			y[p] += load_bf16((const uint16_t *)job->residual + at + p * AVL_BLOCK);
	FOR (p, pixels)
		y[p] = clamp(y[p], lo, hi);
	if (job->y_is_float)
		FOR (p, pixels)
			store((float *)job->y + at + p * AVL_BLOCK, y[p]);
	else if (NV == 1)
		store_bf16_row((uint16_t *)job->y + at, y, pixels);
	else
		FOR (p, pixels)
			store_bf16((uint16_t *)job->y + at + p * AVL_BLOCK, y[p]);
}

INLINE void bf16_tile(const struct avl_conv_bf16_job *job, int block, int pixel, const int pixels,
		      const int blocks)
{
	vec sum[4 * NV][BF16_PIXELS];
	const uint16_t *const x = job->x + pixel * job->x_pixel;
	const uint16_t *w = job->w + block * job->w_block;
	const int begins = pixel == 0, ends = pixel + pixels == job->pixels;

	FOR (b, blocks)
		FOR (v, NV) {
			const vec bias =
			    job->bias ? load(job->bias + (block + b) * AVL_BLOCK + v * AVL_VECTOR)
				      : (vec){0};
			FOR (p, pixels)
				sum[b * NV + v][p] = bias;
		}
	for (int t = 0; t < job->taps; t++) {
		const struct avl_tap_bf16 *const tap = &job->tap[t];
		if (begins & tap->left)
			bf16_tap(sum, x + tap->at, job->x_pixel, w, job->w_block, tap->pairs, 1,
				 pixels, pixels, blocks);
		else if (ends & tap->right)
			bf16_tap(sum, x + tap->at, job->x_pixel, w, job->w_block, tap->pairs, 0,
				 pixels - 1, pixels, blocks);
		else
			bf16_tap(sum, x + tap->at, job->x_pixel, w, job->w_block, tap->pairs, 0,
				 pixels, pixels, blocks);
		w += tap->pairs * 2 * AVL_BLOCK;
	}
	FOR (b, blocks)
		FOR (v, NV)
			bf16_store(job, sum[b * NV + v],
				   (block + b) * job->y_block + pixel * AVL_BLOCK + v * AVL_VECTOR,
				   pixels);
}

/* Each tile size is a function of its own: compilers allot registers better to small ones. */
#define BF16_TILE(n, b)                                                                            \
	static __attribute__((noinline)) void bf16_tile_##n##_##b(                                 \
	    const struct avl_conv_bf16_job *job, int block, int pixel)                             \
	{                                                                                          \
		bf16_tile(job, block, pixel, n, b);                                                \
	}
#define BF16_TILES(b)                                                                              \
	BF16_TILE(1, b)                                                                            \
	BF16_TILE(2, b)
#define BF16_TILES_4(b)                                                                            \
	BF16_TILE(3, b)                                                                            \
	BF16_TILE(4, b)
#define BF16_TILES_7(b)                                                                            \
	BF16_TILE(5, b)                                                                            \
	BF16_TILE(6, b)                                                                            \
	BF16_TILE(7, b)
#define BF16_TILES_14(b)                                                                           \
	BF16_TILE(8, b)                                                                            \
	BF16_TILE(9, b)                                                                            \
	BF16_TILE(10, b)                                                                           \
	BF16_TILE(11, b)                                                                           \
	BF16_TILE(12, b)                                                                           \
	BF16_TILE(13, b)                                                                           \
	BF16_TILE(14, b)
BF16_TILES(1)
#if BF16_PIXELS > 2
BF16_TILES_4(1)
#endif
#if BF16_PIXELS > 4
BF16_TILES_7(1)
BF16_TILES_14(1)
BF16_TILES(2)
BF16_TILES_4(2)
BF16_TILES_7(2)
BF16_TILES_14(2)
BF16_TILES(4)
BF16_TILES_4(4)
BF16_TILES_7(4)
#endif

typedef void bf16_tile_fn(const struct avl_conv_bf16_job *job, int block, int pixel);

#define BF16_ROW_2(b) bf16_tile_1_##b, bf16_tile_2_##b
#define BF16_ROW_4(b) BF16_ROW_2(b), bf16_tile_3_##b, bf16_tile_4_##b
#define BF16_ROW_7(b) BF16_ROW_4(b), bf16_tile_5_##b, bf16_tile_6_##b, bf16_tile_7_##b
#define BF16_ROW_14(b)                                                                             \
	BF16_ROW_7(b), bf16_tile_8_##b, bf16_tile_9_##b, bf16_tile_10_##b, bf16_tile_11_##b,       \
	    bf16_tile_12_##b, bf16_tile_13_##b, bf16_tile_14_##b

#if BF16_PIXELS == 14
static bf16_tile_fn *const bf16_single[] = {BF16_ROW_14(1)};
static bf16_tile_fn *const bf16_double[] = {BF16_ROW_14(2)};
static bf16_tile_fn *const bf16_quad[] = {BF16_ROW_7(4)};
#elif BF16_PIXELS == 4
static bf16_tile_fn *const bf16_single[] = {BF16_ROW_4(1)};
#else
static bf16_tile_fn *const bf16_single[] = {BF16_ROW_2(1)};
#endif

/* As in conv_level.h: the last two tiles share what is left evenly. */
static void bf16_row(const struct avl_conv_bf16_job *job, int block, bf16_tile_fn *const *tile)
{
	for (int p = 0, size; p < job->pixels; p += size) {
		const int left = job->pixels - p;
		size = left >= 2 * BF16_PIXELS ? BF16_PIXELS
		       : left > BF16_PIXELS    ? (left + 1) / 2
					       : left;
		tile[size - 1](job, block, p);
	}
}

static void conv_bf16(const struct avl_conv_bf16_job *job)
{
	int b = 0;
#if BF16_QUADS
	for (; job->pixels <= BF16_QUADS && b + 4 <= job->blocks; b += 4)
		bf16_row(job, b, bf16_quad);
	for (; b + 2 <= job->blocks; b += 2)
		bf16_row(job, b, bf16_double);
#endif
	for (; b < job->blocks; b++)
		bf16_row(job, b, bf16_single);
}
