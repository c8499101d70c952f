/* SPDX-License-Identifier: MIT */
#include "eval/evaluation.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/annotation.h"

#define MAP_SIDE_MAX  4096
#define MASK_SIDE_MAX 16384
#define BOXES_MAX     100000

const char *avl_left_out_words(enum avl_left_out why)
{
	static const char *const words[] = {
	    "",
	    "no map",
	    "no truth",
	    "no visible source (the protocol has no negatives)",
	    "an unknown kind of control",
	    "members of the wrong shape",
	};
	return words[why];
}

int avl_evaluation_new(struct avl_evaluation **out, const struct avl_evaluation_options *options,
		       struct avl_err *err)
{
	struct avl_evaluation *const e = calloc(1, sizeof *e);
	*out = NULL;
	if (!e)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	e->options = *options;
	int rc = avl_scorer_new(&e->scorer, &options->protocol, err);
	e->last.map = malloc(sizeof *e->last.map);
	e->before.map = malloc(sizeof *e->before.map);
	if (!rc && (!e->last.map || !e->before.map))
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc) {
		avl_evaluation_free(e);
		return rc;
	}
	e->scorer->flat_counts = options->flat_counts;
	*out = e;
	return 0;
}

void avl_evaluation_free(struct avl_evaluation *e)
{
	if (!e)
		return;
	avl_scorer_free(e->scorer);
	avl_mask_scorer_release(&e->masks);
	free(e->last.map);
	free(e->before.map);
	free(e->result);
	free(e);
}

static uint64_t hash(const void *bytes, size_t n)
{
	const unsigned char *const byte = bytes;
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	for (size_t i = 0; i < n; i++)
		h = (h ^ byte[i]) * 0x100000001b3u;
	return h;
}

/* --- what a record holds -----------------------------------------------------------------------
 */

struct material {
	const float *heat;
	int rows, cols;
	const double *box, *other;
	int nboxes, nothers; /* nboxes -1: no boxes.npy */
	const uint8_t *mask;
	int mask_rows, mask_cols;
	double region[4], range[2];
	int is_cropped, has_range;
	enum avl_data_set data_set;
	int clipped;
};

static int bad(const char *suffix, const struct avl_member *member, const char *wanted,
	       struct avl_err *err)
{
	char shape[128] = "no array";
	if (member->tensor.dtype != AVL_DTYPES)
		avl_tensor_describe(&member->tensor, shape, sizeof shape);
	return avl_fail(err, AVL_ESHAPE, "%s is %s, not %s", suffix, shape, wanted);
}

static int is_plane(const struct avl_member *member, enum avl_dtype dtype, int side)
{
	static const int64_t plane[] = {-1, -1};
	const struct avl_tensor *const t = &member->tensor;
	return avl_tensor_is(t, dtype, 2, plane) && t->dim[0] >= 1 && t->dim[1] >= 1 &&
	       t->dim[0] <= side && t->dim[1] <= side;
}

static int take_boxes(const struct avl_record *record, const char *suffix, const double **box,
		      int *n, struct avl_err *err)
{
	static const int64_t rows[] = {-1, 5};
	const struct avl_member *const m = avl_record_find(record, suffix);
	if (!m)
		return 0;
	if (!avl_tensor_is(&m->tensor, AVL_F8, 2, rows) || m->tensor.dim[0] > BOXES_MAX)
		return bad(suffix, m, "f8 (n, 5)", err);
	*box = m->tensor.data;
	*n = (int)m->tensor.dim[0];
	return 0;
}

static int take_members(const struct avl_record *record, struct material *m, struct avl_err *err)
{
	const struct avl_member *const heat = avl_record_find(record, "heat.npy");
	const struct avl_member *const mask = avl_record_find(record, "mask.npy");
	if (heat) {
		if (!is_plane(heat, AVL_F4, MAP_SIDE_MAX))
			return bad("heat.npy", heat, "f4 (rows, cols)", err);
		m->heat = heat->tensor.data;
		m->rows = (int)heat->tensor.dim[0];
		m->cols = (int)heat->tensor.dim[1];
	}
	if (mask) {
		if (!is_plane(mask, AVL_U1, MASK_SIDE_MAX))
			return bad("mask.npy", mask, "u1 (height, width)", err);
		m->mask = mask->tensor.data;
		m->mask_rows = (int)mask->tensor.dim[0];
		m->mask_cols = (int)mask->tensor.dim[1];
	}
	const int rc = take_boxes(record, "boxes.npy", &m->box, &m->nboxes, err);
	return rc ? rc : take_boxes(record, "other.npy", &m->other, &m->nothers, err);
}

