/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_HEATMAP_SINK_H
#define AVL_CMD_HEATMAP_SINK_H

#include <stdbool.h>

#include "image/picture.h"
#include "image/png.h"
#include "image/y4m.h"
#include "io/stream.h"

/* Where avl-heatmap's pictures go. */

enum avl_sink_mode {
	AVL_SINK_STDOUT, /* one PNG */
	AVL_SINK_FILE,   /* one PNG */
	AVL_SINK_DIRECTORY,
	AVL_SINK_RAW,
	AVL_SINK_Y4M,
	AVL_SINK_RECORDS,
	AVL_SINK_ANSI,
};

struct avl_sink_options {
	enum avl_sink_mode mode;
	const char *path; /* of -o, or NULL */
	bool force, gzip;
	double fps; /* of a video; not > 0: from the first two records */
	enum avl_chroma chroma;
	int columns; /* of a terminal; 0: as many as it has */
};

/* A record with the picture drawn of it. */
struct avl_drawn {
	const struct avl_picture *picture;
	const struct avl_png *png; /* in the modes that take one */
	bool is_shown;             /* the picture is to be written; of a record: it has one */
};

struct avl_picture_sink;

/* Whether the pictures of MODE are written as PNG. */
bool avl_sink_takes_png(enum avl_sink_mode mode);
/* Whether MODE is a video, which keeps its time: where nothing can be drawn on a frame, it stays
 * bare. */
bool avl_sink_is_video(enum avl_sink_mode mode);

/* All of these die where they cannot write. */
struct avl_picture_sink *avl_sink_open(const struct avl_sink_options *options);
/* RECORD gets a member in the mode for records. False where no more pictures can be taken. */
bool avl_sink_write(struct avl_picture_sink *sink, struct avl_record *record,
		    const struct avl_drawn *drawn);
/* DAMAGED: a stream was, which what is written must show. */
void avl_sink_close(struct avl_picture_sink *sink, bool damaged);

#endif
