/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_MATCH_H
#define AVL_TRAIN_MATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/par.h"

/* One head's score maps of the pictures of a batch for its sounds, and the way back to both. A
 * picture is scored for all sounds of the batch, or for its own and one other. The work is cut by
 * shape: the result does not depend on the number of threads. */
struct avl_match {
	int channels, area, room;
	int pairs;  /* all sounds; else two */
	int cosine; /* scores are cosines, not products */
	struct avl_par *par;
	/* of a batch */
	int n, sounds;         /* that each picture is scored for */
	const float *const *u; /* (n): the features of each picture, (channels, area) */
	const float *h;        /* (n, channels): the embeddings of the sounds */
	/* made by avl_match_run */
	float *unit, *length; /* (n, channels), (n): of h */
	float *norm;          /* (n, area): of u */
	float *score;         /* (n, sounds, area); where there are two, the own one comes first */
	float *grad_score;    /* the same; to be filled in before avl_match_backward */
	float *slope, *part;
};

/* Room for batches of ROOM records, from ARENA. */
int avl_match_init(struct avl_match *match, int room, int channels, int area, int pairs, int cosine,
		   struct avl_par *par, struct avl_arena *arena, struct avl_err *err);

/* Scores of N pictures. OTHER (n): of each the other sound, where all are not asked for. */
void avl_match_run(struct avl_match *match, int n, const float *const *u, const float *h,
		   const int *other);

/* Scores of picture I for sound number K of those it is scored for; and for its own. */
float *avl_match_map(const struct avl_match *match, const float *maps, int i, int k);
float *avl_match_own(const struct avl_match *match, const float *maps, int i);

/* From match->grad_score, of which only the own one of two counts: GRAD_H (n, channels) is
 * overwritten, GRAD_U (n times (channels, area)) is added to; either may be NULL. */
void avl_match_backward(struct avl_match *match, float *grad_h, float *const *grad_u);

#endif
