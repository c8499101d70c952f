/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_LOSS_H
#define AVL_TRAIN_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Losses, one file each: the value of every record of a batch and the gradient with respect to what
 * the loss looks at, which is of one of these kinds. Nothing is known of how scores and embeddings
 * were made; sums are in double. A NaN that goes in comes out. */
enum avl_loss_kind {
	AVL_LOSS_MAP, /* the score map of each record's picture for its own sound, and its truth */
	AVL_LOSS_EMBED, /* the embeddings of picture and sound */
	AVL_LOSS_PAIRS, /* the cosine map of each picture for each sound of the batch */
};

/* All arrays are row-major; n records, maps of AREA positions, embeddings of D numbers. What the
 * loss's kind does not use is not looked at. */
struct avl_loss_batch {
	int n, area, d;
	/* of maps and pairs */
	const float *score; /* s: map (n, area); pairs (n, n, area): picture, sound */
	float *grad_score;  /* of the same shape, overwritten */
	/* of pairs, slavc: maps of its second head, and of the other direction; NULL: score itself,
	 * and one direction is turned round for the other. Gradients of the same shapes. */
	const float *over, *back, *back_over;
	float *grad_over, *grad_back, *grad_back_over;
	/* of maps */
	const float *const *truth; /* n times (area), values >= 0; NULL: the record has no term */
	double temperature;        /* of maps and pairs: alpha is the softmax of s / temperature */
	/* of embeddings */
	const float *picture, *sound; /* f_v, f_s: (n, d) */
	const int *negative; /* (n): which record's sound is the other one, not the record itself */
	float *grad_picture; /* (n, d), overwritten */
	float *grad_sound;   /* the same; may be NULL */
	/* of pairs */
	const uint32_t *group; /* (n): those of a group are no wrong pairs; NULL: all are */
	/* of embeddings and pairs */
	double margin, tau;
	double scale;    /* the gradient is that of scale times the sum of all values */
	double *scratch; /* as many as the loss asks for */
};

struct avl_loss {
	const char *name;
	enum avl_loss_kind kind;
	double margin, tau;                                    /* what is usual; NaN: it has none */
	size_t (*scratch)(const struct avl_loss_batch *batch); /* NULL: none */
	/* VALUE (n): of each record, 0 where it has no term. */
	void (*run)(const struct avl_loss_batch *batch, double *value);
};

/* With alpha the softmax of the scores and g, p a truth (train/truth.h) given as batch->truth:
 *   ce   -sum g_i log alpha_i               g of one annotator, values 0..1
 *   kl   sum p_i log(p_i / alpha_i)         p of all annotators, its sum is 1
 *   l2   sum (alpha_i - p_i)^2                                  Senocak et al. 2018, TPAMI 2021 */
extern const struct avl_loss avl_loss_ce, avl_loss_kl, avl_loss_l2;

/* d+ and d- are the distances from f_v to its own sound and to another:
 *   triplet  p^2, p the first of softmax(d+, d-); d = |f_v - f_s + 1e-6|   Senocak et al., code
 *   hinge    max(0, d+ - d- + margin), f_v and f_s divided by their lengths */
extern const struct avl_loss avl_loss_triplet, avl_loss_hinge;

/* With S_nm(x) the cosine of picture n at position x and sound m, and CE of row n the cross entropy
 * of softmax with n as the right answer:
 *   nce         l_nm = max_x S_nm(x) / tau; CE(l) + CE(l transposed)       EZ-VSL 2022
 *   margin-nce  the same with l_nn = (max_x S_nn(x) - margin) / tau        MarginNCE 2023
 *   attended-nce  l_nm = sum_x alpha_nm(x) S_nm(x) / tau, alpha the softmax of S_nm / temperature:
 *               the paper's attention in EZ-VSL's place of the maximum
 *   lvs         tri-map: s+ and s_nm are means of S weighted by sigmoid((S - 0.65) / 0.03),
 *               s- is weighted by 1 - sigmoid((S_nn - 0.4) / 0.03);
 *               CE of [s+, (s_nm over m, s_nn times -99), s-] / tau        LVS 2021
 *   slavc       i2a_nm = log sum_x softmax_m(S1_nm(x) / tau) softmax_x(S2_nm(x) / tau), CE of its
 *               rows, plus the same of a2i                                 SLAVC 2022, code
 * In slavc S1 and S2 are of two heads, or the same; i2a compares the pictures of the network that
 * learns with the sounds of one that follows it, a2i (batch->back) the other way round. Where no
 * network follows, a2i is i2a with pictures and sounds exchanged. */
extern const struct avl_loss avl_loss_nce, avl_loss_margin_nce, avl_loss_lvs, avl_loss_slavc,
    avl_loss_attended_nce;

/* The loss of that name, or NULL. */
const struct avl_loss *avl_loss_find(const char *name);

/* --- what the losses share --- */

/* Whether records I and K are neither a right nor a wrong pair: their softmax leaves them out. */
int avl_loss_leaves_out(const struct avl_loss_batch *batch, size_t i, size_t k);

/* Cross entropy of softmax(LOGIT (n)) with RIGHT as the right answer; GRAD (n) gets its gradient
 * times SCALE, added. */
double avl_cross_entropy(const double *logit, int n, int right, double scale, double *grad);

/* CE of every row and of every column of LOGIT (n, n) with the diagonal right; GRAD (n, n) is
 * overwritten with the gradient times SCALE, VALUE (n) with row plus column. COLUMN: 2 n doubles of
 * working memory. */
void avl_cross_entropy_both(const double *logit, int n, double scale, double *grad, double *value,
			    double *column);

#endif
