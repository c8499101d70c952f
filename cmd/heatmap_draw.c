/* SPDX-License-Identifier: MIT */
#include "cmd/heatmap_draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "image/draw.h"
#include "image/resize.h"

#define LABELS_MAX 6 /* of a picture, and maps of heats.npy that are drawn at once */

struct avl_painter {
	struct avl_painter_look look;
	struct avl_heatmap *heatmap;
	float *score; /* of the maps that are drawn */
	size_t cells; /* room there */
};

int avl_painter_new(struct avl_painter **out, const struct avl_painter_look *look,
		    struct avl_err *err)
{
	struct avl_painter *const painter = calloc(1, sizeof *painter);
	*out = painter;
	if (!painter)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	painter->look = *look;
	return avl_heatmap_new(&painter->heatmap, &look->style, NULL, err);
}

void avl_painter_free(struct avl_painter *painter)
{
	if (!painter)
		return;
	avl_heatmap_free(painter->heatmap);
	free(painter->score);
	free(painter);
}

/* A record's maps: as many as are drawn. */
struct maps {
	const struct avl_tensor *tensor; /* heat.npy or heats.npy */
	int first, count, rows, cols;    /* maps of the tensor; a heat.npy is one */
	int is_many;                     /* each in its own colour */
	double region[4];
};

/* Copies the frame, which is drawn on. */
static int load_frame(struct avl_canvas *canvas, const struct avl_record *record,
		      struct avl_err *err)
{
	static const int64_t shape[3] = {-1, -1, 3};
	const struct avl_member *const member = avl_record_find(record, "frame.npy");
	char text[128];
	if (!member)
		return avl_fail(err, AVL_ENONE, "no frame.npy");
	const int64_t *const dim = member->tensor.dim;
	avl_tensor_describe(&member->tensor, text, sizeof(text));
	if (!avl_tensor_is(&member->tensor, AVL_U1, 3, shape) || dim[0] < 1 || dim[1] < 1 ||
	    dim[0] > AVL_SIDE_MAX || dim[1] > AVL_SIDE_MAX)
		return avl_fail(err, AVL_ESHAPE, "frame.npy is %s, not a picture u1 (h, w, 3)",
				text);
	const size_t size = avl_tensor_count(&member->tensor);
	if (size > canvas->capacity) {
		free(canvas->picture.rgb);
		canvas->capacity = 0;
		canvas->picture.rgb = avl_alloc(size, 1);
		if (!canvas->picture.rgb)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		canvas->capacity = size;
	}
	canvas->picture.height = (int)dim[0];
	canvas->picture.width = (int)dim[1];
	memcpy(canvas->picture.rgb, member->tensor.data, size);
	return 0;
}

static int read_region(const struct avl_record *record, double region[4], struct avl_err *err)
{
	static const double whole[4] = {0, 0, 1, 1};
	const struct avl_json *const array = avl_json_get(record->seal, "heat_region");
	for (int i = 0; i < 4; i++)
		region[i] = array ? avl_json_number_at(array, i, -1) : whole[i];
	if (region[0] >= 0 && region[1] >= 0 && region[0] < region[2] && region[1] < region[3] &&
	    region[2] <= 1 && region[3] <= 1)
		return 0;
	return avl_fail(err, AVL_EFORMAT, "heat_region is no part of the frame");
}

/* Chooses among heat.npy and the maps of heats.npy. */
static int find_maps(const struct avl_record *record, int source, struct maps *maps,
		     struct avl_err *err)
{
	const struct avl_member *const one = avl_record_find(record, "heat.npy");
	const struct avl_member *const many = avl_record_find(record, "heats.npy");
	/* Where nothing was heard there are no maps of sounds. */
	const int has_many = many && !(many->tensor.ndim == 3 && many->tensor.dim[0] == 0);
	const int use_many = has_many && source != 0;
	const struct avl_member *const member = use_many ? many : one;
	const char *const name = use_many ? "heats.npy" : "heat.npy";
	const int ndim = use_many ? 3 : 2;
	static const int64_t shape[3] = {-1, -1, -1};
	char text[128];
	if (!member)
		return avl_fail(err, AVL_ENONE, "no heat.npy");
	maps->tensor = &member->tensor;
	avl_tensor_describe(maps->tensor, text, sizeof(text));
	const int64_t *const dim = maps->tensor->dim + ndim - 2;
	const int64_t count = use_many ? maps->tensor->dim[0] : 1;
	if (!avl_tensor_is(maps->tensor, AVL_F4, ndim, shape) || dim[0] < 1 || dim[1] < 1 ||
	    dim[0] > AVL_SIDE_MAX || dim[1] > AVL_SIDE_MAX || dim[0] * dim[1] > INT32_MAX ||
	    count < 1 || count > AVL_MAPS_MAX)
		return avl_fail(err, AVL_ESHAPE, "%s is %s, not f4 (%srows, cols)", name, text,
				use_many ? "maps, " : "");
	if (source > (use_many ? count : 0))
		return avl_fail(err, AVL_ENONE, "there is no map of source %d", source);
	maps->rows = (int)dim[0];
	maps->cols = (int)dim[1];
	maps->first = source > 0 ? source - 1 : 0;
	maps->count = source > 0 ? 1 : count < LABELS_MAX ? (int)count : LABELS_MAX;
	maps->is_many = use_many && source < 0 && count > 1;
	return read_region(record, maps->region, err);
}

