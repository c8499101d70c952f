/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_ANNOTATION_H
#define AVL_EVAL_ANNOTATION_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* Where the sources are, as data sets say it: boxes by the name of a clip or a picture. Boxes are
 * fractions of the frame, x0 y0 x1 y1, the lower right edge outside. */

/* In this order a name is looked up; the first kind that knows it answers. */
enum avl_annotation_kind {
	/* VIDEO,AUDIO,LABEL rows (SLAVC's extended sets) whose label is non-sounding: the picture
	 * of one clip with the sound of another, or of nothing, so that no source is visible. */
	AVL_ANNOTATION_SILENT,
	/* KEY, x0, y0, x1, y1, annotator (0 where it is missing), by tabs; many rows a key; the
	 * key alone says that no source is visible. A first line of names is passed over. */
	AVL_ANNOTATION_BOXES,
	/* JSON [{"file","class","bbox":[[x0,y0,x1,y1],...]}]: Chen et al., CVPR 2021. */
	AVL_ANNOTATION_VGGSS,
	/* A folder of ID.xml, or rows ID, box, xmin, ymin, xmax, ymax by tabs; both in pixels of
	 * 256 x 256: Senocak et al., CVPR 2018. Each box counts as an annotator of its own. */
	AVL_ANNOTATION_FLICKR,
	/* JSON [{"image","audio","gt_box":[x0,y0,x1,y1]}], pixels of 224 x 224: Senocak et al.,
	 * TPAMI 2025. An image has a record for each of its sounds, and is named by the sound. */
	AVL_ANNOTATION_IS3,
	AVL_ANNOTATION_KINDS
};

/* "silent", "boxes", "vggss", "flickr", "is3": what the seal's truth.from says. */
const char *avl_annotation_name(enum avl_annotation_kind kind);

struct avl_annotations;

int avl_annotations_new(struct avl_annotations **annotations, struct avl_err *err);
void avl_annotations_free(struct avl_annotations *annotations); /* NULL is allowed */

/* Adds what PATH holds. What is wrong with single boxes is kept, and said when they are found. */
int avl_annotations_read(struct avl_annotations *annotations, enum avl_annotation_kind kind,
			 const char *path, struct avl_err *err);

/* Names that have been read, of all kinds. */
int avl_annotations_count(const struct avl_annotations *annotations);

/* What a record says of itself. SOURCE and SOUND are paths or NULL: the picture or video, and the
 * file its sound came from where that is another. */
struct avl_annotation_query {
	const char *key, *source, *sound;
};

struct avl_annotation {
	enum avl_annotation_kind kind;
	const char *name;  /* of the entry */
	const char *label; /* its class, or NULL */
	int nboxes;
	double *box; /* f8 (nboxes, 5) within 0..1, from the arena; NULL where there is none */
	int nothers;
	double *other;  /* the same for things that are visible and do not sound: IS3 */
	int clipped;    /* boxes that held a value outside the frame */
	double outside; /* the first such value */
	int empty;      /* boxes without area, which are kept: the mask may be empty for them */
};

/* Looks for the record's key, then for the stem of its source. A clip of VGG-SS may also be named
 * ID_STARTms_ENDms. 1: found, 0: not; or AVL_ENOMEM. */
int avl_annotations_find(struct avl_annotations *annotations,
			 const struct avl_annotation_query *query, struct avl_arena *arena,
			 struct avl_annotation *found, struct avl_err *err);

/* The file name without its folder and its last extension, cut at SIZE. */
void avl_stem(const char *path, char *stem, size_t size);

#endif
