/* SPDX-License-Identifier: MIT */
#ifndef AVL_KERN_KERN_H
#define AVL_KERN_KERN_H

#include <stddef.h>

#include "base/err.h"
#include "kern/bf16.h"
#include "kern/fft.h"

/* The inner loops of the networks, one table a CPU level. Each kernel is one source
 * (kern/NAME_level.h) that is compiled once for every level; nothing outside lib/kern knows an
 * instruction set. At one level a result depends on the operands alone, never on how the work was
 * cut: every output element is summed in the same order whatever its neighbours are.
 *
 * Feature maps are blocked: channels in blocks of AVL_BLOCK, [c/16][n][h][w][16], unused channels
 * of the last block zero, every block at a multiple of 64 bytes. So one block is one AVX-512
 * register, two of AVX2, four of SSE or NEON, and the pictures of a batch follow each other.
 *
 * NaN stays NaN, through a clamp and a maximum too. An output overlaps no input but where it is
 * said. Weights, biases, outputs and blocked inputs lie at multiples of 64 bytes. */
#define AVL_BLOCK 16

/* How many blocks hold C channels. */
static inline int avl_blocks(int c)
{
	return (c + AVL_BLOCK - 1) / AVL_BLOCK;
}

/* A row of output pixels of a convolution, for some blocks of output channels:
 *
 *   y[b][p][o] = clamp(bias[b][o] + residual[b][p][o]
 *                      + sum_t sum_i w[b][t][i][o] * x[p * x_pixel + tap[t] + i], lo, hi)
 *
 * The taps list the input blocks under the kernel's window, so that any window, stride, dilation
 * and layout is one loop. INNER is 16 where x is blocked, 8 where it is half blocks, and 1 where x
 * is planar. */
struct avl_conv_job {
	const float *x;
	ptrdiff_t x_pixel;    /* floats from the input of an output pixel to that of the next */
	const ptrdiff_t *tap; /* floats from there to each tap */
	int taps, inner;
	const float *w;        /* [blocks][taps][inner][16] */
	const float *bias;     /* [blocks][16], may be NULL */
	const float *residual; /* laid out as y, may be NULL; may be y itself */
	float *y;              /* [..][pixels][16] */
	ptrdiff_t y_block;     /* floats from an output block to the next */
	int pixels, blocks;
	float lo, hi; /* -INFINITY, INFINITY: no activation */
};

/* One output row of a depthwise convolution for one block of channels:
 *
 *   y[p] = clamp(bias + sum_(r,q) w[r][q] * x[r][p * stride - pad + q], lo, hi)
 *
 * over the kernel rows r that the caller leaves (those inside the picture) and the columns inside
 * 0..width-1. x, w and y are float, or bf16 for the kernel of that name. */
struct avl_depthwise_job {
	const void *x; /* the first of the rows, [rows][width][16] */
	int rows, width;
	const void *w; /* the first of the kernel's rows, [rows][columns][16] */
	int columns, stride, pad;
	const float *bias; /* [16], may be NULL */
	void *y;           /* [pixels][16] */
	int pixels;
	float lo, hi;
};

/* One output row of a maximum over windows, for one block; the arguments as above. */
struct avl_maxpool_job {
	const void *x;
	int rows, width;
	int columns, stride, pad;
	void *y;
	int pixels;
};

/* Winograd's F(m x m, 3 x 3), m = 2, 4 or 6: tiles of m x m outputs of a 3 x 3 convolution, TILES
 * of them side by side, for one block of channels of one picture.
 *
 * The (m + 2) x (m + 2) inputs of each, from row TOP and column LEFT (of the first tile) on, zeros
 * outside the picture, transformed: element k, by rows, of tile t goes to out + k * step + t * 16.
 */
struct avl_winograd_input_job {
	int m;
	const void *x; /* [h][w][16], of floats */
	int is_bf16;   /* or in bf16 */
	int h, w, top, left;
	int tiles;
	float *out;
	ptrdiff_t step;
};

