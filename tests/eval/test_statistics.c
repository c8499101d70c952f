/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "eval/statistics.h"
#include "eval/sums.h"

#define N_MAX 500

static struct avl_outcome outcome[N_MAX];

/* Confidences on a coarse grid, so that many are equal. */
static void form(int n, uint64_t seed)
{
	struct avl_rng rng;
	avl_rng_init(&rng, seed, 3);
	for (int i = 0; i < n; i++) {
		outcome[i].confidence = (float)avl_rng_below(&rng, 40) / 40;
		outcome[i].ciou = (double)avl_rng_below(&rng, 101) / 100;
		outcome[i].visible = avl_rng_below(&rng, 4) > 0;
	}
}

static void rates(int n, float threshold, double *p, double *r)
{
	int tp = 0, fp = 0, fn = 0;
	for (int i = 0; i < n; i++) {
		const int found = outcome[i].confidence >= threshold;
		const int right = outcome[i].visible && outcome[i].ciou >= 0.5;
		tp += found && right;
		fp += found && !right;
		fn += !found && outcome[i].visible;
	}
	*p = tp + fp ? (double)tp / (tp + fp) : 1;
	*r = tp + fn ? (double)tp / (tp + fn) : 1;
}

static int compare(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

/* By the letter of the definition: every threshold looks at every record. */
static void naive(int n, double *ap, double *f1)
{
	float s[N_MAX];
	double p[N_MAX], r[N_MAX];
	int k = 0;
	for (int i = 0; i < n; i++)
		s[i] = outcome[i].confidence;
	qsort(s, (size_t)n, sizeof *s, compare);
	for (int i = n - 2; i >= 0; i -= n / 200 > 1 ? n / 200 : 1, k++)
		rates(n, s[i], &p[k], &r[k]);
	*ap = *f1 = 0;
	for (int i = 0; i + 1 < k; i++) {
		double most = 0;
		for (int j = i; j < k; j++)
			most = fmax(most, p[j]);
		*ap += most * (r[i + 1] - r[i]);
	}
	for (int i = 0; i<n; i += n / 10> 1 ? n / 10 : 1) {
		double pp, rr;
		rates(n, s[i], &pp, &rr);
		*f1 = fmax(*f1, pp + rr > 0 ? 2 * rr * pp / (rr + pp) : 0);
	}
}

Test(statistics, ap_and_f1_are_those_of_the_definition_with_ties_too)
{
	static const int sizes[] = {1, 2, 3, 19, 20, 199, 401, 500};
	for (int k = 0; k < 8; k++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			struct avl_statistics s;
			double ap, f1;
			form(sizes[k], seed);
			naive(sizes[k], &ap, &f1);
			cr_assert_eq(avl_statistics_compute(outcome, sizes[k], &s, NULL), 0);
			cr_assert_eq(s.ap, ap, "n %d: %.17g, not %.17g", sizes[k], s.ap, ap);
			cr_assert_eq(s.max_f1, f1, "n %d: %.17g, not %.17g", sizes[k], s.max_f1,
				     f1);
		}
}

Test(statistics, shares_look_at_the_visible_alone)
{
	struct avl_statistics s;
	const struct avl_outcome few[] = {{0.5, 1, 1}, {0.51, 1, 1}, {0.49, 1, 1}, {1, 1, 0}};
	cr_assert_eq(avl_statistics_compute(few, 4, &s, NULL), 0);
	cr_assert_eq(s.n, 4);
	cr_assert_eq(s.visible, 3);
	cr_assert_eq(s.ciou, 2.0 / 3);
	cr_assert_eq(s.loc_acc, 1.0 / 3);
	cr_assert_float_eq(s.mean_ciou, 0.5, 1e-15);
}

Test(statistics, nothing_gives_nan)
{
	struct avl_statistics s;
	cr_assert_eq(avl_statistics_compute(NULL, 0, &s, NULL), 0);
	cr_assert(isnan(s.ciou) && isnan(s.auc) && isnan(s.ap) && isnan(s.max_f1));
	const struct avl_outcome negative = {0, 1, 0};
	cr_assert_eq(avl_statistics_compute(&negative, 1, &s, NULL), 0);
	cr_assert(isnan(s.ciou) && isnan(s.mean_ciou) && s.ap == 0);
}

Test(statistics, auc_of_known_values)
{
	const double all[] = {1, 1, 1}, none[] = {0, 0};
	cr_assert_float_eq(avl_auc(all, 3), 1, 1e-15);
	cr_assert_float_eq(avl_auc(none, 2), 0.025, 1e-15);
	cr_assert_float_eq(avl_auc_below(none, 2), 1, 1e-15);
	cr_assert_float_eq(avl_auc_below(all, 3), 0.025, 1e-15);
}

Test(statistics, sums_are_sums)
{
	static double value[1000];
	static float single[1000];
	for (int n = 0; n <= 1000; n += n < 300 ? 1 : 37) {
		long double wanted = 0;
		for (int i = 0; i < n; i++) {
			value[i] = sin(i * 1.1);
			single[i] = (float)value[i];
			wanted += value[i];
		}
		cr_assert_float_eq(avl_sum(value, n), (double)wanted, 1e-13, "n %d", n);
		cr_assert_float_eq((double)avl_sum_float(single, n), (double)wanted, 1e-4);
	}
}

/* --- intervals
 * ------------------------------------------------------------------------------------ */

Test(statistics, intervals_hold_their_number_and_repeat)
{
	struct avl_statistics s;
	struct avl_intervals a, b, c;
	form(400, 9);
	cr_assert_eq(avl_statistics_compute(outcome, 400, &s, NULL), 0);
	cr_assert_eq(avl_bootstrap(outcome, 400, 500, 1, &a, NULL), 0);
	cr_assert_eq(avl_bootstrap(outcome, 400, 500, 1, &b, NULL), 0);
	cr_assert_eq(avl_bootstrap(outcome, 400, 500, 2, &c, NULL), 0);
	const struct avl_interval *const first = &a.ciou, *const again = &b.ciou,
					 *const other = &c.ciou;
	const double value[] = {s.ciou, s.mean_ciou, s.auc, s.loc_acc, s.ap, s.max_f1};
	int differ = 0;
	for (int k = 0; k < 6; k++) {
		cr_assert(first[k].low < value[k] && value[k] < first[k].high, "number %d", k);
		cr_assert(first[k].low == again[k].low && first[k].high == again[k].high);
		differ += first[k].low != other[k].low;
	}
	cr_assert_gt(differ, 0);
}

/* The width for a share of p over n records is 2 x 1.96 sqrt(p (1 - p) / n). */
Test(statistics, intervals_are_as_wide_as_theory_says)
{
	double value[400];
	struct avl_interval interval;
	for (int i = 0; i < 400; i++)
		value[i] = i % 4 == 0;
	cr_assert_eq(avl_bootstrap_mean(value, 400, 2000, 1, &interval, NULL), 0);
	const double wanted = 2 * 1.96 * sqrt(0.25 * 0.75 / 400);
	cr_assert_float_eq(interval.high - interval.low, wanted, 0.1 * wanted);
	cr_assert(interval.low < 0.25 && interval.high > 0.25);
}

Test(statistics, no_resamples_give_no_interval)
{
	struct avl_intervals none;
	form(10, 1);
	cr_assert_eq(avl_bootstrap(outcome, 10, 0, 1, &none, NULL), 0);
	cr_assert(isnan(none.ciou.low) && isnan(none.max_f1.high));
}
