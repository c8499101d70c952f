/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/tensor.h"
#include "fenced.h"
#include "kern/kern.h"

/* The kernels of training on maps in bf16. Those that look at one element or one channel do what
 * their twins in fp32 do to the same numbers, and round what they store: bit for bit. */

static int below(struct avl_rng *rng, int n)
{
	return (int)avl_rng_below(rng, (uint32_t)n);
}

/* N numbers of bf16, and the same as floats. */
struct both {
	uint16_t *half;
	float *wide;
	size_t n;
};

static struct both random_both(struct avl_rng *rng, size_t n)
{
	const struct both b = {avl_alloc(n, sizeof *b.half), avl_alloc(n, sizeof *b.wide), n};
	for (size_t i = 0; i < n; i++) {
		b.half[i] = avl_float_to_bfloat(2 * avl_rng_uniform(rng) - 1);
		b.wide[i] = avl_bfloat_to_float(b.half[i]);
	}
	return b;
}

static void both_free(struct both *b)
{
	free(b->half);
	free(b->wide);
}

/* Whether the halves are what the floats round to. */
static int agree(const struct both *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->half[i] != avl_float_to_bfloat(b->wide[i]))
			return 0;
	return 1;
}

static void each_level(void (*check)(struct avl_rng *rng, int pixels))
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 17, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int pixels = 1; pixels <= 31; pixels++)
			for (int k = 0; k < 8; k++)
				check(&rng, pixels);
	}
}

static void check_affine(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	struct both y = random_both(rng, n), x = random_both(rng, n), other = random_both(rng, n);
	float *const scale = random_floats(rng, (size_t)2 * AVL_BLOCK);
	const int two = below(rng, 2);
	avl_kern()->affine(y.wide, x.wide, scale, scale + AVL_BLOCK, two ? other.wide : NULL,
			   (size_t)pixels, -0.5F, 1);
	avl_kern()->bf16.affine(y.half, x.half, scale, scale + AVL_BLOCK, two ? other.half : NULL,
				(size_t)pixels, -0.5F, 1);
	cr_assert(agree(&y), "%s: %d pixels", avl_kern()->level, pixels);
	free(scale);
	both_free(&y);
	both_free(&x);
	both_free(&other);
}

Test(train_bf16_level, affine_is_that_in_fp32_rounded)
{
	each_level(check_affine);
}

static void check_gate_and_blend(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	struct both dx = random_both(rng, n), dy = random_both(rng, n), x = random_both(rng, n);
	float *const abc = random_floats(rng, (size_t)3 * AVL_BLOCK);
	const int add = below(rng, 2);
	avl_kern()->blend(dx.wide, dy.wide, x.wide, abc, abc + AVL_BLOCK, abc + 2 * AVL_BLOCK,
			  (size_t)pixels, add);
	avl_kern()->bf16.blend(dx.half, dy.half, x.half, abc, abc + AVL_BLOCK, abc + 2 * AVL_BLOCK,
			       (size_t)pixels, add);
	cr_assert(agree(&dx), "%s: %d pixels", avl_kern()->level, pixels);
	avl_kern()->bf16.widen(dx.wide, dx.half, n);
	avl_kern()->gate(dx.wide, dy.wide, x.wide, n, -0.25F, 0.5F, add);
	avl_kern()->bf16.gate(dx.half, dy.half, x.half, n, -0.25F, 0.5F, add);
	cr_assert(agree(&dx), "%s: %d pixels", avl_kern()->level, pixels);
	free(abc);
	both_free(&dx);
	both_free(&dy);
	both_free(&x);
}

Test(train_bf16_level, gate_and_blend_are_those_in_fp32_rounded)
{
	each_level(check_gate_and_blend);
}

