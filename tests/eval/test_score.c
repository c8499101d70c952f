/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/score.h"
#include "eval/statistics.h"
#include "tests/golden/golden.h"

#define CASES_MAX 1000
#define SIDE_MAX  20
#define BOXES_MAX 3

/* The case of that number, as scripts/golden-eval.py forms it. */
struct test_case {
	float heat[SIDE_MAX * SIDE_MAX];
	int rows, cols, nboxes, consensus;
	double box[BOXES_MAX * 5];
};

static void form_case(struct test_case *c, int number)
{
	static const int sizes[][2] = {{7, 7}, {14, 14}, {5, 9}, {20, 20}};
	struct avl_rng rng;
	avl_rng_init(&rng, (uint64_t)number, 77);
	const int *const size = sizes[avl_rng_below(&rng, 4)];
	const int rows = size[0], cols = size[1];
	for (int i = 0; i < rows * cols; i++)
		c->heat[i] = avl_rng_uniform(&rng) - 0.5f;
	const int x = (int)avl_rng_below(&rng, (uint32_t)cols);
	const int y = (int)avl_rng_below(&rng, (uint32_t)rows);
	for (int i = 0; i < rows * cols; i++) {
		const int dx = i % cols - x, dy = i / cols - y;
		c->heat[i] = (c->heat[i] + 4.0f / (float)(1 + dx * dx + dy * dy)) / 8;
	}
	c->nboxes = number % 9 == 8 ? 0 : 1 + (int)avl_rng_below(&rng, 3);
	for (int k = 0; k < c->nboxes; k++) {
		double *const box = c->box + 5 * k;
		const double w = 0.2 + 0.7 * (double)avl_rng_uniform(&rng);
		const double h = 0.2 + 0.7 * (double)avl_rng_uniform(&rng);
		box[0] = (x + 0.5) / cols - w / 2;
		box[1] = (y + 0.5) / rows - h / 2;
		box[2] = box[0] + w;
		box[3] = box[1] + h;
		box[4] = k;
		if (avl_rng_below(&rng, 20) == 0)
			box[avl_rng_below(&rng, 4)] = -2.8823037615171174e16;
	}
	c->consensus = (int)avl_rng_below(&rng, 2);
	c->rows = rows;
	c->cols = cols;
}

static struct avl_scorer *new_scorer(const char *protocol)
{
	struct avl_scorer *scorer;
	const struct avl_protocol *const p = avl_protocol_find(protocol);
	cr_assert(p, "%s", protocol);
	cr_assert_eq(avl_scorer_new(&scorer, p, NULL), 0);
	return scorer;
}

static struct avl_score score_case(struct avl_scorer *scorer, const struct test_case *c)
{
	static struct avl_truth_map truth;
	struct avl_score score;
	const struct avl_score_input input = {
	    .heat = c->heat, .rows = c->rows, .cols = c->cols, .is_vggss = !c->consensus};
	avl_truth_map_boxes(&truth, c->box, c->nboxes, c->consensus);
	cr_assert_eq(avl_score(scorer, &input, &truth, &score, NULL), 0);
	return score;
}

static uint64_t digest(uint64_t h, double value)
{
	unsigned char byte[sizeof value];
	memcpy(byte, &value, sizeof value);
	for (size_t i = 0; i < sizeof value; i++)
		h = (h ^ byte[i]) * 0x100000001b3u;
	return h;
}

/* Bit for bit: the comparison is ==. */
static void check_numbers(FILE *file, const struct avl_outcome *outcome, int n, const char *name)
{
	struct avl_statistics s;
	cr_assert_eq(avl_statistics_compute(outcome, n, &s, NULL), 0);
	const double found[] = {s.ciou, s.mean_ciou, s.auc, s.ap, s.max_f1, s.loc_acc};
	for (int k = 0; k < 6; k++) {
		double wanted;
		cr_assert_eq(fscanf(file, "%la", &wanted), 1);
		cr_assert(found[k] == wanted, "%s: number %d is %a, not %a", name, k, found[k],
			  wanted);
	}
}

