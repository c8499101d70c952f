/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_SESSION_H
#define AVL_CMD_TRAIN_SESSION_H

#include "cmd/train_feed.h"
#include "cmd/train_log.h"
#include "cmd/train_networks.h"
#include "train/checkpoint.h"

/* All that a run consists of. */
struct session {
	struct avl_safetensors
	    *init; /* the model at the start, or the checkpoint that is resumed */
	struct avl_contract contract;
	char *contract_text;
	struct networks networks;
	struct avl_trainer trainer;
	struct avl_schedule schedule;
	struct avl_training training;
	struct avl_par *par; /* borrowed */
	struct avl_dataset *data, *valid_data;
	struct feed feed, valid;
	bool validates, resumed;
	int64_t total; /* steps; 0: unknown */
	struct train_log *log;
};

/* Opens model, data and log as the options say, and goes on from the checkpoint where there is one
 * to resume. s->par is set; what cannot be done ends the command. */
void session_open(struct session *session, int files, char **file);
void session_close(struct session *session);

/* The checkpoint of the step that was done last: REGULAR where it ends an interval, BEST where
 * validation says so. */
void session_write(const struct session *session, bool regular, bool best);

#endif
