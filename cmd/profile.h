/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_PROFILE_H
#define AVL_CMD_PROFILE_H

/* How long the stages of a command take, for --profile: TSV on stderr at the end. */

/* Times kept of a stage; of more records every 2nd, 4th, ... is looked at, so that memory does not
 * grow. The minimum and the count are of all. */
#define AVL_PROFILE_KEPT 4096

struct avl_stage {
	const char *name;
	double begun_s, min_ms;
	long count, stride;
	int kept;
	float ms[AVL_PROFILE_KEPT];
};

void avl_stage_begin(struct avl_stage *stage);
void avl_stage_end(struct avl_stage *stage);

/* "stage count min_ms median_ms", a line a stage. */
void avl_profile_print(struct avl_stage *stage, int stages);

#endif
