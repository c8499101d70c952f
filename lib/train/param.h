/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_PARAM_H
#define AVL_TRAIN_PARAM_H

#include "base/arena.h"
#include "base/err.h"
#include "train/optim.h"

/* What --freeze and the optimiser's memory ask of parameters (struct avl_param). */

/* 1 where NAME begins with one of the PREFIXES, which are parted by commas; NULL: none. */
int avl_name_listed(const char *name, const char *prefixes);
int avl_param_named(const struct avl_param *param, const char *prefixes);

/* Memory, zeroed, for the gradient and MOMENTS (1 or 2) moments of a parameter. */
int avl_param_state(struct avl_param *param, int moments, struct avl_arena *arena,
		    struct avl_err *err);

#endif
