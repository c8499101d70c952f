/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_MEDIA_H
#define AVL_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Pictures and the sound around them, taken from a media file at chosen times. Nothing of FFmpeg
 * shows here.
 *
 * Time is in seconds; 0 is the first video frame that is shown, or, without video, the first
 * sample. The frame at T is the last whose time stamp is <= T (the first, before that); time
 * stamps that a container rounds to ticks of a millisecond or less count as equal to T where they
 * lie less than one tick behind it.
 *
 * Only the named file is ever opened, whatever it contains: bytes reach the demuxer through a
 * reader of one descriptor, and its wish to open anything else is refused. Containers and codecs
 * are taken from fixed lists; playlists are not among them. */

#define AVL_PICTURE_PIXELS_MAX (64 << 20) /* a larger picture is refused unseen */

enum avl_clip_mode {
	AVL_CLIP_RATE,  /* the middles of intervals: (k + 1/2) / rate while inside the clip, or the
			   clip's middle where it is shorter than half an interval */
	AVL_CLIP_TIMES, /* the times of a list */
	AVL_CLIP_KEYS,  /* every keyframe, at its own time */
};

struct avl_clip_options {
	enum avl_clip_mode mode;
	double rate;         /* records a second, > 0 */
	const double *times; /* ascending, >= 0; borrowed until the clip is closed */
	int ntimes;
	int rate_hz;       /* of the sound handed out; 0: the rate it has */
	int channels;      /* that are mixed to one, from the first on; 0: all */
	double window_s;   /* length of the sound of a record; 0: the whole sound */
	double still_s;    /* the same for a still picture (0: the whole sound) */
	double anchor;     /* the window begins at time - anchor * window_s: 0.5 centres it */
	int width, height; /* both > 0: the size of the pictures; width alone: what the longer side
			      may have at most; none: as they are */
	int threads;       /* >= 1 */
	bool serial;       /* decode all frames in turn, even where that is not needed */
};

/* One record. The pointers are valid until the next call on the clip. */
struct avl_clip_record {
	double time_s;      /* the time it stands for */
	const uint8_t *rgb; /* height x width x 3, sRGB, rotated as shown; NULL: no picture */
	int width, height;
	double frame_s;     /* time stamp of the picture */
	const float *audio; /* mono, all channels mixed (media/mono.h); NULL: no sound */
	size_t samples;
	int rate_hz;
	double audio_start_s; /* time of the first sample */
};

struct avl_clip;

/* PICTURE and SOUND name files ("-": stdin). PICTURE NULL: the sound alone. SOUND NULL: the sound
 * of PICTURE itself, if it has any; a named SOUND starts at time 0. An input that cannot be
 * rewound is first copied to an unlinked temporary file ($TMPDIR or /tmp).
 *
 * A still that is cut off is refused here. Other files are good up to the cut: avl_clip_next ends
 * with it, after the records that would be the same if the file were whole. */
int avl_clip_open(struct avl_clip **clip, const char *picture, const char *sound,
		  const struct avl_clip_options *options, struct avl_err *err);

/* 1: *RECORD is the next, in the order of time. 0: no more. Negative: the file is damaged from
 * here on; the records before are good. */
int avl_clip_next(struct avl_clip *clip, struct avl_clip_record *record, struct avl_err *err);

/* After avl_clip_next returned 0: how many of the listed times lay at or past the end, the first
 * of them, and the end of the clip. */
int avl_clip_beyond(const struct avl_clip *clip, double *first_s, double *end_s);

/* True where the picture is a still (an image file). */
bool avl_clip_still(const struct avl_clip *clip);

/* The number of records that are expected, 0 where that is not known yet. */
double avl_clip_expected(const struct avl_clip *clip);

void avl_clip_close(struct avl_clip *clip); /* NULL is allowed */

#endif
