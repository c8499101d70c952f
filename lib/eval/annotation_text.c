/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "eval/annotation_rows.h"
#include "eval/rows.h"

#define FLICKR_SIDE   256
#define XML_MAX       ((size_t)1 << 22)
#define XML_BOXES_MAX 1000

/* --- rows of text --------------------------------------------------------------------------- */

static int take_numbers(const struct avl_rows *rows, int from, int n, double *value)
{
	if (rows->nfields < from + n)
		return 0;
	for (int k = 0; k < n; k++)
		if (!avl_field_number(rows->field[from + k], &value[k]))
			return 0;
	return 1;
}

static int is_heading(const struct avl_rows *rows)
{
	double value;
	return rows->line == 1 && rows->nfields > 1 && !avl_field_number(rows->field[1], &value);
}

static int is_key_alone(const struct avl_rows *rows)
{
	for (int k = 1; k < rows->nfields; k++)
		if (*rows->field[k])
			return 0;
	return 1;
}

static int add_box(struct avl_annotations *annotations, const struct avl_rows *rows,
		   struct avl_err *err)
{
	struct avl_annotation_row row = {.name = rows->field[0], .kind = AVL_ANNOTATION_BOXES};
	if (is_key_alone(rows))
		return avl_annotations_add(annotations, &row, err);
	row.has_box = 1;
	if (!take_numbers(rows, 1, 4, row.box))
		return avl_rows_fail(rows, err, "is not: key, x0, y0, x1, y1, separated by tabs");
	if (rows->nfields > 5 && *rows->field[5] && !take_numbers(rows, 5, 1, row.box + 4))
		return avl_rows_fail(rows, err, "the annotator is not a number");
	return avl_annotations_add(annotations, &row, err);
}

int avl_boxes_read(struct avl_annotations *annotations, const char *path, struct avl_err *err)
{
	struct avl_rows rows;
	int rc = avl_rows_open(&rows, path, '\t', err);
	while (!rc && (rc = avl_rows_next(&rows, err)) > 0)
		rc = is_heading(&rows) ? 0 : add_box(annotations, &rows, err);
	avl_rows_close(&rows);
	return rc;
}

int avl_silent_read(struct avl_annotations *annotations, const char *path, struct avl_err *err)
{
	struct avl_rows rows;
	int rc = avl_rows_open(&rows, path, ',', err);
	while (!rc && (rc = avl_rows_next(&rows, err)) > 0) {
		const struct avl_annotation_row row = {
		    .name = rows.field[0], .sound = rows.field[1], .kind = AVL_ANNOTATION_SILENT};
		if (rows.nfields < 3)
			rc = avl_rows_fail(&rows, err, "is not: video,audio,label");
		else
			rc = strcmp(rows.field[2], "non-sounding")
				 ? 0
				 : avl_annotations_add(annotations, &row, err);
	}
	avl_rows_close(&rows);
	return rc;
}

/* --- Flickr-SoundNet ------------------------------------------------------------------------ */

static int add_flickr(struct avl_annotations *annotations, const char *name, const double pixel[4],
		      int annotator, struct avl_err *err)
{
	struct avl_annotation_row row = {.name = name, .kind = AVL_ANNOTATION_FLICKR, .has_box = 1};
	for (int k = 0; k < 4; k++)
		row.box[k] = pixel[k] / FLICKR_SIDE;
	row.box[4] = annotator;
	return avl_annotations_add(annotations, &row, err);
}

static int read_flickr_rows(struct avl_annotations *annotations, const char *path,
			    struct avl_err *err)
{
	struct avl_rows rows;
	int rc = avl_rows_open(&rows, path, '\t', err);
	while (!rc && (rc = avl_rows_next(&rows, err)) > 0) {
		double value[5]; /* box, xmin, ymin, xmax, ymax */
		if (is_heading(&rows))
			rc = 0;
		else if (!take_numbers(&rows, 1, 5, value) || fabs(value[0]) > 1e6)
			rc = avl_rows_fail(&rows, err, "is not: id, box, xmin, ymin, xmax, ymax");
		else
			rc = add_flickr(annotations, rows.field[0], value + 1, (int)value[0], err);
	}
	avl_rows_close(&rows);
	return rc;
}

