/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_LOG_H
#define AVL_CMD_TRAIN_LOG_H

#include <stdbool.h>

#include "train/trainer.h"

/* avl-train's table: a row a step, "-" where there is nothing to say. */
struct train_log;

/* Begins PATH anew, or, where RESUMED, keeps its rows up to step STEP, so that it ends as if
 * training had never stopped. PATH NULL: no table. */
struct train_log *train_log_open(const char *path, bool resumed, int64_t step);
/* VALID: NULL where no validation followed the step. */
void train_log_row(struct train_log *log, int64_t step, double epoch,
		   const struct avl_result *result, double rate, const struct avl_result *valid);
void train_log_close(struct train_log *log);

#endif