static int take_seal(const struct avl_json *seal, struct material *m, struct avl_err *err)
{
	static const char *const sets[] = {"", "vggss", "flickr", "is3", "silent"};
	const struct avl_json *const region = avl_json_get(seal, "heat_region");
	const struct avl_json *const truth = avl_json_get(seal, "truth");
	const char *const from = avl_json_string(truth, "from", "");
	for (int i = 1; i < AVL_DATA_SETS; i++)
		if (!strcmp(from, sets[i]))
			m->data_set = (enum avl_data_set)i;
	m->clipped = (int)avl_json_number(truth, "clipped", 0);
	m->is_cropped = region != NULL;
	for (int k = 0; k < 4 && region; k++) {
		m->region[k] = avl_json_number_at(region, k, NAN);
		if (!(m->region[k] >= 0 && m->region[k] <= 1))
			return avl_fail(err, AVL_EFORMAT, "heat_region is not four fractions");
	}
	const struct avl_json *const range = avl_json_get(seal, "heat_range");
	m->has_range = range != NULL;
	for (int k = 0; k < 2 && range; k++)
		m->range[k] = avl_json_number_at(range, k, NAN);
	if (range && !(m->range[1] - m->range[0] > 0 && isfinite(m->range[1] - m->range[0])))
		return avl_fail(err, AVL_EFORMAT, "heat_range is not two numbers, the lower first");
	return 0;
}

/* --- truth ---------------------------------------------------------------------------------------
 */

/* Flickr-SoundNet is judged by consensus, VGG-SS and IS3 by the union of the boxes; boxes of
 * another origin by consensus where more than one annotator drew them. */
static int is_consensus(const struct material *m)
{
	if (m->data_set != AVL_DATA_OTHER)
		return m->data_set == AVL_DATA_FLICKR;
	for (int i = 1; i < m->nboxes; i++)
		if (m->box[5 * i + 4] != m->box[4])
			return 1;
	return 0;
}

static int is_outside(double v)
{
	return !(v >= 0 && v <= 1);
}

static int is_any(const uint8_t *mask, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mask[i])
			return 1;
	return 0;
}

/* The truth on the grid, and what is known. */
static void set_truth(struct avl_evaluation *e, struct material *m, struct avl_result *r)
{
	const int wants_mask = m->mask && (e->options.protocol.is_mask || m->nboxes < 0);
	r->known = m->mask || m->nboxes >= 0;
	avl_truth_map_boxes(&e->truth, m->box, m->nboxes < 0 ? 0 : m->nboxes, is_consensus(m));
	if (wants_mask)
		avl_truth_map_mask(&e->truth, m->mask, m->mask_rows, m->mask_cols);
	for (int i = 0; i < m->nboxes; i++)
		for (int k = 0; k < 4; k++)
			if (is_outside(m->box[5 * i + k])) {
				m->clipped++;
				break;
			}
	r->visible = wants_mask ? is_any(m->mask, (size_t)m->mask_rows * (size_t)m->mask_cols)
				: m->nboxes > 0;
	r->area = e->truth.twice_sum / 2.0;
	r->boxes = m->nboxes;
	r->clipped = m->clipped;
}

static void score_baselines(struct avl_evaluation *e, struct avl_result *r)
{
	const struct avl_protocol *const p = &e->options.protocol;
	r->disc = avl_ciou_disc(&e->truth);
	r->full = avl_ciou_full(&e->truth);
	r->ceiling = avl_ciou_ceiling(&e->truth, p->compare);
}

/* The map of the picture before, judged on this truth: what is left of a score when map and clip
 * have nothing to do with each other. */
static void score_other_map(struct avl_evaluation *e, uint64_t source, struct avl_result *r)
{
	const struct avl_kept_map *const kept = e->last.source != source ? &e->last : &e->before;
	r->other_map =
	    kept->is_set ? avl_score_again(&e->options.protocol, kept->map, &e->truth) : NAN;
}

static void keep_map(struct avl_evaluation *e, uint64_t source)
{
	if (e->last.is_set && e->last.source != source) {
		const struct avl_kept_map old = e->before;
		e->before = e->last;
		e->last = old;
	}
	*e->last.map = e->scorer->map;
	e->last.source = source;
	e->last.is_set = 1;
}

static double pointing(const struct avl_evaluation *e, const struct avl_score *score)
{
	const int x = (int)(score->peak[0] * AVL_GRID), y = (int)(score->peak[1] * AVL_GRID);
	if (score->is_flat || !score->is_finite)
		return 0;
	return e->truth.twice[(y < AVL_GRID ? y : AVL_GRID - 1) * AVL_GRID +
			      (x < AVL_GRID ? x : AVL_GRID - 1)] > 0;
}

static int score_mask(struct avl_evaluation *e, const struct material *m, struct avl_result *r,
		      struct avl_score *score, struct avl_err *err)
{
	const int is_miss =
	    !score->is_finite || (score->is_flat && r->visible && !e->options.flat_counts);
	const int has_mask = m->mask != NULL;
	const int rc =
	    avl_mask_score(&e->masks, is_miss ? NULL : m->heat, m->rows, m->cols,
			   has_mask ? m->mask : e->truth.twice, has_mask ? m->mask_rows : AVL_GRID,
			   has_mask ? m->mask_cols : AVL_GRID, e->options.protocol.threshold,
			   r->control == AVL_CONTROL_NONE, &score->ciou, err);
	score->median_ciou = score->ciou;
	return rc;
}

