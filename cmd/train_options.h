/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_OPTIONS_H
#define AVL_CMD_TRAIN_OPTIONS_H

#include "cmd/cmd.h"
#include "train/trainer.h"

/* What avl-train was asked for. -1, NaN, 0 or NULL: what is usual (train_options.c). */
struct train_options {
	const char *model, *freeze, *augment, *valid, *log, *cpu;
	int unsup, sup, score, negatives, optim, schedule, bn, precision; /* choices */
	int epochs, batch, seed, warmup, drop_every, every, keep, layers, units, hidden, threads;
	double lambda, temperature, tau, margin, rate, decay, momentum, clip, gamma, hold_out,
	    follow, dropout;
	bool fresh, resume, by_source;
};
extern struct train_options train;

extern const struct avl_command train_command;

/* Ends in usage where the options contradict each other or the operands. */
void train_options_check(int files, char **file);

/* The same options for the library; the contract says what was left open. */
struct avl_trainer_options train_options_read(const struct avl_contract *contract);

#endif
