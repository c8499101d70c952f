/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_FILTER_H
#define AVL_CMD_FILTER_H

#include "cmd/cmd.h"
#include "cmd/profile.h"

/* What the commands that read records and write them again have in common: all operands one after
 * the other, the output of -o, -z and -f, progress. The
 * next record is read and the last one written while EACH, in the caller's thread, is at work; a
 * record leaves as soon as it is done, whether another has come or not. */
struct avl_filter {
	const char *producer;            /* of the stream that is written */
	const struct avl_json *settings; /* for its header, or NULL */
	/* Does what the command is for to one record, which is then written. False: it is not. */
	bool (*each)(void *arg, const char *stream, struct avl_record *record);
	void *arg;
	struct avl_stage *read, *write; /* of --profile, or NULL */
};

/* Dies where the output cannot be written. */
void avl_filter_run(const struct avl_filter *filter, char **files, int nfiles);

#endif
