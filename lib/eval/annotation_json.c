/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/annotation_rows.h"
#include "eval/rows.h"
#include "io/json.h"

#define FILE_MAX  ((size_t)1 << 28)
#define IS3_SIDE  224
#define NAME_SIZE 256

static int open_array(struct avl_json **array, const char *path, struct avl_err *err)
{
	char *bytes;
	size_t n;
	*array = NULL;
	int rc = avl_file_read(path, FILE_MAX, &bytes, &n, err);
	if (rc)
		return rc;
	rc = avl_json_parse(array, bytes, n, err);
	free(bytes);
	if (!rc && avl_json_type(*array) == AVL_JSON_ARRAY)
		return 0;
	if (!rc)
		rc = avl_fail(err, AVL_EFORMAT, "is no JSON array");
	char where[NAME_SIZE];
	snprintf(where, sizeof where, "'%.240s'", path);
	avl_fail_prefix(err, where);
	avl_json_free(*array);
	*array = NULL;
	return rc;
}

static int fail_at(const char *path, int item, const char *text, struct avl_err *err)
{
	return avl_fail(err, AVL_EFORMAT, "'%s' item %d: %s", path, item, text);
}

/* Four numbers; 1 or 0. */
static int take_corners(const struct avl_json *corners, double box[5])
{
	if (avl_json_length(corners) != 4)
		return 0;
	for (int k = 0; k < 4; k++) {
		box[k] = avl_json_number_at(corners, k, NAN);
		if (!isfinite(box[k]))
			return 0;
	}
	box[4] = 0;
	return 1;
}

static int add_vggss(struct avl_annotations *annotations, const char *path, int item,
		     const struct avl_json *entry, struct avl_err *err)
{
	const struct avl_json *const boxes = avl_json_get(entry, "bbox");
	struct avl_annotation_row row = {
	    .name = avl_json_string(entry, "file", NULL),
	    .label = avl_json_string(entry, "class", NULL),
	    .kind = AVL_ANNOTATION_VGGSS,
	};
	if (!row.name || avl_json_type(boxes) != AVL_JSON_ARRAY)
		return fail_at(path, item, "has no 'file' or no 'bbox'", err);
	const int n = avl_json_length(boxes);
	if (!n)
		return avl_annotations_add(annotations, &row, err);
	row.has_box = 1;
	for (int i = 0; i < n; i++) {
		if (!take_corners(avl_json_at(boxes, i), row.box))
			return fail_at(path, item, "a box is not four numbers", err);
		const int rc = avl_annotations_add(annotations, &row, err);
		if (rc)
			return rc;
	}
	return 0;
}

int avl_vggss_read(struct avl_annotations *annotations, const char *path, struct avl_err *err)
{
	struct avl_json *array;
	int rc = open_array(&array, path, err);
	const int n = rc ? 0 : avl_json_length(array);
	for (int i = 0; i < n && !rc; i++)
		rc = add_vggss(annotations, path, i, avl_json_at(array, i), err);
	avl_json_free(array);
	return rc;
}

/* The fraction from which int(224 * fraction) makes PIXEL again: for a few pixels the nearest
 * double is too small by its last bit. */
static double fraction_of(double pixel)
{
	const double fraction = pixel / IS3_SIDE;
	return floor(fraction * IS3_SIDE) < floor(pixel) ? nextafter(fraction, 2) : fraction;
}

static int add_is3(struct avl_annotations *annotations, const char *path, int item,
		   const struct avl_json *entry, struct avl_err *err)
{
	char name[NAME_SIZE];
	struct avl_annotation_row row = {.name = name, .kind = AVL_ANNOTATION_IS3, .has_box = 1};
	const char *const image = avl_json_string(entry, "image", NULL);
	if (!image)
		return fail_at(path, item, "has no 'image'", err);
	if (avl_json_type(avl_json_get(entry, "gt_box")) == AVL_JSON_STRING)
		return fail_at(path, item, "names a mask: use the file with the boxes", err);
	if (!take_corners(avl_json_get(entry, "gt_box"), row.box))
		return fail_at(path, item, "'gt_box' is not four numbers", err);
	for (int k = 0; k < 4; k++)
		row.box[k] = fraction_of(row.box[k]);
	avl_stem(image, name, sizeof name);
	return avl_annotations_add(annotations, &row, err);
}

int avl_is3_read(struct avl_annotations *annotations, const char *path, struct avl_err *err)
{
	struct avl_json *array;
	int rc = open_array(&array, path, err);
	const int n = rc ? 0 : avl_json_length(array);
	for (int i = 0; i < n && !rc; i++)
		rc = add_is3(annotations, path, i, avl_json_at(array, i), err);
	avl_json_free(array);
	return rc;
}
