/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_SCORE_H
#define AVL_EVAL_SCORE_H

#include <stdint.h>

#include "eval/protocol.h"
#include "eval/truth_map.h"

/* One map against one truth.
 *
 *	cIoU = sum(A g) / (sum g + sum(A [g = 0]))
 *
 * with A the pixels of the map beyond the threshold, in double precision, as all published codes
 * have it. Where both sums are 0 they give NaN; here it is 0. */

/* Which map, and what part of the frame it covers. */
struct avl_score_input {
	const float *heat; /* f4 (rows, cols), raw */
	int rows, cols;
	int is_vggss;         /* for protocols that look at the data set */
	const double *region; /* x0 y0 x1 y1 of the frame that the map covers; NULL: all of it */
	const double *range;  /* the ends of the scale that scores are on, for protocols that look
				 at it; NULL: the protocol's */
};

struct avl_score {
	double ciou;
	double median_ciou;     /* by the median rule, of the adaptive protocol; else the same */
	double inside, outside; /* sum(A g), pixels of A where g = 0 */
	float confidence;       /* mean of the largest quarter of the pixels */
	float largest;          /* of the upsampled map, on the universal threshold's scale */
	double share;           /* of the pixels in A */
	double universal_ciou;  /* with the universal threshold; NaN: there is none */
	double universal_share;
	int is_flat;    /* constant: counts as a miss, cIoU 0 */
	int is_finite;  /* 0: the map holds NaN or infinity: a miss */
	double peak[2]; /* centre of the largest cell, fractions of the frame */
};

/* A map on the grid, and its values in ascending order. */
struct avl_grid_map {
	float up[AVL_GRID_PIXELS], sorted[AVL_GRID_PIXELS];
	double low, high; /* the ends of its scale */
};

struct avl_scorer {
	struct avl_protocol protocol; /* changed by options */
	int flat_counts;              /* constant maps are judged as the official code does */
	struct avl_upsampler upsampler;
	struct avl_grid_map map; /* of the last record */
	float patch[AVL_GRID_PIXELS];
	uint32_t key[2][AVL_GRID_PIXELS];
};

/* The scorer is 1 MB: allocate it. */
int avl_scorer_new(struct avl_scorer **scorer, const struct avl_protocol *protocol,
		   struct avl_err *err);
void avl_scorer_free(struct avl_scorer *scorer); /* NULL is allowed */

/* Leaves the map on the grid in scorer->map, unless it was not finite. */
int avl_score(struct avl_scorer *scorer, const struct avl_score_input *input,
	      const struct avl_truth_map *truth, struct avl_score *score, struct avl_err *err);

/* The cIoU of a map that was scored before against another truth: what it scores where it does not
 * belong. */
double avl_score_again(const struct avl_protocol *protocol, const struct avl_grid_map *map,
		       const struct avl_truth_map *truth);

/* cIoU of baselines. */
double avl_ciou(double inside, double truth, double outside);
double avl_ciou_disc(const struct avl_truth_map *truth);
double avl_ciou_full(const struct avl_truth_map *truth);
/* The largest that any map without ties can reach by the median rule. */
double avl_ciou_ceiling(const struct avl_truth_map *truth, enum avl_compare compare);

/* 1 where the largest value of the map on the truth is above its largest on OTHER. */
int avl_right_of_two(const struct avl_grid_map *map, const struct avl_truth_map *truth,
		     const struct avl_truth_map *other);

#endif
