/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_ANNOTATION_ROWS_H
#define AVL_EVAL_ANNOTATION_ROWS_H

#include <stdint.h>

#include "eval/annotation.h"

/* What the readers of annotation files and the look-up share: one row a box. */
struct avl_annotation_row {
	const char *name, *label;
	const char *sound; /* of a silent row; NULL otherwise */
	int kind, order;   /* order: in which it was read */
	int has_box;       /* 0: the entry has no box at all */
	double box[5];     /* as the file has it, in fractions */
};

struct avl_annotations {
	struct avl_arena names;
	struct avl_annotation_row *row;
	int n, room, sorted;
};

/* Copies ROW with its texts to the end. */
int avl_annotations_add(struct avl_annotations *annotations, const struct avl_annotation_row *row,
			struct avl_err *err);

int avl_vggss_read(struct avl_annotations *annotations, const char *path, struct avl_err *err);
int avl_is3_read(struct avl_annotations *annotations, const char *path, struct avl_err *err);
int avl_boxes_read(struct avl_annotations *annotations, const char *path, struct avl_err *err);
int avl_silent_read(struct avl_annotations *annotations, const char *path, struct avl_err *err);
/* A folder or a file. */
int avl_flickr_read(struct avl_annotations *annotations, const char *path, struct avl_err *err);
/* One XML file, whose boxes are those of NAME. */
int avl_flickr_read_xml(struct avl_annotations *annotations, const char *path, const char *name,
			struct avl_err *err);

#endif