/* --- one record
 * ------------------------------------------------------------------------------------ */

static void name_record(const struct avl_record *record, struct avl_result *r, uint64_t *source)
{
	char stem[256];
	const char *const path = avl_json_string(record->seal, "source", record->key);
	avl_stem(path, stem, sizeof stem);
	r->key = hash(record->key, strlen(record->key));
	*source = hash(path, strlen(path));
	char *const last = strrchr(stem, '_');
	if (last)
		*last = 0;
	r->group = hash(stem, strlen(stem));
}

static int measure(struct avl_evaluation *e, const struct material *m, uint64_t source,
		   struct avl_result *r, struct avl_score *score, struct avl_err *err)
{
	const struct avl_score_input input = {
	    .heat = m->heat,
	    .rows = m->rows,
	    .cols = m->cols,
	    .is_vggss = m->data_set == AVL_DATA_VGGSS ||
			(m->data_set == AVL_DATA_OTHER && m->nboxes > 0 && !is_consensus(m)),
	    .region = m->is_cropped && e->options.align ? m->region : NULL,
	    .range = m->has_range ? m->range : NULL,
	};
	int rc = avl_score(e->scorer, &input, &e->truth, score, err);
	if (!rc && e->options.protocol.is_mask)
		rc = score_mask(e, m, r, score, err);
	if (rc)
		return rc;
	const int usable = score->is_finite && (!score->is_flat || e->options.flat_counts);
	r->pointing = r->visible ? pointing(e, score) : NAN;
	r->right_of_two = NAN;
	if (r->visible && m->nothers) {
		avl_truth_map_boxes(&e->other, m->other, m->nothers, 0);
		r->right_of_two = usable && avl_right_of_two(&e->scorer->map, &e->truth, &e->other);
	}
	r->ciou = score->ciou;
	r->median_ciou = score->median_ciou;
	r->universal_ciou = score->universal_ciou;
	r->universal_share = score->universal_share;
	r->confidence = score->confidence;
	r->largest = score->largest;
	r->flat = score->is_flat != 0;
	r->finite = score->is_finite != 0;
	r->cropped = m->is_cropped != 0;
	r->other_map = NAN;
	if (r->control != AVL_CONTROL_NONE)
		return 0;
	const uint64_t heat = hash(m->heat, (size_t)m->rows * (size_t)m->cols * sizeof *m->heat);
	r->repeated = e->last.is_set && heat == e->last_heat;
	e->last_heat = heat;
	score_other_map(e, source, r);
	if (score->is_finite)
		keep_map(e, source);
	return 0;
}

static int append(struct avl_evaluation *e, const struct avl_result *r, struct avl_err *err)
{
	if (e->n == e->room) {
		const int room = e->room ? 2 * e->room : 1024;
		struct avl_result *const grown =
		    room > 0 ? realloc(e->result, (size_t)room * sizeof *grown) : NULL;
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		e->result = grown;
		e->room = room;
	}
	e->result[e->n++] = *r;
	return 0;
}

static enum avl_left_out reason(const struct avl_evaluation *e, const struct material *m,
				const struct avl_result *r)
{
	if (!m->heat)
		return AVL_LEFT_NO_MAP;
	if (r->control != AVL_CONTROL_NONE)
		return AVL_LEFT_NONE;
	if (!r->known)
		return AVL_LEFT_NO_TRUTH;
	if (!r->visible && !e->options.protocol.has_negatives)
		return AVL_LEFT_NEGATIVE;
	return AVL_LEFT_NONE;
}

int avl_evaluation_add(struct avl_evaluation *e, const struct avl_record *record,
		       enum avl_left_out *why, struct avl_result *r, struct avl_score *score,
		       struct avl_err *err)
{
	struct material m = {.nboxes = -1};
	uint64_t source;
	*r = (struct avl_result){0};
	*score = (struct avl_score){0};
	const int control = avl_control_of(record->seal);
	int rc = take_members(record, &m, err);
	if (!rc)
		rc = take_seal(record->seal, &m, err);
	*why = rc ? AVL_LEFT_BAD : control < 0 ? AVL_LEFT_CONTROL : AVL_LEFT_NONE;
	if (*why == AVL_LEFT_NONE) {
		r->control = (unsigned char)control;
		r->data_set = (unsigned char)m.data_set;
		set_truth(e, &m, r);
		*why = reason(e, &m, r);
	}
	if (*why != AVL_LEFT_NONE) {
		e->left_out[*why]++;
		return rc;
	}
	name_record(record, r, &source);
	score_baselines(e, r);
	rc = measure(e, &m, source, r, score, err);
	return rc ? rc : append(e, r, err);
}
