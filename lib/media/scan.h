/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_SCAN_H
#define AVL_MEDIA_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

enum {
	AVL_PACKET_KEY = 1,        /* decoding may begin here */
	AVL_PACKET_DISPOSABLE = 2, /* no other packet refers to it */
	AVL_PACKET_HIDDEN = 4,     /* decoded, never shown */
	AVL_PACKET_CLEAN = 8, /* no packet behind it refers to one before it, and none behind it
				 is shown before one before it */
};

/* A packet of the video stream, in the order of decoding. Times count from the first shown frame,
 * in ticks. */
struct avl_packet {
	int64_t pts;
	uint32_t flags;
	int64_t position; /* in the file, -1: unknown */
};

/* What one pass over a file's video packets, without decoding, tells. Twenty-four bytes a packet
 * are all that grows with the length of a clip. */
struct avl_scan {
	int tick_num, tick_den; /* a tick in seconds */
	int64_t origin;         /* time stamp of the first shown frame, in ticks */
	int64_t end;            /* end of the last shown frame, in ticks from the origin */
	struct avl_packet *packet;
	size_t n;
	bool told_apart;       /* of every packet it is known what refers to it */
	bool timed;            /* every packet has a time stamp of its own */
	struct avl_err damage; /* .code is not 0: why reading ended before the end; END is then the
				  last frame's time, whose length is unknown */
};

struct avl_demux;

/* Reads DEMUX to its end, or to where it is damaged. */
int avl_scan_make(struct avl_scan *scan, struct avl_demux *demux, struct avl_err *err);
void avl_scan_release(struct avl_scan *scan);

/* Makes ORIGIN (on the clock of the file, in ticks) time 0. */
void avl_scan_shift(struct avl_scan *scan, int64_t origin);

/* How far behind a time a frame may lie and still count as shown at it, in seconds: just under a
 * tick where ticks are so fine that a container rounds to them, a microsecond where frames are
 * counted. */
double avl_scan_slack(const struct avl_scan *scan);

double avl_scan_seconds(const struct avl_scan *scan, int64_t ticks);

#endif