/* The transform of the products, then bias, residual and clamp as above. With POOL the largest of
 * every 2 x 2 outputs that lie inside the picture is what is stored. */
struct avl_winograd_output_job {
	int m;
	const float *p; /* product k of tile t at p + k * step + t * 16 */
	ptrdiff_t step;
	const float *bias;    /* [16], may be NULL */
	const void *residual; /* laid out as y, may be NULL; not with pool */
	void *y;              /* [h][w][16], with pool [h/2][w/2][16]; nothing outside is written */
	int is_bf16;          /* residual and y, which are of floats otherwise */
	int h, w, top, left;  /* of the picture, of the first tile */
	int tiles;
	int pool;
	float lo, hi;
};

/* What rows of output pixels add to the gradient of a convolution's weights at one tap:
 *
 *   dw[i][o] += sum_r sum_p x[r * x_row + p * x_pixel + i] * dy[r * dy_row + p * 16 + o]
 *
 * for i < inputs. x and dy are of floats, or in bf16 (avl_kern_bf16); dw is of floats. */
struct avl_conv_dw_job {
	const void *x; /* in bf16, 16 elements of each pixel are read */
	ptrdiff_t x_pixel, x_row;
	int inputs; /* 16 at most */
	const void *dy;
	ptrdiff_t dy_row;
	int rows, pixels;
	float *dw;
};

/* One output row of a maximum over windows backwards; members as in avl_maxpool_job. The first of
 * the largest in window order gets the gradient, as in torch:
 *
 *   dx[r][p * stride - pad + q] += dy[p]
 *
 * The maps are all of floats, or all in bf16 (avl_kern_bf16). */
struct avl_maxpool_grad_job {
	const void *x, *y;
	void *dx;
	int rows, width;
	int columns, stride, pad;
	const void *dy;
	int pixels;
};

/* The same row of a depthwise convolution backwards; members as in avl_depthwise_job:
 *
 *   dx[r][p * stride - pad + q] += w[r][q] * dy[p]
 *   dw[r][q] += sum_p x[r][p * stride - pad + q] * dy[p] */
struct avl_depthwise_grad_job {
	const float *x, *w;
	float *dx, *dw; /* NULL: not wanted */
	int rows, width;
	int columns, stride, pad;
	const float *dy;
	int pixels;
};

/* The powers of sixteen spectra side by side, of frames of n real samples (kern/fft.h):
 *
 *   y[k][f] = gain * |sum_i x[i][f] exp(-2 pi i k / n)|^2      k = 0..n/2 */
struct avl_power_job {
	const struct avl_fft *fft;
	double *x; /* [n][16]; working memory afterwards */
	float *y;  /* [n / 2 + 1][16] */
	double gain;
};

/* The sums that a normalisation y = clamp(..) needs backward, for one block:
 *
 *   dy[p][i] = 0 unless lo < y[p][i] < hi
 *   sum[i] = sum_p dy[p][i],  product[i] = sum_p dy[p][i] * (x[p][i] - mean[i])
 *
 * The maps dy, x and y are all of floats, or all in bf16 (avl_kern_bf16). */
struct avl_norm_grad_job {
	void *dy;
	const void *x;
	const void *y; /* NULL: dy stays as it is */
	const float *mean;
	float lo, hi;
	size_t pixels;
	float *sum, *product;
};

