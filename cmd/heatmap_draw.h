/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_HEATMAP_DRAW_H
#define AVL_CMD_HEATMAP_DRAW_H

#include <stdbool.h>

#include "image/heatmap.h"
#include "io/stream.h"

/* How avl-heatmap makes a picture of a record. */

#define AVL_MAPS_MAX 1024 /* in heats.npy */

struct avl_painter_look {
	struct avl_heatmap_style style;
	int source; /* the map that is drawn: from 1 on of heats.npy, 0 heat.npy, -1 all there are
		     */
	bool has_labels;
};

/* A picture, in memory that is kept for the next. All zero at first. */
struct avl_canvas {
	struct avl_picture picture;
	size_t capacity; /* of picture.rgb, in bytes */
};

/* What a thread that draws keeps from record to record. */
struct avl_painter;

int avl_painter_new(struct avl_painter **painter, const struct avl_painter_look *look,
		    struct avl_err *err);
void avl_painter_free(struct avl_painter *painter); /* NULL is allowed */

/* AVL_ENONE: there is no frame or no heat. Where there is a frame, CANVAS holds it whatever the
 * result; where there is none, a height of 0. */
int avl_painter_draw(struct avl_painter *painter, const struct avl_record *record,
		     struct avl_canvas *canvas, struct avl_err *err);

#endif
