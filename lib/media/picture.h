/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_PICTURE_H
#define AVL_MEDIA_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/scan.h"
#include "media/source.h"

/* The pictures of a source, at ascending times. */
struct avl_picture;
struct avl_demux;

struct avl_picture_options {
	int to_width, to_height; /* as in avl_fit_size */
	int threads;
	bool serial; /* decode every frame, one after the other, even where that is not needed */
};

struct avl_picture_frame {
	uint8_t *rgb; /* height x width x 3, owned by the struct avl_picture, until its next call */
	int width, height;
	double time_s; /* of the frame itself */
};

/* AVL_ENONE where the source has no picture. SOURCE must outlive the picture. */
int avl_picture_open(struct avl_picture **picture, const struct avl_source *source,
		     const struct avl_picture_options *options, struct avl_err *err);
void avl_picture_close(struct avl_picture *picture);

/* A still has one packet, at 0, and ends there. */
bool avl_picture_still(const struct avl_picture *picture);
const struct avl_scan *avl_picture_scan(const struct avl_picture *picture);

/* What has been found out about the source. */
const struct avl_demux *avl_picture_demux(const struct avl_picture *picture);

/* Where video time 0 lies on the clock of the file, in seconds. */
double avl_picture_origin(const struct avl_picture *picture);

/* Says once which frames will be asked for: those on the screen at N times, ascending, which must
 * stay until the picture is closed. */
int avl_picture_plan(struct avl_picture *picture, const double *times, size_t n,
		     struct avl_err *err);

/* The frame of the next of these times. */
int avl_picture_next(struct avl_picture *picture, struct avl_picture_frame *frame,
		     struct avl_err *err);

#endif
