/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_CLASS_MAP_H
#define AVL_NET_CLASS_MAP_H

#include "base/arena.h"
#include "net/linear.h"

/* Scoring by what a classifier of pictures sees, for models that carry one ("image._fc") and a
 * table from sound classes to picture classes ("class_map.*"; avl-model(5)):
 *
 *   P_i = softmax over picture classes of (W v_i + b)
 *   map_i = sum over sound classes c of
 *             q_c (weight_c sum_(k in c) P_i[k] + person_c clip(u . v_i, 0, 1)) */
struct avl_class_map {
	struct avl_linear classifier;
	int units, pairs;
	const int16_t *pair;          /* (pairs, 2): sound class, picture class; in order */
	const float *weight, *person; /* (units) */
	const float *row;             /* u, (channels) */
	struct avl_map chances;       /* P, blocked */
	float *clipped;               /* clip(u . v_i, 0, 1), a position each */
	float *wanted;                /* of each picture class, while scoring */
	struct avl_arena memory;      /* holds all of it */
};

/* For pictures whose v has CHANNELS x ROWS x COLS and sounds of UNITS activations. AVL_ENONE where
 * FILE has no such table. */
int avl_class_map_init(struct avl_class_map *map, const struct avl_safetensors *file, int channels,
		       int rows, int cols, int units, struct avl_err *err);
void avl_class_map_release(struct avl_class_map *map);

/* Classifies every position of V. */
void avl_class_map_see(struct avl_class_map *map, const struct avl_map *v, struct avl_par *par);

/* OUT (rows x cols) of the picture last seen. */
void avl_class_map_score(const struct avl_class_map *map, const float *q, float *out);

/* Whether one of two sound classes is the other in general, as Animal is of Cat: the one with fewer
 * picture classes shares more than half of them with the other. */
int avl_class_map_related(const struct avl_class_map *map, int a, int b);

#endif
