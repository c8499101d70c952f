/* SPDX-License-Identifier: MIT */
#ifndef AVL_TRAIN_TRUTH_H
#define AVL_TRAIN_TRUTH_H

#include "io/stream.h"

/* Where the source is, as a record says it: mask.npy (u1 (h, w), anything but 0 is the source), or
 * boxes.npy (f8 (n, 5): x0 y0 x1 y1 as fractions of the frame, and the annotator). A mask counts
 * before boxes, and as one annotator. */
struct avl_truth {
	const uint8_t *mask; /* NULL: none */
	int height, width;
	const double *box;
	int nboxes;
	int annotators; /* 0: nothing is known, or nothing visible sounds */
};

/* 1 where the record shows a source, 0 where not. AVL_ESHAPE, AVL_EFORMAT for members that are not
 * as above and boxes outside the frame. The truth borrows from the record. */
int avl_truth_find(struct avl_truth *truth, const struct avl_record *record, struct avl_err *err);

/* MAP (rows x cols) over REGION (x0 y0 x1 y1) of the frame: the share of each cell that one
 * annotator, 0..annotators-1, has marked, by 8 x 8 points a cell. Returns the sum. */
double avl_truth_map(const struct avl_truth *truth, int annotator, const double region[4], int rows,
		     int cols, float *map);

/* The maps of all annotators added up and divided by their sum; 0 where that is nothing: then MAP
 * is 0 everywhere. */
double avl_truth_normalised(const struct avl_truth *truth, const double region[4], int rows,
			    int cols, float *map);

#endif