/* The text of the element that begins at *AT ('<'), which is moved behind its end; NULL where
 * there is no further element before END. Comments and declarations are passed over. Only leaves
 * are asked for, so nesting needs no stack. */
static char *next_leaf(char **at, const char *end)
{
	for (char *open; (open = memchr(*at, '<', (size_t)(end - *at)));) {
		char *const close = memchr(open, '>', (size_t)(end - open));
		if (!close)
			return NULL;
		*at = close + 1;
		if (open[1] == '/' || open[1] == '!' || open[1] == '?')
			continue;
		if (close[-1] == '/') {
			close[-1] = 0;
			return close - 1;
		}
		char *const stop = memchr(close + 1, '<', (size_t)(end - close - 1));
		if (!stop)
			return NULL;
		*at = stop + 1;
		*stop = 0;
		return close + 1;
	}
	return NULL;
}

/* The children of one <bbox>: the first says who drew it, the next four are the corners. */
static int take_bbox(char *at, const char *end, double pixel[4])
{
	for (int k = -1; k < 4; k++) {
		char *const text = next_leaf(&at, end);
		if (!text)
			return 0;
		for (char *c = text; *c; c++)
			*c = (char)(*c == '\n' || *c == '\r' || *c == '\t' ? ' ' : *c);
		if (k >= 0 && !avl_field_number(text, &pixel[k]))
			return 0;
	}
	return 1;
}

static int is_bbox(const char *at)
{
	return !strncmp(at, "<bbox", 5) && strchr(" \t\r\n>", at[5]);
}

int avl_flickr_read_xml(struct avl_annotations *annotations, const char *path, const char *name,
			struct avl_err *err)
{
	char *text;
	size_t n;
	int boxes = 0, rc = avl_file_read(path, XML_MAX, &text, &n, err);
	if (rc)
		return rc;
	if (!memchr(text, '<', n))
		rc = avl_fail(err, AVL_EFORMAT, "'%s': is no XML", path);
	for (char *at = text; !rc && (at = memchr(at, '<', (size_t)(text + n - at)));) {
		double pixel[4];
		if (!is_bbox(at)) {
			at++;
			continue;
		}
		char *const inner = strchr(at, '>');
		char *const end = inner ? strstr(inner, "</bbox") : NULL;
		if (!end || boxes == XML_BOXES_MAX || !take_bbox(inner + 1, end, pixel))
			rc = avl_fail(err, AVL_EFORMAT, "'%s': box %d is not four numbers", path,
				      boxes + 1);
		else
			rc = add_flickr(annotations, name, pixel, boxes++, err);
		at = end;
	}
	if (!rc && !boxes) {
		const struct avl_annotation_row none = {.name = name,
							.kind = AVL_ANNOTATION_FLICKR};
		rc = avl_annotations_add(annotations, &none, err);
	}
	free(text);
	return rc;
}

static int read_flickr_folder(struct avl_annotations *annotations, const char *path,
			      struct avl_err *err)
{
	DIR *const dir = opendir(path);
	int rc = 0, files = 0;
	if (!dir)
		return avl_fail_errno(err, "'%s'", path);
	for (const struct dirent *entry; !rc && (entry = readdir(dir));) {
		const size_t length = strlen(entry->d_name);
		if (length < 5 || strcmp(entry->d_name + length - 4, ".xml"))
			continue;
		const size_t size = strlen(path) + length + 2;
		char *const file = malloc(size);
		char name[256];
		if (!file) {
			rc = avl_fail(err, AVL_ENOMEM, "out of memory");
			break;
		}
		snprintf(file, size, "%s/%s", path, entry->d_name);
		avl_stem(entry->d_name, name, sizeof name);
		rc = avl_flickr_read_xml(annotations, file, name, err);
		files++;
		free(file);
	}
	closedir(dir);
	if (!rc && !files)
		rc = avl_fail(err, AVL_ENONE, "'%s': holds no .xml file", path);
	return rc;
}

int avl_flickr_read(struct avl_annotations *annotations, const char *path, struct avl_err *err)
{
	struct stat status;
	if (!stat(path, &status) && S_ISDIR(status.st_mode))
		return read_flickr_folder(annotations, path, err);
	return read_flickr_rows(annotations, path, err);
}
