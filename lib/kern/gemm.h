/* SPDX-License-Identifier: MIT */
#ifndef AVL_KERN_GEMM_H
#define AVL_KERN_GEMM_H

/* Dense products, by BLIS: fully connected layers and attention over batches. Single-threaded: a
 * caller that wants more threads cuts the work by shape and calls from each. All matrices are
 * row-major and may not overlap. */

/* y = beta * y + A x, or + A' x if TRANS, where A is stored [m][n]. beta 0: y is not read. */
void avl_gemv(int trans, int m, int n, const float *a, const float *x, float beta, float *y);

/* C[m][n] = beta * C + op(A)[m][k] op(B)[k][n], where op is the transpose if TRANS_A (A is stored
 * [k][m]) or TRANS_B (B is stored [n][k]). beta 0: C is not read. */
void avl_gemm(int trans_a, int trans_b, int m, int n, int k, const float *a, const float *b,
	      float beta, float *c);

#endif