Test(score, equals_the_published_rules_bit_for_bit, .timeout = 300)
{
	static struct avl_outcome outcome[CASES_MAX];
	char name[64];
	int cases, protocols = 0;
	unsigned long long wanted;
	FILE *const file = golden_open("eval.txt");
	cr_assert(file);
	for (int c; (c = fgetc(file)) == '#' || (c != EOF && ungetc(c, file) == EOF);)
		while ((c = fgetc(file)) != '\n')
			cr_assert_neq(c, EOF);
	while (fscanf(file, "%63s %d %llx", name, &cases, &wanted) == 3) {
		struct avl_scorer *const scorer = new_scorer(name);
		uint64_t h = 0xcbf29ce484222325u;
		cr_assert(cases > 0 && cases <= CASES_MAX);
		for (int i = 0; i < cases; i++) {
			struct test_case c;
			form_case(&c, i);
			const struct avl_score s = score_case(scorer, &c);
			outcome[i] = (struct avl_outcome){s.ciou, s.confidence, c.nboxes > 0};
			h = digest(digest(h, s.ciou), (double)s.confidence);
			for (int k = 0; i < 8 && k < 2; k++) {
				double value;
				cr_assert_eq(fscanf(file, "%la", &value), 1);
				cr_assert(value == (k ? (double)s.confidence : s.ciou),
					  "%s: case %d", name, i);
			}
		}
		cr_assert_eq(h, wanted, "%s: some case differs", name);
		check_numbers(file, outcome, cases, name);
		avl_scorer_free(scorer);
		protocols++;
	}
	cr_assert(feof(file));
	cr_assert_eq(protocols, 8);
	fclose(file);
}

/* --- what the corrections to the field's report say ---------------------------------------------
 */

static double flat(const char *protocol, float value, int flat_counts)
{
	static const double half[] = {0, 0, 0.5, 1, 0};
	struct test_case c = {.rows = 7, .cols = 7, .nboxes = 1};
	struct avl_scorer *const scorer = new_scorer(protocol);
	for (int i = 0; i < 49; i++)
		c.heat[i] = value;
	memcpy(c.box, half, sizeof half);
	scorer->flat_counts = flat_counts;
	const struct avl_score score = score_case(scorer, &c);
	avl_scorer_free(scorer);
	cr_assert(score.is_flat && score.is_finite);
	return score.ciou;
}

Test(score, constant_maps_are_misses_unless_the_official_rule_is_wanted)
{
	static const char *const protocols[] = {"ezvsl",    "lvs", "slavc",  "fnac",
						"adaptive", "htf", "senocak"};
	for (int i = 0; i < 7; i++) {
		cr_assert_eq(flat(protocols[i], 0, 0), 0);
		cr_assert_eq(flat(protocols[i], -0.25f, 0), 0);
	}
	cr_assert_eq(flat("ezvsl", 0, 1), 0.5, "all positive");
	cr_assert_eq(flat("lvs", 0, 1), 0.5, "all positive: 1 - 0 reaches 1");
	cr_assert_eq(flat("adaptive", 0, 1), 0, "none above itself");
	cr_assert_eq(flat("ezvsl", -0.25f, 1), 0.5);
	cr_assert_eq(flat("lvs", -0.25f, 1), 0);
}

Test(score, maps_with_nan_or_infinity_are_misses)
{
	static const float values[] = {NAN, INFINITY, -INFINITY};
	for (int i = 0; i < 3; i++) {
		struct test_case c;
		struct avl_scorer *const scorer = new_scorer("ezvsl");
		form_case(&c, 3);
		c.heat[5] = values[i];
		const struct avl_score score = score_case(scorer, &c);
		cr_assert(!score.is_finite && score.ciou == 0);
		avl_scorer_free(scorer);
	}
}

Test(score, lowering_a_map_or_scaling_it_changes_nothing_but_roundings)
{
	struct avl_scorer *const scorer = new_scorer("ezvsl");
	for (int i = 0; i < 50; i++) {
		struct test_case c;
		form_case(&c, i);
		const double before = score_case(scorer, &c).ciou;
		for (int k = 0; k < c.rows * c.cols; k++)
			c.heat[k] *= 0.25f; /* exact */
		cr_assert_eq(score_case(scorer, &c).ciou, before);
	}
	avl_scorer_free(scorer);
}

