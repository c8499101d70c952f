/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_SERIAL_H
#define AVL_MEDIA_SERIAL_H

#include "base/err.h"
#include "media/demux.h"
#include "media/scan.h"

/* The frames of a video one after the other, none left out: for streams of which no plan can be
 * made. */
struct avl_serial {
	const struct avl_scan *scan;
	size_t cursor; /* the packet the demuxer hands out next */
	size_t entry;  /* the first that can be decoded */
	struct avl_demux demux;
	AVCodecContext *decoder;
	AVFrame *shown, *ahead; /* the frame at the last time asked for, and the one behind it */
	bool has_shown, has_ahead, drained;
};

/* Decodes the first frame, which then is AHEAD. What a recording that was begun in the middle has
 * before its first keyframe, and what refers to that, is left out. SCAN must outlive SERIAL; OTHER
 * as in avl_demux_open_like. */
int avl_serial_open(struct avl_serial *serial, const struct avl_demux *other,
		    const struct avl_source *source, const struct avl_scan *scan, int threads,
		    struct avl_err *err);
void avl_serial_close(struct avl_serial *serial);

/* Makes SHOWN the frame on the screen at TIME_S, which is never less than it was before. *SAME is
 * whether it is the one it was. */
int avl_serial_seek(struct avl_serial *serial, double time_s, bool *same, struct avl_err *err);

#endif
