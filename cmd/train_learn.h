/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_LEARN_H
#define AVL_CMD_TRAIN_LEARN_H

#include "cmd/train_session.h"

/* SIGINT and SIGTERM end the step that is being done, then train_learn, by a checkpoint. To be
 * called before the first output is opened, whose own handlers then leave these alone. */
void train_catch_signals(void);

/* Steps, validations and checkpoints up to the last. */
void train_learn(struct session *session);

#endif
