/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_OBJECTIVE_H
#define AVL_TRAIN_OBJECTIVE_H

#include "train/trainer.h"

/* The part of a step between the features of a batch and the gradients of its scores; what
 * trainer.c calls in this order. */

int avl_objective_has_pairs(const struct avl_trainer *trainer);
int avl_objective_has_embeddings(const struct avl_trainer *trainer);
int avl_objective_is_cosine(const struct avl_trainer *trainer);

/* Doubles of trainer->scratch. */
size_t avl_objective_scratch(const struct avl_trainer *trainer);

/* For each record another one and a truth; how many records have one. */
void avl_objective_draw_others(struct avl_trainer *trainer, struct avl_rng *rng);
int avl_objective_draw_truth(struct avl_trainer *trainer, struct avl_rng *rng);

/* Scores, losses, what they say of the model. */
void avl_objective_score(struct avl_trainer *trainer, int evaluate);
void avl_objective_run(struct avl_trainer *trainer, struct avl_result *result);
void avl_objective_measure(struct avl_trainer *trainer, struct avl_result *result);

/* The gradients of u and h of all heads, and of z. */
void avl_objective_backward(struct avl_trainer *trainer);

#endif
