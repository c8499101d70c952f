/* SPDX-License-Identifier: MIT */

/* Convolution as a product of small matrices held in registers: a tile of pixels by one or two
 * blocks of output channels. Each weight vector is loaded once for all pixels of the tile, and each
 * input is broadcast from memory into the multiply-add. */

#if AVL_VECTOR == 16 /* 32 registers: 2 x 14 sums, 2 weights */
#define PIXELS_MAX 14
#define PAIRS      1
#elif AVL_VECTOR == 8 /* 16 registers: 2 x 6 sums, 2 weights, 1 input */
#define PIXELS_MAX 6
#define PAIRS      0
#else
#define PIXELS_MAX 2
#define PAIRS      0
#endif

/* Weights come into the second level cache a page before they are used: there ends what the
 * processor fetches ahead by itself. */
INLINE void fetch_ahead(const void *weights)
{
	__builtin_prefetch((const char *)weights + 4096, 0, 2);
}

/* One input channel: its weights times its value at each pixel. */
INLINE void conv_step(vec sum[][NV], const float *x, ptrdiff_t x_pixel, const float *w,
		      size_t w_block, const int pixels, const int blocks)
{
	vec weight[2][NV];
	FOR (b, blocks)
		FOR (v, NV)
			weight[b][v] = load(w + (size_t)b * w_block + v * AVL_VECTOR);
	FOR (p, pixels) {
		const vec value = splat(x[p * x_pixel]);
		FOR (b, blocks)
			FOR (v, NV)
				sum[b * pixels + p][v] =
				    madd(value, weight[b][v], sum[b * pixels + p][v]);
	}
}

INLINE void conv_tile(const struct avl_conv_job *job, int block, int pixel, const int pixels,
		      const int blocks, const int inner)
{
	vec sum[2 * PIXELS_MAX][NV];
	const float *const x = job->x + pixel * job->x_pixel;
	const size_t w_block = (size_t)job->taps * (size_t)inner * AVL_BLOCK;
	const float *w = job->w + (size_t)block * w_block;

	/* the bias comes last: beside that of a folded batch norm small products would be lost */
	FOR (b, blocks)
		FOR (p, pixels)
			FOR (v, NV)
				sum[b * pixels + p][v] = (vec){0};

	for (int t = 0; t < job->taps; t++) {
		const float *const at = x + job->tap[t];
		for (int i = 0; i < inner; i++, w += AVL_BLOCK) {
			FOR (b, blocks)
				fetch_ahead(w + (size_t)b * w_block);
			conv_step(sum, at + i, job->x_pixel, w, w_block, pixels, blocks);
		}
	}

	const vec lo = splat(job->lo), hi = splat(job->hi);
	FOR (b, blocks)
		FOR (v, NV) {
			const ptrdiff_t at =
			    (block + b) * job->y_block + pixel * AVL_BLOCK + v * AVL_VECTOR;
			const vec bias =
			    job->bias ? load(job->bias + (block + b) * AVL_BLOCK + v * AVL_VECTOR)
				      : (vec){0};
			FOR (p, pixels) {
				vec y = sum[b * pixels + p][v] + bias;
				if (job->residual)
					y += load(job->residual + at + p * AVL_BLOCK);
				store(job->y + at + p * AVL_BLOCK, clamp(y, lo, hi));
			}
		}
}

/* A row in tiles as large as the registers allow; the last two share what is left evenly, since a
 * small tile cannot keep the multipliers busy. */
INLINE void conv_row(const struct avl_conv_job *job, int block, const int blocks, const int inner)
{
	for (int p = 0, size; p < job->pixels; p += size) {
		const int left = job->pixels - p;
		size = left >= 2 * PIXELS_MAX ? PIXELS_MAX
		       : left > PIXELS_MAX    ? (left + 1) / 2
					      : left;
		switch (size) {
#define TILE(n)                                                                                    \
	case n:                                                                                    \
		conv_tile(job, block, p, n, blocks, inner);                                        \
		break;
			TILE(1)
			TILE(2)
#if PIXELS_MAX > 2
			TILE(3)
			TILE(4)
			TILE(5)
			TILE(6)
#endif
#if PIXELS_MAX > 6
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

INLINE void conv_blocks(const struct avl_conv_job *job, const int inner)
{
	int b = 0;
#if PAIRS
	for (; b + 2 <= job->blocks; b += 2)
		conv_row(job, b, 2, inner);
#endif
	for (; b < job->blocks; b++)
		conv_row(job, b, 1, inner);
}

/* Apart, so that the compiler unrolls each. */
static void conv_blocked(const struct avl_conv_job *job)
{
	conv_blocks(job, AVL_BLOCK);
}

static void conv_half(const struct avl_conv_job *job)
{
	conv_blocks(job, AVL_BLOCK / 2);
}

static void conv_planar(const struct avl_conv_job *job)
{
	conv_blocks(job, 1);
}

static void conv(const struct avl_conv_job *job)
{
	if (job->inner == AVL_BLOCK)
		conv_blocked(job);
	else if (job->inner == AVL_BLOCK / 2)
		conv_half(job);
	else
		conv_planar(job);
}
