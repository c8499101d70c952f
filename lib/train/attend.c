/* SPDX-License-Identifier: MIT */
#include "train/attend.h"

#include <math.h>
#include <stddef.h>

#include "kern/gemm.h"

void avl_unit(const float *h, int m, int c, float *unit, float *length)
{
	for (int k = 0; k < m; k++) {
		const float *const row = h + (size_t)k * (size_t)c;
		double sum = 0;
		for (int i = 0; i < c; i++)
			sum += (double)row[i] * (double)row[i];
		length[k] = (float)sqrt(sum);
		for (int i = 0; i < c; i++)
			unit[(size_t)k * (size_t)c + (size_t)i] =
			    length[k] == 0 ? 0 : row[i] / length[k];
	}
}

void avl_unit_backward(const float *unit, const float *length, int m, int c, float *grad)
{
	for (int k = 0; k < m; k++) {
		const float *const u = unit + (size_t)k * (size_t)c;
		float *const g = grad + (size_t)k * (size_t)c;
		double along = 0;
		for (int i = 0; i < c; i++)
			along += (double)u[i] * (double)g[i];
		for (int i = 0; i < c; i++)
			g[i] = length[k] == 0 ? 0
					      : (float)(((double)g[i] - along * (double)u[i]) /
							(double)length[k]);
	}
}

void avl_attend_norms(const float *v, int c, int area, float *norm)
{
	for (int i = 0; i < area; i++)
		norm[i] = 0;
	for (int k = 0; k < c; k++, v += area)
		for (int i = 0; i < area; i++)
			norm[i] += v[i] * v[i];
	for (int i = 0; i < area; i++)
		norm[i] = sqrtf(norm[i]);
}

static float divided(float x, const float *norm, int i)
{
	if (!norm)
		return x;
	return norm[i] == 0 ? 0 : x / norm[i];
}

void avl_attend_score(const float *v, int c, int area, const float *norm, const float *h, int m,
		      float *score)
{
	if (m == 1)
		avl_gemv(1, c, area, v, h, 0, score);
	else
		avl_gemm(0, 0, m, area, c, h, v, 0, score);
	if (!norm)
		return;
	for (int k = 0; k < m; k++, score += area)
		for (int i = 0; i < area; i++)
			score[i] = divided(score[i], norm, i);
}

void avl_attend_score_backward(const float *v, int c, int area, const float *norm,
			       const float *grad_score, int m, float *slope, float *grad_h)
{
	for (int k = 0; k < m; k++)
		for (int i = 0; i < area; i++) {
			const size_t at = (size_t)k * (size_t)area + (size_t)i;
			slope[at] = divided(grad_score[at], norm, i);
		}
	if (grad_h && m == 1)
		avl_gemv(0, c, area, v, slope, 0, grad_h);
	else if (grad_h)
		avl_gemm(0, 1, m, c, area, slope, v, 0, grad_h);
}

/* With s = h . v / |v|: ds/dv = (h - s v / |v|) / |v|. */
void avl_attend_score_backward_v(const float *v, int c, int area, const float *norm, const float *h,
				 const float *score, const float *slope, int m, float *pull,
				 float *grad_v)
{
	avl_gemm(1, 0, c, area, m, h, slope, 1, grad_v);
	if (!norm)
		return;
	for (int i = 0; i < area; i++)
		pull[i] = 0;
	for (int k = 0; k < m; k++)
		for (int i = 0; i < area; i++) {
			const size_t at = (size_t)k * (size_t)area + (size_t)i;
			pull[i] += slope[at] * score[at];
		}
	for (int i = 0; i < area; i++)
		pull[i] = divided(pull[i], norm, i);
	for (int k = 0; k < c; k++, v += area, grad_v += area)
		for (int i = 0; i < area; i++)
			grad_v[i] -= pull[i] * v[i];
}

void avl_attend_pool(const float *v, int c, int area, const float *alpha, float *z)
{
	avl_gemv(0, c, area, v, alpha, 0, z);
}

void avl_attend_pool_backward(const float *v, int c, int area, const float *alpha, const float *dz,
			      float *grad_alpha, float *grad_v)
{
	avl_gemv(1, c, area, v, dz, 0, grad_alpha);
	for (int k = 0; grad_v && k < c; k++)
		for (int i = 0; i < area; i++)
			grad_v[(size_t)k * (size_t)area + (size_t)i] += alpha[i] * dz[k];
}