static void check_sums(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	struct both dy = random_both(rng, n), x = random_both(rng, n), y = random_both(rng, n);
	float *const mean = random_floats(rng, AVL_BLOCK);
	struct fenced sums = fenced_new((size_t)6 * AVL_BLOCK);
	struct avl_norm_grad_job job = {
	    .dy = dy.wide,
	    .x = x.wide,
	    .mean = mean,
	    .y = below(rng, 2) ? y.wide : NULL,
	    .lo = 0,
	    .hi = 0.5F,
	    .pixels = (size_t)pixels,
	    .sum = sums.at,
	    .product = sums.at + AVL_BLOCK,
	};
	avl_kern()->norm_grad(&job);
	avl_kern()->covary(sums.at + 2 * AVL_BLOCK, x.wide, mean, y.wide, mean, (size_t)pixels);
	job.dy = dy.half;
	job.x = x.half;
	job.y = job.y ? y.half : NULL;
	job.sum += 3 * AVL_BLOCK;
	job.product += 3 * AVL_BLOCK;
	avl_kern()->bf16.norm_grad(&job);
	avl_kern()->bf16.covary(sums.at + 5 * AVL_BLOCK, x.half, mean, y.half, mean,
				(size_t)pixels);
	cr_assert(agree(&dy) &&
		      same_bits(sums.at, sums.at + 3 * AVL_BLOCK, (size_t)3 * AVL_BLOCK) &&
		      fences_stand(&sums),
		  "%s: %d pixels", avl_kern()->level, pixels);
	free(mean);
	fenced_free(&sums);
	both_free(&dy);
	both_free(&x);
	both_free(&y);
}

Test(train_bf16_level, sums_are_those_in_fp32)
{
	each_level(check_sums);
}

/* Few values, so that the largest is there more than once and sums are exact. */
static struct both few_values(struct avl_rng *rng, size_t n)
{
	const struct both b = random_both(rng, n);
	for (size_t i = 0; i < n; i++) {
		b.wide[i] = (float)below(rng, 5);
		b.half[i] = avl_float_to_bfloat(b.wide[i]);
	}
	return b;
}

static void check_maxpool(struct avl_rng *rng, int width)
{
	struct avl_maxpool_grad_job job = {
	    .rows = 1 + below(rng, 3),
	    .width = width,
	    .columns = 1 + below(rng, 4),
	    .stride = 1 + below(rng, 3),
	};
	job.pad = below(rng, job.columns);
	job.pixels = 1 + below(rng, (width - 1 + job.pad) / job.stride + 1);
	const size_t inputs = (size_t)(job.rows * width) * AVL_BLOCK;
	struct both x = few_values(rng, inputs), dx = few_values(rng, inputs);
	struct both y = few_values(rng, (size_t)job.pixels * AVL_BLOCK);
	struct both dy = few_values(rng, (size_t)job.pixels * AVL_BLOCK);
	job.x = x.wide;
	job.y = y.wide;
	job.dx = dx.wide;
	job.dy = dy.wide;
	avl_kern()->maxpool_grad(&job);
	job.x = x.half;
	job.y = y.half;
	job.dx = dx.half;
	job.dy = dy.half;
	avl_kern()->bf16.maxpool_grad(&job);
	cr_assert(agree(&dx), "%s: width %d", avl_kern()->level, width);
	both_free(&x);
	both_free(&dx);
	both_free(&y);
	both_free(&dy);
}

Test(train_bf16_level, maxpool_is_that_in_fp32)
{
	each_level(check_maxpool);
}

