/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_PROTOCOL_H
#define AVL_EVAL_PROTOCOL_H

#include "eval/upsample.h"

/* How the published codes turn a map into a mask: one row a code. All judge on a grid of 224 x 224
 * (AVL_GRID), the mask protocol on the grid of the mask. */

enum avl_normalise {
	AVL_NORMALISE_MINMAX,  /* (s - min) / (max - min), s itself where the map is constant */
	AVL_NORMALISE_NEGATED, /* 1 - minmax(-s): the same but for the last bit */
	AVL_NORMALISE_RANGE, /* (s - low) / (high - low), then minmax unless the threshold is fixed
			      */
	AVL_NORMALISE_SIGMOID, /* 1 / (1 + exp(-s)) */
};

enum avl_rule {
	AVL_RULE_MEDIAN,   /* the 25088th of the 50176 sorted values, counted from 0 */
	AVL_RULE_ADAPTIVE, /* the (50176 - n)th, n the pixels of the truth (the median, if none) */
	AVL_RULE_FIXED,
};

enum avl_compare {
	AVL_COMPARE_AT_LEAST,
	AVL_COMPARE_ABOVE,
	AVL_COMPARE_ABOVE_OR_ONE, /* s > threshold or s >= 1 */
};

struct avl_protocol {
	const char *name;
	const char *words; /* what it does, for people */
	enum avl_upsample upsample;
	enum avl_normalise normalise;
	enum avl_rule rule;
	enum avl_compare compare;
	double threshold;  /* of AVL_RULE_FIXED */
	double range;      /* scores lie within -range..range; of AVL_NORMALISE_RANGE */
	int has_negatives; /* records without a visible source are part of it */
	int by_data_set;   /* VGG-SS by OpenCV's linear, all else by UPSAMPLE */
	int is_mask;       /* judged as a segmentation, on the grid of the mask */
	double universal; /* the threshold for controls of Juanola et al. (2025), NaN: none known */
	double universal_range; /* it is of (s + r) / 2 r; 0: of s itself */
};

/* NULL for a name that is not known. */
const struct avl_protocol *avl_protocol_find(const char *name);
/* The I-th, NULL past the last. */
const struct avl_protocol *avl_protocol_at(int i);

#endif
