/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_PLAN_H
#define AVL_MEDIA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/scan.h"

/* Which packets must be decoded to show the frames of a list of times. A group is a run of packets
 * that can be decoded without any other: it begins with a packet that is CLEAN. */
struct avl_group {
	size_t first, last; /* packets: where decoding begins, and the last one that is needed */
	size_t end;         /* where the next group begins, or the packets end */
	size_t want, wants; /* its frames: this many from this one on */
};

struct avl_plan {
	struct avl_group *group; /* those of which a frame is wanted, in order */
	size_t groups;
	int64_t *want; /* time stamps of the wanted frames, ascending, each once */
	size_t wants;
	size_t *of_time; /* for each time, which of them is on the screen */
};

/* Whether frames can be planned for: the file begins with a clean packet, every packet has a time
 * stamp of its own and all are of a codec whose packets can be told apart. */
bool avl_plan_possible(const struct avl_scan *scan);

/* TIMES ascend. AVL_ENONE where frames share a time stamp, so that the plan would not tell which is
 * shown. */
int avl_plan_make(struct avl_plan *plan, const struct avl_scan *scan, const double *times, size_t n,
		  struct avl_err *err);
void avl_plan_release(struct avl_plan *plan);

/* Whether packet I of GROUP must be decoded: it is wanted, or others may refer to it. */
bool avl_plan_needs(const struct avl_plan *plan, const struct avl_group *group,
		    const struct avl_scan *scan, size_t i);

#endif