Test(score, adaptive_reports_the_median_rule_as_well)
{
	struct avl_scorer *const adaptive = new_scorer("adaptive");
	int differ = 0;
	for (int i = 0; i < 30; i++) {
		struct test_case c;
		form_case(&c, i);
		const struct avl_score a = score_case(adaptive, &c);
		differ += a.ciou != a.median_ciou;
		cr_assert(a.median_ciou >= 0 && a.median_ciou <= 1);
	}
	cr_assert_gt(differ, 20);
	avl_scorer_free(adaptive);
}

/* --- baselines
 * ------------------------------------------------------------------------------------ */

Test(score, the_disc_is_the_smallest_of_half_the_frame)
{
	static struct avl_truth_map all;
	static const double frame[] = {0, 0, 1, 1, 0};
	int outside;
	avl_truth_map_boxes(&all, frame, 1, 0);
	cr_assert_eq(avl_truth_map_disc(&all, &outside), 2 * 25100);
	cr_assert_eq(outside, 0);
	cr_assert_eq(avl_ciou_full(&all), 1);
	cr_assert_eq(avl_ciou_disc(&all), 25100.0 / AVL_GRID_PIXELS);
}

/* A map that is the truth itself, with the rest in some order, reaches the ceiling. */
Test(score, the_ceiling_is_reached_by_a_map_that_orders_pixels_by_truth)
{
	for (int i = 0; i < 60; i++) {
		static struct avl_truth_map truth;
		struct test_case c;
		form_case(&c, i);
		avl_truth_map_boxes(&truth, c.box, c.nboxes, c.consensus);
		int left = AVL_GRID_PIXELS / 2, twice = 0, outside = 0;
		for (int level = 2; level >= 0; level--)
			for (int k = 0; k < AVL_GRID_PIXELS && left; k++)
				if (truth.twice[k] == level) {
					left--;
					twice += level;
					outside += level == 0;
				}
		const double wanted = avl_ciou(twice / 2.0, truth.twice_sum / 2.0, outside);
		cr_assert_eq(avl_ciou_ceiling(&truth, AVL_COMPARE_AT_LEAST), wanted, "case %d", i);
	}
}

Test(score, a_map_of_a_crop_is_put_where_it_belongs)
{
	static struct avl_truth_map truth;
	static const double box[] = {0.5, 0.25, 0.75, 0.75, 0};
	static const double region[] = {0.25, 0, 0.75, 1};
	const float heat[] = {0, 1, 0, 1};
	struct avl_scorer *const scorer = new_scorer("ezvsl");
	struct avl_score score;
	const struct avl_score_input input = {.heat = heat, .rows = 2, .cols = 2, .region = region};
	avl_truth_map_boxes(&truth, box, 1, 0);
	cr_assert_eq(avl_score(scorer, &input, &truth, &score, NULL), 0);
	cr_assert_eq(scorer->map.up[0], 0, "outside the crop");
	cr_assert_eq(scorer->map.up[AVL_GRID - 1], 0, "outside the crop");
	cr_assert_eq(scorer->map.up[AVL_GRID * 3 / 4 - 1], 1, "the crop's right edge");
	cr_assert_float_eq(score.peak[0], 0.625, 1e-12);
	avl_scorer_free(scorer);
}

Test(score, right_of_two_compares_the_largest_values)
{
	static struct avl_truth_map left, right;
	static const double l[] = {0, 0, 0.5, 1, 0}, r[] = {0.5, 0, 1, 1, 0};
	const float heat[] = {3, 1};
	struct avl_scorer *const scorer = new_scorer("ezvsl");
	struct avl_score score;
	const struct avl_score_input input = {.heat = heat, .rows = 1, .cols = 2};
	avl_truth_map_boxes(&left, l, 1, 0);
	avl_truth_map_boxes(&right, r, 1, 0);
	cr_assert_eq(avl_score(scorer, &input, &left, &score, NULL), 0);
	cr_assert(avl_right_of_two(&scorer->map, &left, &right));
	cr_assert(!avl_right_of_two(&scorer->map, &right, &left));
	avl_scorer_free(scorer);
}
