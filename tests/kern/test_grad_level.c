/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fenced.h"
#include "kern/kern.h"

static int below(struct avl_rng *rng, int n)
{
	return (int)avl_rng_below(rng, (uint32_t)n);
}

/* Where gradients are added up: some are there already. */
static struct fenced sum_so_far(struct avl_rng *rng, size_t n)
{
	const struct fenced f = fenced_new(n);
	for (size_t i = 0; i < n; i++)
		f.at[i] = 2 * avl_rng_uniform(rng) - 1;
	return f;
}

static float *copy_of(const struct fenced *f)
{
	float *const copy = malloc((f->n + 1) * sizeof *copy);
	memcpy(copy, f->at, f->n * sizeof *copy);
	return copy;
}

static void note(double *worst, float got, double wanted, int terms, double size)
{
	const double d = fabs((double)got - wanted) / sum_tolerance(terms, size);
	if (!(d <= *worst))
		*worst = d;
}

static void each_level(void (*check)(struct avl_rng *rng, int pixels))
{
	for (int i = 0; avl_kern_level(i); i++) {
		struct avl_rng rng;
		avl_rng_init(&rng, 7, 0);
		avl_kern_use(avl_kern_level(i), NULL);
		for (int pixels = 1; pixels <= 31; pixels++)
			for (int k = 0; k < 8; k++)
				check(&rng, pixels);
	}
}

static void check_conv_dw(struct avl_rng *rng, int pixels)
{
	const int inputs = 1 + below(rng, AVL_BLOCK), rows = 1 + below(rng, 4);
	const int x_pixel = (1 + below(rng, 3)) * inputs,
		  dy_row = (pixels + below(rng, 3)) * AVL_BLOCK;
	const int x_row = (pixels + below(rng, 2)) * x_pixel;
	float *const x =
	    unaligned_floats(rng, (size_t)((rows - 1) * x_row + (pixels - 1) * x_pixel + inputs));
	float *const dy = random_floats(rng, (size_t)(rows * dy_row));
	struct fenced dw = sum_so_far(rng, (size_t)inputs * AVL_BLOCK);
	float *const before = copy_of(&dw);
	avl_kern()->conv_dw(&(struct avl_conv_dw_job){.x = x,
						      .x_pixel = x_pixel,
						      .x_row = x_row,
						      .inputs = inputs,
						      .dy = dy,
						      .dy_row = dy_row,
						      .rows = rows,
						      .pixels = pixels,
						      .dw = dw.at});
	double worst = 0;
	for (int k = 0; k < inputs * AVL_BLOCK; k++) {
		double sum = (double)before[k], size = fabs(sum);
		for (int p = 0; p < rows * pixels; p++) {
			const int r = p / pixels, q = p % pixels;
			const double term = (double)x[r * x_row + q * x_pixel + k / AVL_BLOCK] *
					    (double)dy[r * dy_row + q * AVL_BLOCK + k % AVL_BLOCK];
			sum += term;
			size += fabs(term);
		}
		note(&worst, dw.at[k], sum, rows * pixels + 1, size);
	}
	cr_assert(worst <= 1, "%s: %d inputs, %d x %d pixels: off by %g tolerances",
		  avl_kern()->level, inputs, rows, pixels, worst);
	cr_assert(fences_stand(&dw), "%s", avl_kern()->level);
	fenced_free(&dw);
	free(before);
	free(x);
	free(dy);
}

Test(grad_level, convolution_weights_at_every_level)
{
	each_level(check_conv_dw);
}

/* A matrix (ROWS x COLS) from both sides of X (COLS x COLS): T X T'. */
static void both_sides(const double *t, int rows, int cols, const double *x, double *y)
{
	for (int k = 0; k < rows * rows; k++) {
		y[k] = 0;
		for (int l = 0; l < cols * cols; l++)
			y[k] +=
			    t[k / rows * cols + l / cols] * t[k % rows * cols + l % cols] * x[l];
	}
}

/* Lavin & Gray's A and G of F(4x4, 3x3). */
static const double A[6 * 4] = {1, 0, 0, 0, 1, 1,  1, 1,  1, -1, 1, -1,
				1, 2, 4, 8, 1, -2, 4, -8, 0, 0,  0, 1};
static const double G_BACK[3 * 6] = {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24,  0,
				     0,       -1.0 / 6, 1.0 / 6,  1.0 / 12, -1.0 / 12, 0,
				     0,       -1.0 / 6, -1.0 / 6, 1.0 / 6,  1.0 / 6,   1};

