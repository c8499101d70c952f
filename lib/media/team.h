/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_TEAM_H
#define AVL_MEDIA_TEAM_H

#include <stdint.h>

#include "base/err.h"
#include "media/gop.h"
#include "media/pixels.h"

/* A finished frame. */
struct avl_shot {
	uint8_t *rgb; /* malloc'd */
	int width, height;
	int64_t stamp; /* in ticks from time 0 */
};

/* What turns a frame into a shot. */
struct avl_shoot {
	struct avl_pixels pixels;
	int to_width, to_height;
};

int avl_shoot(struct avl_shoot *shoot, const AVFrame *frame, const AVStream *stream,
	      const struct avl_scan *scan, struct avl_shot *shot, struct avl_err *err);

/* Threads that decode the groups of a plan beside each other. Their frames come out in order, and
 * are the same whatever their number. Each is a few frames ahead, no more. */
struct avl_team;

struct avl_team_job {
	const struct avl_demux *probed;
	const struct avl_source *source;
	const struct avl_scan *scan;
	const struct avl_plan *plan;
	int to_width, to_height;
	int threads; /* 1: none is started, the caller's does it */
};

/* What JOB points to must outlive the team. */
int avl_team_new(struct avl_team **team, const struct avl_team_job *job, struct avl_err *err);
void avl_team_free(struct avl_team *team); /* NULL is allowed */

/* The plan's next wanted frame. */
int avl_team_next(struct avl_team *team, struct avl_shot *shot, struct avl_err *err);

#endif
