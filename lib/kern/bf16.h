/* SPDX-License-Identifier: MIT */
#ifndef AVL_KERN_BF16_H
#define AVL_KERN_BF16_H

#include <stddef.h>
#include <stdint.h>

/* Jobs of the kernels that read maps and weights in bfloat16: the upper half of a float. Sums are
 * in fp32, and what is stored in bf16 is rounded to nearest, ties to even. A level whose CPU has no
 * instruction for it multiplies the same numbers after widening them; numbers below FLT_MIN may
 * count as 0. Maps are blocked as those in fp32 are (kern/kern.h), two bytes an element. */

/* Where the inputs under one position of a convolution's window lie. */
struct avl_tap_bf16 {
	ptrdiff_t at; /* elements from the input of an output pixel to this tap's */
	int pairs; /* of input elements that follow each other there: 8 in a block, 1 in a plane */
	int left;  /* 1: for the first pixel of a row it lies outside the picture */
	int right; /* 1: for the last one it does */
};

/* A row of output pixels of a convolution, for some blocks of output channels:
 *
 *   y[b][p][o] = clamp(bias[b][o] + residual[b][p][o]
 *                      + sum_t sum_i w[b][t][i/2][o][i%2] * x[p * x_pixel + tap[t].at + i], lo, hi)
 *
 * over the taps inside the picture. The pairs of elements are what AVX512_BF16 multiplies at once;
 * where the input is planar they are neighbours in a row. */
struct avl_conv_bf16_job {
	const uint16_t *x;
	ptrdiff_t x_pixel; /* elements from the input of an output pixel to that of the next */
	const struct avl_tap_bf16 *tap;
	int taps;
	const uint16_t *w;     /* [blocks][taps][pairs][16][2] */
	ptrdiff_t w_block;     /* elements from a block to the next */
	const float *bias;     /* [blocks][16], may be NULL */
	const void *residual;  /* laid out as y, may be NULL; may be y itself */
	int residual_is_float; /* or bf16 */
	void *y;               /* [..][pixels][16] */
	int y_is_float;
	ptrdiff_t y_block; /* elements from an output block to the next, of the residual too */
	int pixels, blocks;
	float lo, hi;
};

struct avl_depthwise_job;
struct avl_maxpool_job;

struct avl_conv_dw_job;
struct avl_norm_grad_job;
struct avl_maxpool_grad_job;

struct avl_kern_bf16 {
	int is_fast; /* the CPU multiplies pairs at once, at twice the speed of fp32 */
	void (*conv)(const struct avl_conv_bf16_job *job);
	void (*depthwise)(const struct avl_depthwise_job *job);
	void (*maxpool)(const struct avl_maxpool_job *job);
	/* y[i] = clamp(a[i] + b[i]); b may be NULL (nothing is added). n: a multiple of 16. */
	void (*add)(uint16_t *y, const uint16_t *a, const uint16_t *b, size_t n, float lo,
		    float hi);
	/* y[i] = (sum over pixels of x[p][i]) * factor for one block. */
	void (*sum)(float *y, const uint16_t *x, size_t pixels, float factor);
	/* y[i] = x[i], rounded; any n and alignment. */
	void (*narrow)(uint16_t *y, const float *x, size_t n);
	/* y[i] = x[i]. n: a multiple of 16. */
	void (*widen)(float *y, const uint16_t *x, size_t n);

	/* Training: as those of the same names in kern/kern.h. */
	void (*affine)(uint16_t *y, const uint16_t *x, const float *scale, const float *shift,
		       const uint16_t *other, size_t pixels, float lo, float hi);
	void (*conv_dw)(const struct avl_conv_dw_job *job);
	void (*maxpool_grad)(const struct avl_maxpool_grad_job *job);
	void (*gate)(uint16_t *dx, const uint16_t *dy, const uint16_t *x, size_t n, float lo,
		     float hi, int add);
	void (*norm_grad)(const struct avl_norm_grad_job *job);
	void (*covary)(float *y, const uint16_t *a, const float *a_mean, const uint16_t *b,
		       const float *b_mean, size_t pixels);
	void (*blend)(uint16_t *dx, const uint16_t *dy, const uint16_t *x, const float *a,
		      const float *b, const float *c, size_t pixels, int add);
};

#endif