static void check_spread(struct avl_rng *rng, int tiles)
{
	struct avl_winograd_input_job job = {.m = 4, .tiles = 1 + tiles % 5};
	job.h = 1 + below(rng, 9);
	job.w = 4 * job.tiles - below(rng, 4);
	job.top = below(rng, (job.h + 3) / 4) * 4;
	job.step = (job.tiles + below(rng, 3)) * AVL_BLOCK;
	float *const x = random_floats(rng, (size_t)(job.h * job.w) * AVL_BLOCK);
	struct fenced out = fenced_new((size_t)(36 * job.step));
	job.x = x;
	job.out = out.at;
	avl_kern()->winograd_spread(&job);
	double worst = 0;
	for (int k = 0; k < job.tiles * AVL_BLOCK; k++) {
		double y[16] = {0}, wanted[36];
		for (int i = 0; i < 16; i++) {
			const int row = job.top + i / 4, col = k / AVL_BLOCK * 4 + i % 4;
			if (row < job.h && col < job.w)
				y[i] = (double)x[(row * job.w + col) * AVL_BLOCK + k % AVL_BLOCK];
		}
		both_sides(A, 6, 4, y, wanted);
		for (int i = 0; i < 36; i++)
			note(&worst, out.at[i * job.step + k], wanted[i], 16, 225);
	}
	cr_assert(worst <= 1, "%s: off by %g", avl_kern()->level, worst);
	cr_assert(fences_stand(&out), "%s", avl_kern()->level);
	fenced_free(&out);
	free(x);
}

Test(grad_level, winograd_spread_at_every_level)
{
	each_level(check_spread);
}

static void check_gather(struct avl_rng *rng, int unused)
{
	enum { TILE = AVL_BLOCK * AVL_BLOCK };
	(void)unused;
	float *const m = random_floats(rng, 36 * TILE);
	struct fenced dw = sum_so_far(rng, 9 * TILE);
	float *const before = copy_of(&dw);
	avl_kern()->winograd_gather(m, dw.at);
	double worst = 0;
	for (int k = 0; k < TILE; k++) {
		double x[36], wanted[9];
		for (int i = 0; i < 36; i++)
			x[i] = (double)m[i * TILE + k];
		both_sides(G_BACK, 3, 6, x, wanted);
		for (int i = 0; i < 9; i++)
			note(&worst, dw.at[i * TILE + k], wanted[i] + (double)before[i * TILE + k],
			     37, 3);
	}
	cr_assert(worst <= 1, "%s: off by %g", avl_kern()->level, worst);
	cr_assert(fences_stand(&dw), "%s", avl_kern()->level);
	fenced_free(&dw);
	free(before);
	free(m);
}

Test(grad_level, winograd_gather_at_every_level)
{
	each_level(check_gather);
}

/* Few values, so that the largest is there more than once. */
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
	const size_t outputs = (size_t)job.pixels * AVL_BLOCK;
	float *const x = random_floats(rng, inputs), *const dy = random_floats(rng, outputs);
	float *const y = random_floats(rng, outputs);
	for (size_t i = 0; i < inputs; i++)
		x[i] = (float)below(rng, 5);
	struct fenced dx = sum_so_far(rng, inputs);
	float *const wanted = copy_of(&dx);
	for (int k = 0; k < (int)outputs; k++) {
		const int p = k / AVL_BLOCK, o = k % AVL_BLOCK;
		int best = -1;
		for (int r = 0; r < job.rows * job.columns; r++) {
			const int col = p * job.stride - job.pad + r % job.columns;
			const int at = (r / job.columns * width + col) * AVL_BLOCK + o;
			if (col >= 0 && col < width && (best < 0 || x[at] > x[best]))
				best = at;
		}
		y[k] = best < 0 ? 0 : x[best];
		if (best >= 0)
			wanted[best] += dy[k];
	}
	job.x = x;
	job.y = y;
	job.dy = dy;
	job.dx = dx.at;
	avl_kern()->maxpool_grad(&job);
	cr_assert(same_bits(dx.at, wanted, inputs), "%s: width %d, columns %d, stride %d, pad %d",
		  avl_kern()->level, width, job.columns, job.stride, job.pad);
	cr_assert(fences_stand(&dx), "%s", avl_kern()->level);
	fenced_free(&dx);
	free(wanted);
	free(x);
	free(y);
	free(dy);
}

Test(grad_level, maxpool_is_exact_at_every_level)
{
	each_level(check_maxpool);
}

/* Adds the formula of kern.h for every pixel to DX and DW, the magnitudes to DX_SIZE, DW_SIZE. */
static void naive_depthwise(const struct avl_depthwise_grad_job *job, double *dx, double *dw,
			    double *dx_size, double *dw_size)
{
	for (int k = 0; k < job->rows * job->columns * job->pixels * AVL_BLOCK; k++) {
		const int o = k % AVL_BLOCK, p = k / AVL_BLOCK % job->pixels;
		const int tap = k / AVL_BLOCK / job->pixels;
		const int col = p * job->stride - job->pad + tap % job->columns;
		const int at = (tap / job->columns * job->width + col) * AVL_BLOCK + o;
		const double dy = (double)job->dy[p * AVL_BLOCK + o];
		if (col < 0 || col >= job->width)
			continue;
		const double to_dx = (double)job->w[tap * AVL_BLOCK + o] * dy;
		const double to_dw = (double)job->x[at] * dy;
		dx[at] += to_dx;
		dx_size[at] += fabs(to_dx);
		dw[tap * AVL_BLOCK + o] += to_dw;
		dw_size[tap * AVL_BLOCK + o] += fabs(to_dw);
	}
}

