/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_SHARED_H
#define AVL_CMD_SHARED_H

/* What the shared files of cmd/ need of each other; the commands include cmd.h alone. */

#include "cmd/cmd.h"

/* Values of all rows before any option was read, kept for --help. */
struct avl_defaults {
	const double *number;    /* of AVL_OPT_INT, _NUMBER and _CHOICE rows */
	const char *const *text; /* of AVL_OPT_TEXT rows */
};

void avl_help_print(FILE *file, const struct avl_command *command,
		    const struct avl_defaults *defaults);

/* The I-th of "a|b|c" into its start and length; false past the last. */
bool avl_choice_at(const char *choices, int i, const char **start, int *length);

/* Seconds of a clock that nobody sets, from some moment on. */
double avl_now_s(void);

/* Takes the progress line off the terminal, so that a message can stand there. */
void avl_progress_hide(void);

#endif