/* Copies all maps that will be drawn. They are checked before any is drawn: a picture is drawn
 * whole or not at all. */
static int load_maps(struct avl_painter *painter, const struct maps *maps, struct avl_err *err)
{
	const size_t cells = (size_t)maps->rows * (size_t)maps->cols;
	const size_t n = cells * (size_t)maps->count;
	if (n > painter->cells) {
		free(painter->score);
		painter->cells = 0;
		painter->score = avl_alloc(n, sizeof(float));
		if (!painter->score)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		painter->cells = n;
	}
	memcpy(painter->score,
	       (const char *)maps->tensor->data + (size_t)maps->first * cells * sizeof(float),
	       n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		if (!isfinite(painter->score[i]))
			return avl_fail(err, AVL_EFORMAT, "the heat holds %s",
					isnan(painter->score[i]) ? "NaN" : "an infinity");
	return 0;
}

/* "Dog 0.72" of what the seal's array NAME tells about sound I, or nothing. A character outside
 * ASCII is one '?'. */
static int describe_sound(const struct avl_json *seal, const char *name, int i, char text[128])
{
	const struct avl_json *const row = avl_json_at(avl_json_get(seal, name), i);
	const char *from = row ? avl_json_string(row, "name", NULL) : NULL;
	const double score = row ? avl_json_number(row, "score", NAN) : NAN;
	int n = 0;
	if (!from)
		return 0;
	for (; *from && n < 100; from++)
		if (((unsigned char)*from & 0xc0) != 0x80)
			text[n++] = *from;
	text[n] = 0;
	if (isfinite(score))
		snprintf(text + n, (size_t)(128 - n), " %.2f", score);
	return 1;
}

static void draw_labels(const struct avl_painter *painter, const struct avl_record *record,
			const struct maps *maps, const double box[4],
			const struct avl_picture *picture)
{
	char text[LABELS_MAX][128];
	struct avl_label label[LABELS_MAX];
	int n = 0;
	for (int i = 0; i < maps->count; i++) {
		const int sound = maps->first + i;
		if (!describe_sound(record->seal, "sources", sound, text[n]) &&
		    !describe_sound(record->seal, "heard", sound, text[n])) {
			if (!maps->is_many)
				continue;
			snprintf(text[n], sizeof(text[n]), "source %d", sound + 1);
		}
		label[n].text = text[n];
		label[n].rgb = maps->is_many ? avl_colormap_source(i) : NULL;
		n++;
	}
	const int is_near = painter->look.style.has_box && !maps->is_many && box[0] < box[2];
	avl_draw_labels(picture, label, n, is_near ? box : NULL);
}

int avl_painter_draw(struct avl_painter *painter, const struct avl_record *record,
		     struct avl_canvas *canvas, struct avl_err *err)
{
	struct maps maps;
	double box[LABELS_MAX][4];
	canvas->picture.height = 0;
	int rc = load_frame(canvas, record, err);
	if (rc == 0)
		rc = find_maps(record, painter->look.source, &maps, err);
	if (rc == 0)
		rc = load_maps(painter, &maps, err);
	if (rc == 0)
		rc =
		    avl_heatmap_draw(painter->heatmap, &canvas->picture, painter->score, maps.count,
				     maps.rows, maps.cols, maps.region, maps.is_many, box, err);
	if (rc == 0 && painter->look.has_labels)
		draw_labels(painter, record, &maps, box[0], &canvas->picture);
	return rc;
}