static double *widen(const struct fenced *f, int magnitude)
{
	double *const out = malloc((f->n + 1) * sizeof *out);
	for (size_t i = 0; i < f->n; i++)
		out[i] = magnitude ? fabs((double)f->at[i]) : (double)f->at[i];
	return out;
}

static double farthest(const struct fenced *got, const double *wanted, const double *size,
		       int terms)
{
	double worst = 0;
	for (size_t i = 0; i < got->n; i++)
		note(&worst, got->at[i], wanted[i], terms, size[i]);
	return worst;
}

static void check_depthwise(struct avl_rng *rng, int width)
{
	struct avl_depthwise_grad_job job = {
	    .rows = 1 + below(rng, 4),
	    .width = width,
	    .columns = 1 + below(rng, 7),
	    .stride = 1 + below(rng, 4),
	};
	job.pad = below(rng, job.columns);
	job.pixels = 1 + below(rng, (width - 1 + job.pad) / job.stride + 1);
	const size_t inputs = (size_t)(job.rows * width) * AVL_BLOCK;
	const size_t weights = (size_t)(job.rows * job.columns) * AVL_BLOCK;
	float *const x = random_floats(rng, inputs), *const w = random_floats(rng, weights);
	float *const dy = random_floats(rng, (size_t)job.pixels * AVL_BLOCK);
	struct fenced dx = sum_so_far(rng, inputs), dw = sum_so_far(rng, weights);
	double *const dx_wanted = widen(&dx, 0), *const dx_size = widen(&dx, 1);
	double *const dw_wanted = widen(&dw, 0), *const dw_size = widen(&dw, 1);
	job.x = x;
	job.w = w;
	job.dy = dy;
	const int wants = 1 + below(rng, 3); /* dx, dw or both */
	job.dx = wants & 1 ? dx.at : NULL;
	job.dw = wants & 2 ? dw.at : NULL;
	naive_depthwise(&job, dx_wanted, dw_wanted, dx_size, dw_size);
	avl_kern()->depthwise_grad(&job);
	const double a = job.dx ? farthest(&dx, dx_wanted, dx_size, job.columns + 1) : 0;
	const double b = job.dw ? farthest(&dw, dw_wanted, dw_size, job.pixels + 1) : 0;
	cr_assert(a <= 1 && b <= 1, "%s: width %d, columns %d, stride %d, pad %d: off by %g, %g",
		  avl_kern()->level, width, job.columns, job.stride, job.pad, a, b);
	cr_assert(fences_stand(&dx) && fences_stand(&dw), "%s", avl_kern()->level);
	double *const doubles[] = {dx_wanted, dx_size, dw_wanted, dw_size};
	for (int i = 0; i < 4; i++)
		free(doubles[i]);
	fenced_free(&dx);
	fenced_free(&dw);
	free(x);
	free(w);
	free(dy);
}

Test(grad_level, depthwise_at_every_level)
{
	each_level(check_depthwise);
}

static void check_gate(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	float *const dy = random_floats(rng, n), *const x = random_floats(rng, n);
	struct fenced dx = sum_so_far(rng, n);
	float *const before = copy_of(&dx);
	const float lo = below(rng, 2) ? 0 : -0.5f, hi = below(rng, 2) ? 0.25f : INFINITY;
	for (size_t i = 0; i < n; i += 5) /* on the bound: closed */
		x[i] = i % 2 ? lo : fminf(hi, 1e9f);
	const int add = below(rng, 2);
	avl_kern()->gate(dx.at, dy, x, n, lo, hi, add);
	size_t wrong = 0;
	for (size_t i = 0; i < n; i++) {
		const float sum = (add ? before[i] : 0) + (x[i] > lo && x[i] < hi ? dy[i] : 0);
		wrong += !(dx.at[i] == sum);
	}
	cr_assert_eq(wrong, 0, "%s: %zu of %zu", avl_kern()->level, wrong, n);
	cr_assert(fences_stand(&dx), "%s", avl_kern()->level);
	fenced_free(&dx);
	free(before);
	free(dy);
	free(x);
}

Test(grad_level, gate_is_exact_at_every_level)
{
	each_level(check_gate);
}