/* The transforms of maps in bf16 are those of the same numbers in fp32. */
static void check_winograd(struct avl_rng *rng, int width)
{
	enum { TILES = 3 };
	const int h = 1 + below(rng, 9), m = 2 + 2 * below(rng, 3);
	const size_t n = (size_t)(h * width) * AVL_BLOCK, products = (size_t)64 * TILES * AVL_BLOCK;
	struct both x = random_both(rng, n), y = random_both(rng, n);
	float *const p = random_floats(rng, products);
	struct fenced wide = fenced_new(products), half = fenced_new(products);
	struct avl_winograd_input_job in = {
	    .m = m,
	    .x = x.wide,
	    .h = h,
	    .w = width,
	    .top = below(rng, h) - 1,
	    .left = below(rng, width) - 1,
	    .tiles = TILES,
	    .out = wide.at,
	    .step = (ptrdiff_t)TILES * AVL_BLOCK,
	};
	struct avl_winograd_output_job out = {
	    .m = m,
	    .p = p,
	    .step = in.step,
	    .residual = y.wide,
	    .y = y.wide,
	    .h = h,
	    .w = width,
	    .tiles = (width + m - 1) / m < TILES ? (width + m - 1) / m : TILES,
	    .lo = -1,
	    .hi = 2,
	};
	avl_kern()->winograd_input(&in);
	avl_kern()->winograd_output(&out);
	in.x = x.half;
	in.is_bf16 = out.is_bf16 = 1;
	in.out = half.at;
	out.y = y.half;
	out.residual = y.half;
	avl_kern()->winograd_input(&in);
	avl_kern()->winograd_output(&out);
	cr_assert(same_bits(wide.at, half.at, products) && agree(&y), "%s: m %d, %d x %d",
		  avl_kern()->level, m, h, width);
	in.top = in.left = 0;
	in.tiles = out.tiles;
	avl_kern()->winograd_spread(&in);
	in.x = x.wide;
	in.is_bf16 = 0;
	in.out = wide.at;
	avl_kern()->winograd_spread(&in);
	cr_assert(same_bits(wide.at, half.at, products), "%s: %d x %d", avl_kern()->level, h,
		  width);
	fenced_free(&wide);
	fenced_free(&half);
	free(p);
	both_free(&x);
	both_free(&y);
}

Test(train_bf16_level, winograd_transforms_are_those_in_fp32)
{
	each_level(check_winograd);
}

/* More pixels than are laid side by side at a time; an odd number of them; rows apart. */
static void check_conv_dw(struct avl_rng *rng, int pixels)
{
	const int rows = 1 + below(rng, 9), inputs = 1 + below(rng, AVL_BLOCK);
	const int x_pixel = (1 + below(rng, 3)) * AVL_BLOCK;
	const int x_row = (pixels + below(rng, 2)) * x_pixel;
	const int dy_row = (pixels + below(rng, 3)) * AVL_BLOCK;
	struct both x = random_both(rng, (size_t)(rows * x_row));
	struct both dy = random_both(rng, (size_t)(rows * dy_row));
	struct fenced dw = fenced_new((size_t)inputs * AVL_BLOCK);
	for (size_t i = 0; i < dw.n; i++)
		dw.at[i] = 1;
	avl_kern()->bf16.conv_dw(&(struct avl_conv_dw_job){.x = x.half,
							   .x_pixel = x_pixel,
							   .x_row = x_row,
							   .inputs = inputs,
							   .dy = dy.half,
							   .dy_row = dy_row,
							   .rows = rows,
							   .pixels = pixels,
							   .dw = dw.at});
	for (int k = 0; k < inputs * AVL_BLOCK; k++) {
		double sum = 1, size = 1;
		for (int p = 0; p < rows * pixels; p++) {
			const int r = p / pixels, q = p % pixels;
			const double term =
			    (double)x.wide[r * x_row + q * x_pixel + k / AVL_BLOCK] *
			    (double)dy.wide[r * dy_row + q * AVL_BLOCK + k % AVL_BLOCK];
			sum += term;
			size += fabs(term);
		}
		cr_assert_leq(fabs((double)dw.at[k] - sum), sum_tolerance(rows * pixels + 1, size),
			      "%s: %d inputs, %d x %d pixels", avl_kern()->level, inputs, rows,
			      pixels);
	}
	cr_assert(fences_stand(&dw), "%s", avl_kern()->level);
	fenced_free(&dw);
	both_free(&x);
	both_free(&dy);
}

Test(train_bf16_level, convolution_weights_at_every_level)
{
	each_level(check_conv_dw);
}
