/* SPDX-License-Identifier: MIT */
#include "net/attention.h"

#include <assert.h>
#include <math.h>

static float add_lanes(const float lane[AVL_BLOCK])
{
	float sum = 0;
	for (int i = 0; i < AVL_BLOCK; i++)
		sum += lane[i];
	return sum;
}

/* The product of H (or of the position's own feature, where H is NULL) with the feature at P. */
static float product(const struct avl_map *v, const float *h, int p)
{
	float lane[AVL_BLOCK] = {0};
	const ptrdiff_t stride = avl_block_stride(&v->shape);
	const float *at = v->data + (ptrdiff_t)p * AVL_BLOCK;
	int c = 0;
	for (; c + AVL_BLOCK <= v->shape.c; c += AVL_BLOCK, at += stride) {
		const float *const weight = h ? h + c : at;
		for (int i = 0; i < AVL_BLOCK; i++)
			lane[i] += weight[i] * at[i];
	}
	for (int i = 0; c + i < v->shape.c; i++)
		lane[i] += (h ? h[c + i] : at[i]) * at[i];
	return add_lanes(lane);
}

static float norm(const float *x, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	return (float)sqrt(sum);
}

void avl_attention_score(enum avl_attention kind, const struct avl_map *v, const float *h,
			 float *map)
{
	assert(v->layout == AVL_BLOCKED && v->shape.n == 1);
	const int is_cosine = kind == AVL_ATTENTION_COSINE || kind == AVL_ATTENTION_COSINE_RELU;
	const float length = is_cosine ? norm(h, v->shape.c) : 0;
	for (int p = 0; p < v->shape.h * v->shape.w; p++) {
		const float score = product(v, h, p);
		switch (kind) {
		case AVL_ATTENTION_DOT:
			map[p] = score;
			break;
		case AVL_ATTENTION_RELU:
			map[p] = score < 0 ? 0 : score; /* NaN stays NaN */
			break;
		case AVL_ATTENTION_COSINE:
		case AVL_ATTENTION_COSINE_RELU: {
			const float lengths = length * sqrtf(product(v, NULL, p));
			map[p] = lengths == 0 ? 0 : score / lengths;
			if (kind == AVL_ATTENTION_COSINE_RELU && map[p] < 0)
				map[p] = 0;
			break;
		}
		}
	}
}