static void check_covary(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	float *const a = random_floats(rng, n), *const b = random_floats(rng, n);
	float *const means = random_floats(rng, 2 * AVL_BLOCK);
	struct fenced y = fenced_new(AVL_BLOCK);
	avl_kern()->covary(y.at, a, means, b, means + AVL_BLOCK, (size_t)pixels);
	double worst = 0;
	for (int o = 0; o < AVL_BLOCK; o++) {
		const double am = (double)means[o], bm = (double)means[AVL_BLOCK + o];
		double sum = 0, size = 0;
		for (int p = 0; p < pixels; p++) {
			const double x = (double)a[p * AVL_BLOCK + o];
			const double z = (double)b[p * AVL_BLOCK + o];
			sum += (x - am) * (z - bm);
			size += (fabs(x) + fabs(am)) * (fabs(z) + fabs(bm));
		}
		note(&worst, y.at[o], sum, pixels + 2, size);
	}
	cr_assert(worst <= 1, "%s: %d pixels: off by %g", avl_kern()->level, pixels, worst);
	cr_assert(fences_stand(&y), "%s", avl_kern()->level);
	fenced_free(&y);
	free(a);
	free(b);
	free(means);
}

Test(grad_level, covary_at_every_level)
{
	each_level(check_covary);
}

static void check_norm(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	float *const x = random_floats(rng, n), *const y = random_floats(rng, n);
	float *const mean = random_floats(rng, AVL_BLOCK);
	struct fenced dy = sum_so_far(rng, n), sums = fenced_new(2 * AVL_BLOCK);
	float *const before = copy_of(&dy);
	const int clamped = below(rng, 2);
	avl_kern()->norm_grad(&(struct avl_norm_grad_job){
	    .dy = dy.at,
	    .x = x,
	    .mean = mean,
	    .y = clamped ? y : NULL,
	    .lo = 0,
	    .hi = 0.5F,
	    .pixels = (size_t)pixels,
	    .sum = sums.at,
	    .product = sums.at + AVL_BLOCK,
	});
	double worst = 0;
	for (int o = 0; o < AVL_BLOCK; o++) {
		double sum = 0, product = 0, size = 0, product_size = 0;
		for (size_t i = (size_t)o; i < n; i += AVL_BLOCK) {
			const int open = !clamped || (y[i] > 0 && y[i] < 0.5F);
			const double g = open ? (double)before[i] : 0;
			cr_assert(dy.at[i] == (float)g, "%s", avl_kern()->level);
			sum += g;
			size += fabs(g);
			product += g * ((double)x[i] - (double)mean[o]);
			product_size += fabs(g) * (fabs((double)x[i]) + fabs((double)mean[o]));
		}
		note(&worst, sums.at[o], sum, pixels, size);
		note(&worst, sums.at[AVL_BLOCK + o], product, pixels + 1, product_size);
	}
	cr_assert(worst <= 1, "%s: %d pixels: off by %g", avl_kern()->level, pixels, worst);
	cr_assert(fences_stand(&dy) && fences_stand(&sums), "%s", avl_kern()->level);
	fenced_free(&dy);
	fenced_free(&sums);
	free(before);
	free(x);
	free(y);
	free(mean);
}

Test(grad_level, norm_at_every_level)
{
	each_level(check_norm);
}

static void check_blend(struct avl_rng *rng, int pixels)
{
	const size_t n = (size_t)pixels * AVL_BLOCK;
	float *const dy = random_floats(rng, n), *const x = random_floats(rng, n);
	float *const abc = random_floats(rng, 3 * AVL_BLOCK);
	struct fenced dx = sum_so_far(rng, n);
	float *const before = copy_of(&dx);
	const int add = below(rng, 2);
	avl_kern()->blend(dx.at, dy, x, abc, abc + AVL_BLOCK, abc + 2 * AVL_BLOCK, (size_t)pixels,
			  add);
	double worst = 0;
	for (size_t i = 0; i < n; i++) {
		const size_t o = i % AVL_BLOCK;
		const double terms[] = {add ? (double)before[i] : 0, (double)abc[o] * (double)dy[i],
					(double)abc[AVL_BLOCK + o] * (double)x[i],
					(double)abc[2 * AVL_BLOCK + o]};
		double sum = 0, size = 0;
		for (int k = 0; k < 4; k++) {
			sum += terms[k];
			size += fabs(terms[k]);
		}
		note(&worst, dx.at[i], sum, 4, size);
	}
	cr_assert(worst <= 1, "%s: %d pixels: off by %g", avl_kern()->level, pixels, worst);
	cr_assert(fences_stand(&dx), "%s", avl_kern()->level);
	fenced_free(&dx);
	free(before);
	free(dy);
	free(x);
	free(abc);
}

Test(grad_level, blend_at_every_level)
{
	each_level(check_blend);
}
