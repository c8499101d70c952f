/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_FILES_H
#define AVL_CMD_TRAIN_FILES_H

#include <stdbool.h>
#include <stdint.h>

/* The files of one training: CKPT, the latest; CKPT-best, as validation says; and CKPT-STEP for the
 * last few steps that are multiples of EVERY. What stands before the last extension of CKPT gets
 * the suffix. */
struct train_files {
	const char *path; /* CKPT */
	int64_t every;
	int keep;  /* of the numbered ones; 0: none, and none is touched */
	bool best; /* this is the best so far */
	void (*write)(const void *arg, const char *path);
	const void *arg;
};

/* CKPT comes last: whatever is interrupted before, --resume does again. */
void train_files_write(const struct train_files *files, int64_t step);

#endif