struct avl_kern {
	const char *level;
	void (*conv)(const struct avl_conv_job *job);
	void (*depthwise)(const struct avl_depthwise_job *job);
	void (*maxpool)(const struct avl_maxpool_job *job);
	/* y[i] = clamp(a[i] + b[i]); b may be NULL (nothing is added). n: a multiple of 16. */
	void (*add)(float *y, const float *a, const float *b, size_t n, float lo, float hi);
	/* y[p][i] = clamp(x[p][i] * scale[i] + shift[i] + other[p][i]) for one block; OTHER may be
	 * NULL: zeros. */
	void (*affine)(float *y, const float *x, const float *scale, const float *shift,
		       const float *other, size_t pixels, float lo, float hi);
	/* y[i] = (sum over pixels of x[p][i]) * factor for one block. */
	void (*sum)(float *y, const float *x, size_t pixels, float factor);
	void (*winograd_input)(const struct avl_winograd_input_job *job);
	/* 16 kernels, side by side: g [9][16]; element k of (m + 2)^2 goes to out + k * step, [16].
	 */
	void (*winograd_weights)(int m, const float *g, float *out, ptrdiff_t step);
	void (*winograd_output)(const struct avl_winograd_output_job *job);

	/* Sound: sixteen frames side by side, [..][16]. */
	void (*interleave)(float *y, const float *const frame[AVL_BLOCK], int n); /* y[i][f] */
	/* y[i][f] = (x[i][f] - m[f]) * w[i], m[f] the mean over i where CENTRED, else 0. */
	void (*taper)(double *y, const float *x, const double *w, int centred, int n);
	void (*power)(const struct avl_power_job *job);
	/* y[f] = sum_i w[i] * x[i][f]. */
	void (*weigh)(float *y, const float *x, const float *w, int n);
	void (*root)(float *x, size_t n); /* x[i] = sqrt(x[i]) */
	/* x[i] = scale * ln(max(x[i] + offset, floor)) + shift, the logarithm to within 1 unit in
	 * the last place. n: a multiple of 16. */
	void (*log)(float *x, size_t n, float offset, float floor, float scale, float shift);

	/* Backward. */
	void (*conv_dw)(const struct avl_conv_dw_job *job);
	/* F(4 x 4, 3 x 3) with respect to the weights g, where y = A' (G g G' . B' d B) A: the 4 x
	 * 4 gradients of each tile, from row TOP and column LEFT on, zeros outside the picture,
	 * become A dy A'; members as for winograd_input. */
	void (*winograd_spread)(const struct avl_winograd_input_job *job);
	/* dw[k] += element k of 9 of G' m G, for 16 x 16 kernels: element k of 36 of M, which is
	 * summed over tiles, at m + k * 256, of dw at dw + k * 256. */
	void (*winograd_gather)(const float *m, float *dw);
	void (*maxpool_grad)(const struct avl_maxpool_grad_job *job);
	void (*depthwise_grad)(const struct avl_depthwise_grad_job *job);
	/* g[i] = dy[i] where lo < x[i] < hi, 0 elsewhere; dx[i] = g[i], or with ADD dx[i] += g[i].
	 * n: a multiple of 16. dx may be dy. */
	void (*gate)(float *dx, const float *dy, const float *x, size_t n, float lo, float hi,
		     int add);
	void (*norm_grad)(const struct avl_norm_grad_job *job);
	/* y[i] = sum over pixels of (a[p][i] - a_mean[i]) * (b[p][i] - b_mean[i]) for one block. */
	void (*covary)(float *y, const float *a, const float *a_mean, const float *b,
		       const float *b_mean, size_t pixels);
	/* z = a[i] * dy[p][i] + b[i] * x[p][i] + c[i] for one block; dx[p][i] = z, or with ADD
	 * dx[p][i] += z. dx may be dy. */
	void (*blend)(float *dx, const float *dy, const float *x, const float *a, const float *b,
		      const float *c, size_t pixels, int add);

	struct avl_kern_bf16 bf16; /* kern/bf16.h */
};

/* The table in use: the best level of this CPU, or what avl_kern_use chose. */
const struct avl_kern *avl_kern(void);

/* Chooses a level by name ("portable", "avx2", "avx512", "avx512bf16"), or the best by "auto". Not
 * while another thread computes. AVL_EUSAGE for an unknown name or a level this CPU lacks. */
int avl_kern_use(const char *level, struct avl_err *err);

/* The name of the I-th level this CPU has, from the plainest; NULL behind the last. */
const char *avl_kern_level(int i);

#endif
