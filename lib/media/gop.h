/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_GOP_H
#define AVL_MEDIA_GOP_H

#include "base/err.h"
#include "media/demux.h"
#include "media/plan.h"

/* Decodes groups of a plan, each by itself, and of each no more than its frames need. What comes
 * out is, byte for byte, what decoding everything would show. */
struct avl_gop {
	const struct avl_source *source;
	const struct avl_demux *probed;
	const struct avl_scan *scan;
	const struct avl_plan *plan;
	struct avl_demux demux;
	AVCodecContext *decoder;
	AVFrame *shown, *ahead;
	bool has_shown, has_ahead, drained;
	const struct avl_group *group;
	bool whole;    /* nothing is left out: a frame that was planned did not come out */
	size_t cursor; /* the packet the demuxer hands out next */
	bool jumps;    /* seeking leads to the packets that it should */
	size_t fed;    /* the packet that is looked at next */
};

int avl_gop_open(struct avl_gop *gop, const struct avl_demux *probed,
		 const struct avl_source *source, const struct avl_scan *scan,
		 const struct avl_plan *plan, struct avl_err *err);
void avl_gop_close(struct avl_gop *gop);

/* Begins a group. Groups may only follow each other in their order. */
void avl_gop_start(struct avl_gop *gop, const struct avl_group *group);

/* Makes SHOWN the frame of that time stamp, which is one of those the group's plan wants, and
 * behind the one before. */
int avl_gop_seek(struct avl_gop *gop, int64_t want, struct avl_err *err);

#endif
