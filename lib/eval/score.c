/* SPDX-License-Identifier: MIT */
#include "eval/score.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/sums.h"

#define N       AVL_GRID_PIXELS
#define HALF    (N / 2)
#define QUARTER (N / 4)

int avl_scorer_new(struct avl_scorer **scorer, const struct avl_protocol *protocol,
		   struct avl_err *err)
{
	*scorer = calloc(1, sizeof **scorer);
	if (!*scorer)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	(*scorer)->protocol = *protocol;
	return 0;
}

void avl_scorer_free(struct avl_scorer *scorer)
{
	if (!scorer)
		return;
	avl_upsampler_release(&scorer->upsampler);
	free(scorer);
}

/* Unsigned numbers in the order of the floats. */
static uint32_t to_key(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static float from_key(uint32_t key)
{
	const uint32_t bits = key >> 31 ? key & 0x7fffffffu : ~key;
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static void sort_pass(const uint32_t *from, uint32_t *to, int shift)
{
	int start[2048] = {0};
	for (int i = 0; i < N; i++)
		start[from[i] >> shift & 2047]++;
	for (int i = 0, at = 0; i < 2048; i++) {
		const int count = start[i];
		start[i] = at;
		at += count;
	}
	for (int i = 0; i < N; i++)
		to[start[from[i] >> shift & 2047]++] = from[i];
}

static void sort(struct avl_scorer *scorer)
{
	uint32_t *const a = scorer->key[0], *const b = scorer->key[1];
	for (int i = 0; i < N; i++)
		a[i] = to_key(scorer->map.up[i]);
	sort_pass(a, b, 0);
	sort_pass(b, a, 11);
	sort_pass(a, b, 22);
	for (int i = 0; i < N; i++)
		scorer->map.sorted[i] = from_key(b[i]);
}

/* Normalisation never changes the order of two values, so that thresholds are taken from the
 * sorted raw map, normalised. All in single precision, as NumPy does with float32. */
struct scale {
	enum avl_normalise kind;
	int relative;
	float low, span;   /* of the range */
	float least, most; /* of the values, after the range was applied */
};

static float ranged(const struct scale *scale, float value)
{
	return scale->kind == AVL_NORMALISE_RANGE ? (value - scale->low) / scale->span : value;
}

static float normalised(const struct scale *scale, float value)
{
	const float width = scale->most - scale->least;
	switch (scale->kind) {
	case AVL_NORMALISE_SIGMOID:
		return 1 / (1 + expf(-value));
	case AVL_NORMALISE_NEGATED:
		return 1 - (width != 0 ? (-value - -scale->most) / width : -value);
	case AVL_NORMALISE_RANGE:
		value = ranged(scale, value);
		return scale->relative && width != 0 ? (value - scale->least) / width : value;
	default:
		return width != 0 ? (value - scale->least) / width : value;
	}
}

static struct scale scale_of(const struct avl_protocol *p, const struct avl_grid_map *map)
{
	struct scale scale = {.kind = p->normalise,
			      .relative = p->rule != AVL_RULE_FIXED,
			      .low = (float)map->low,
			      .span = (float)(map->high - map->low)};
	scale.least = ranged(&scale, map->sorted[0]);
	scale.most = ranged(&scale, map->sorted[N - 1]);
	return scale;
}

static float threshold_of(const struct avl_protocol *p, const struct avl_grid_map *map,
			  const struct scale *scale, enum avl_rule rule,
			  const struct avl_truth_map *truth)
{
	if (rule == AVL_RULE_FIXED)
		return (float)p->threshold;
	const int n = rule == AVL_RULE_ADAPTIVE && truth->pixels ? truth->pixels : HALF;
	return normalised(scale, map->sorted[N - n]);
}

static int is_beyond(enum avl_compare compare, float value, float threshold)
{
	switch (compare) {
	case AVL_COMPARE_ABOVE:
		return value > threshold;
	case AVL_COMPARE_ABOVE_OR_ONE:
		return value > threshold || value >= 1;
	default:
		return value >= threshold;
	}
}

double avl_ciou(double inside, double truth, double outside)
{
	return truth + outside > 0 ? inside / (truth + outside) : 0;
}

struct overlap {
	int twice_inside, outside, active;
};

static struct overlap overlap_of(const struct avl_protocol *p, const struct avl_grid_map *map,
				 const struct scale *scale, enum avl_rule rule,
				 const struct avl_truth_map *truth)
{
	struct overlap o = {0};
	const float threshold = threshold_of(p, map, scale, rule, truth);
	for (int i = 0; i < N; i++) {
		if (!is_beyond(p->compare, normalised(scale, map->up[i]), threshold))
			continue;
		o.active++;
		o.twice_inside += truth->twice[i];
		o.outside += truth->twice[i] == 0;
	}
	return o;
}

static double ciou_of(const struct overlap *o, const struct avl_truth_map *truth)
{
	return avl_ciou(o->twice_inside / 2.0, truth->twice_sum / 2.0, o->outside);
}

double avl_score_again(const struct avl_protocol *protocol, const struct avl_grid_map *map,
		       const struct avl_truth_map *truth)
{
	const struct scale scale = scale_of(protocol, map);
	const struct overlap o = overlap_of(protocol, map, &scale, protocol->rule, truth);
	return ciou_of(&o, truth);
}

/* --- upsampling ------------------------------------------------------------------------------ */

static int edge(double v)
{
	return (int)lround((v > 0 ? v < 1 ? v : 1 : 0) * AVL_GRID);
}

/* The map where it belongs, and its least value where the model did not look. */
static int place(struct avl_scorer *scorer, const struct avl_score_input *in,
		 enum avl_upsample kind, float least, struct avl_err *err)
{
	const int x0 = edge(in->region[0]), y0 = edge(in->region[1]);
	const int w = edge(in->region[2]) - x0, h = edge(in->region[3]) - y0;
	for (int i = 0; i < N; i++)
		scorer->map.up[i] = least;
	if (w < 1 || h < 1)
		return 0;
	const int rc = avl_upsample(&scorer->upsampler, kind, in->heat, in->rows, in->cols,
				    scorer->patch, h, w, err);
	for (int y = 0; !rc && y < h; y++)
		memcpy(scorer->map.up + (size_t)(y0 + y) * AVL_GRID + x0,
		       scorer->patch + (size_t)y * (size_t)w, (size_t)w * sizeof *scorer->map.up);
	return rc;
}

static int upsample(struct avl_scorer *scorer, const struct avl_score_input *in, float least,
		    struct avl_err *err)
{
	const enum avl_upsample kind = scorer->protocol.by_data_set && in->is_vggss
					   ? AVL_UPSAMPLE_CV_LINEAR
					   : scorer->protocol.upsample;
	if (in->region)
		return place(scorer, in, kind, least, err);
	return avl_upsample(&scorer->upsampler, kind, in->heat, in->rows, in->cols, scorer->map.up,
			    AVL_GRID, AVL_GRID, err);
}

/* --- one map ---------------------------------------------------------------------------------- */

static void look(const struct avl_score_input *in, struct avl_score *score, float *least)
{
	const int n = in->rows * in->cols;
	float most = in->heat[0];
	int at = 0;
	*least = most;
	score->is_finite = 1;
	for (int i = 0; i < n; i++) {
		const float value = in->heat[i];
		score->is_finite &= isfinite(value) != 0;
		if (value > most) {
			most = value;
			at = i;
		}
		*least = value < *least ? value : *least;
	}
	score->is_flat = score->is_finite && most == *least;
	const double x = (at % in->cols + 0.5) / in->cols, y = (at / in->cols + 0.5) / in->rows;
	const double whole[] = {0, 0, 1, 1};
	const double *const r = in->region ? in->region : whole;
	score->peak[0] = r[0] + x * (r[2] - r[0]);
	score->peak[1] = r[1] + y * (r[3] - r[1]);
}

/* Sums the largest quarter in ascending order, as NumPy sums a float32 array. */
static float confidence_of(struct avl_scorer *scorer, const struct scale *scale)
{
	float *const value = scorer->patch;
	for (int i = 0; i < QUARTER; i++)
		value[i] = ranged(scale, scorer->map.sorted[N - QUARTER + i]);
	return (float)((double)avl_sum_float(value, QUARTER) / QUARTER);
}

static void apply_universal(struct avl_scorer *scorer, const double *range,
			    const struct avl_truth_map *truth, struct avl_score *score)
{
	const struct avl_protocol *const p = &scorer->protocol;
	const double r = p->universal_range;
	const double *const own = r > 0 ? range : NULL;
	const float low = (float)(own ? own[0] : r > 0 ? -r : 0);
	const float span = (float)(own ? own[1] - own[0] : r > 0 ? 2 * r : 1);
	const float threshold = (float)p->universal;
	int above = 0, twice_inside = 0, outside = 0;
	score->largest = (scorer->map.sorted[N - 1] - low) / span;
	score->universal_ciou = score->universal_share = NAN;
	if (isnan(p->universal))
		return;
	for (int i = 0; i < N; i++) {
		const float value = (scorer->map.up[i] - low) / span;
		above += value > threshold;
		if (value >= threshold) {
			twice_inside += truth->twice[i];
			outside += truth->twice[i] == 0;
		}
	}
	score->universal_share = (double)above / N;
	score->universal_ciou = avl_ciou(twice_inside / 2.0, truth->twice_sum / 2.0, outside);
}

int avl_score(struct avl_scorer *scorer, const struct avl_score_input *in,
	      const struct avl_truth_map *truth, struct avl_score *score, struct avl_err *err)
{
	float least;
	*score = (struct avl_score){.confidence = -FLT_MAX,
				    .largest = -FLT_MAX,
				    .universal_ciou = NAN,
				    .universal_share = NAN};
	look(in, score, &least);
	if (!score->is_finite)
		return 0;
	const int rc = upsample(scorer, in, least, err);
	if (rc)
		return rc;
	sort(scorer);
	const struct avl_protocol *const p = &scorer->protocol;
	scorer->map.low = in->range ? in->range[0] : -p->range;
	scorer->map.high = in->range ? in->range[1] : p->range;
	const struct scale scale = scale_of(p, &scorer->map);
	score->confidence = confidence_of(scorer, &scale);
	apply_universal(scorer, in->range, truth, score);
	if (score->is_flat && !scorer->flat_counts)
		return 0;
	struct overlap o = overlap_of(p, &scorer->map, &scale, p->rule, truth);
	score->ciou = score->median_ciou = ciou_of(&o, truth);
	score->inside = o.twice_inside / 2.0;
	score->outside = o.outside;
	score->share = (double)o.active / N;
	if (p->rule == AVL_RULE_ADAPTIVE) {
		o = overlap_of(p, &scorer->map, &scale, AVL_RULE_MEDIAN, truth);
		score->median_ciou = ciou_of(&o, truth);
	}
	return 0;
}

/* --- baselines ---------------------------------------------------------------------------------
 */

double avl_ciou_disc(const struct avl_truth_map *truth)
{
	int outside;
	const int twice = avl_truth_map_disc(truth, &outside);
	return avl_ciou(twice / 2.0, truth->twice_sum / 2.0, outside);
}

double avl_ciou_full(const struct avl_truth_map *truth)
{
	return avl_ciou(truth->twice_sum / 2.0, truth->twice_sum / 2.0, N - truth->pixels);
}

/* Takes the pixels where g is largest first, so many as the rule leaves. */
double avl_ciou_ceiling(const struct avl_truth_map *truth, enum avl_compare compare)
{
	const int most = compare == AVL_COMPARE_AT_LEAST ? HALF : HALF - 1;
	const int full = truth->full < most ? truth->full : most;
	const int part = truth->pixels - truth->full;
	const int half = part < most - full ? part : most - full;
	return avl_ciou(full + half / 2.0, truth->twice_sum / 2.0, most - full - half);
}

static float largest_on(const struct avl_grid_map *map, const struct avl_truth_map *place)
{
	float most = -INFINITY;
	for (int i = 0; i < N; i++)
		if (place->twice[i] && map->up[i] > most)
			most = map->up[i];
	return most;
}

int avl_right_of_two(const struct avl_grid_map *map, const struct avl_truth_map *truth,
		     const struct avl_truth_map *other)
{
	return largest_on(map, truth) > largest_on(map, other);
}
