/* SPDX-License-Identifier: MIT */
#include "train/truth.h"

#include <math.h>
#include <string.h>

enum { POINTS = 8 };
#define SLACK 1e-6

static int is_inside(double x)
{
	return x >= -SLACK && x <= 1 + SLACK;
}

static int known_before(const struct avl_truth *truth, int row)
{
	for (int i = 0; i < row; i++)
		if (truth->box[5 * i + 4] == truth->box[5 * row + 4])
			return 1;
	return 0;
}

static int find_boxes(struct avl_truth *truth, const struct avl_tensor *boxes, struct avl_err *err)
{
	static const int64_t rows[] = {-1, 5};
	char shape[128];
	if (!avl_tensor_is(boxes, AVL_F8, 2, rows) || boxes->dim[0] > 1 << 16) {
		avl_tensor_describe(boxes, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "boxes.npy is %s, not f8 (n, 5)", shape);
	}
	truth->box = boxes->data;
	truth->nboxes = (int)boxes->dim[0];
	for (int i = 0; i < truth->nboxes; i++) {
		const double *const b = truth->box + 5 * (ptrdiff_t)i;
		for (int k = 0; k < 4; k++)
			if (!is_inside(b[k]))
				return avl_fail(err, AVL_EFORMAT,
						"box %d holds %.10g, which lies outside the frame",
						i, b[k]);
		truth->annotators += !known_before(truth, i);
	}
	return 0;
}

static int find_mask(struct avl_truth *truth, const struct avl_tensor *mask, struct avl_err *err)
{
	static const int64_t sides[] = {-1, -1};
	char shape[128];
	if (!avl_tensor_is(mask, AVL_U1, 2, sides) || mask->dim[0] < 1 || mask->dim[1] < 1 ||
	    mask->dim[0] > 1 << 20 || mask->dim[1] > 1 << 20) {
		avl_tensor_describe(mask, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "mask.npy is %s, not u1 (height, width)", shape);
	}
	truth->mask = mask->data;
	truth->height = (int)mask->dim[0];
	truth->width = (int)mask->dim[1];
	const size_t n = (size_t)truth->height * (size_t)truth->width;
	for (size_t i = 0; i < n && !truth->annotators; i++)
		truth->annotators = truth->mask[i] != 0;
	return 0;
}

int avl_truth_find(struct avl_truth *truth, const struct avl_record *record, struct avl_err *err)
{
	const struct avl_member *const mask = avl_record_find(record, "mask.npy");
	const struct avl_member *const boxes = avl_record_find(record, "boxes.npy");
	*truth = (struct avl_truth){0};
	int code = 0;
	if (mask)
		code = find_mask(truth, &mask->tensor, err);
	else if (boxes)
		code = find_boxes(truth, &boxes->tensor, err);
	return code ? code : truth->annotators > 0;
}

/* The id of the annotator who is the N-th to appear. */
static double annotator_id(const struct avl_truth *truth, int n)
{
	for (int i = 0; i < truth->nboxes; i++)
		if (!known_before(truth, i) && n-- == 0)
			return truth->box[5 * i + 4];
	return NAN;
}

static int is_marked(const struct avl_truth *truth, double id, double x, double y)
{
	if (truth->mask) {
		const int column = (int)floor(x * truth->width),
			  row = (int)floor(y * truth->height);
		return column >= 0 && row >= 0 && column < truth->width && row < truth->height &&
		       truth->mask[(size_t)row * (size_t)truth->width + (size_t)column] != 0;
	}
	for (int i = 0; i < truth->nboxes; i++) {
		const double *const b = truth->box + 5 * (ptrdiff_t)i;
		if (b[4] == id && x >= b[0] && x < b[2] && y >= b[1] && y < b[3])
			return 1;
	}
	return 0;
}

/* Adds what the annotator has marked to MAP, and returns how much that is. */
static double add_map(const struct avl_truth *truth, double id, const double region[4], int rows,
		      int cols, float *map)
{
	const double step_x = (region[2] - region[0]) / (cols * POINTS);
	const double step_y = (region[3] - region[1]) / (rows * POINTS);
	double sum = 0;
	for (int cell = 0; cell < rows * cols; cell++) {
		int marked = 0;
		for (int point = 0; point < POINTS * POINTS; point++) {
			const int px = cell % cols * POINTS + point % POINTS;
			const int py = cell / cols * POINTS + point / POINTS;
			marked += is_marked(truth, id, region[0] + (px + 0.5) * step_x,
					    region[1] + (py + 0.5) * step_y);
		}
		const float share = (float)marked / (POINTS * POINTS);
		map[cell] += share;
		sum += (double)share;
	}
	return sum;
}

double avl_truth_map(const struct avl_truth *truth, int annotator, const double region[4], int rows,
		     int cols, float *map)
{
	memset(map, 0, (size_t)(rows * cols) * sizeof *map);
	return add_map(truth, annotator_id(truth, annotator), region, rows, cols, map);
}

double avl_truth_normalised(const struct avl_truth *truth, const double region[4], int rows,
			    int cols, float *map)
{
	double sum = 0;
	memset(map, 0, (size_t)(rows * cols) * sizeof *map);
	for (int n = 0; n < truth->annotators; n++)
		sum += add_map(truth, annotator_id(truth, n), region, rows, cols, map);
	for (int i = 0; i < rows * cols && sum > 0; i++)
		map[i] = (float)((double)map[i] / sum);
	return sum;
}
