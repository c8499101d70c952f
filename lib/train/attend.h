/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_ATTEND_H
#define AVL_TRAIN_ATTEND_H

/* The attention of training, forward and backward, for the features of one picture as v.npy holds
 * them: V (c, area), planar. Scores as avl_attention_score gives them (net/attention.h). A cosine
 * is formed in two steps: embeddings are divided by their lengths first (avl_unit), products by the
 * lengths of the features (NORM) then. */

/* UNIT (m, c): each row of H divided by its length, zeros where that is 0; LENGTH (m). */
void avl_unit(const float *h, int m, int c, float *unit, float *length);
/* GRAD (m, c), the gradient of UNIT, becomes that of H. */
void avl_unit_backward(const float *unit, const float *length, int m, int c, float *grad);

/* NORM (area): the length of each feature. */
void avl_attend_norms(const float *v, int c, int area, float *norm);

/* SCORE (m, area): products of the rows of H (m, c) with the features, divided by NORM where that
 * is not NULL (0 where it is 0). */
void avl_attend_score(const float *v, int c, int area, const float *norm, const float *h, int m,
		      float *score);

/* The gradient of H, given that of the scores (m, area). SLOPE (m, area) is left holding those
 * divided by NORM. GRAD_H (m, c) is overwritten; it may be NULL. */
void avl_attend_score_backward(const float *v, int c, int area, const float *norm,
			       const float *grad_score, int m, float *slope, float *grad_h);
/* Then the same for V: GRAD_V (c, area) += what comes from these scores. SCORE, H as forward, SLOPE
 * as left behind; PULL (area) is working memory. */
void avl_attend_score_backward_v(const float *v, int c, int area, const float *norm, const float *h,
				 const float *score, const float *slope, int m, float *pull,
				 float *grad_v);

/* z (c) = sum over positions of alpha_i v_i, where ALPHA (area). */
void avl_attend_pool(const float *v, int c, int area, const float *alpha, float *z);
/* GRAD_ALPHA (area) = dz . v_i; GRAD_V (c, area), where it is not NULL, += alpha_i dz. */
void avl_attend_pool_backward(const float *v, int c, int area, const float *alpha, const float *dz,
			      float *grad_alpha, float *grad_v);

#endif
