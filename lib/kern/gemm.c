/* SPDX-License-Identifier: MIT */
#include "kern/gemm.h"

#include <blis.h>

/* BLIS takes its operands without const. */
static float *operand(const float *x)
{
	return (float *)(size_t)x;
}

void avl_gemv(int trans, int m, int n, const float *a, const float *x, float beta, float *y)
{
	float one = 1;
	bli_sgemv(trans ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, BLIS_NO_CONJUGATE, m, n, &one,
		  operand(a), n, 1, operand(x), 1, &beta, y, 1);
}

void avl_gemm(int trans_a, int trans_b, int m, int n, int k, const float *a, const float *b,
	      float beta, float *c)
{
	float one = 1;
	rntm_t runtime = BLIS_RNTM_INITIALIZER;
	bli_rntm_set_num_threads(1, &runtime);
	bli_sgemm_ex(trans_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
		     trans_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, m, n, k, &one, operand(a),
		     trans_a ? m : k, 1, operand(b), trans_b ? k : n, 1, &beta, c, n, 1, NULL,
		     &runtime);
}
