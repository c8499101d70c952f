/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/report.h"

static const float left[] = {1, 0, 1, 0}, right[] = {0, 1, 0, 1};
static const double left_half[] = {0, 0, 0.5, 1, 0}, right_half[] = {0.5, 0, 1, 1, 0};

static struct avl_evaluation *begin(const char *protocol)
{
	struct avl_evaluation *e;
	const struct avl_evaluation_options options = {
	    .protocol = *avl_protocol_find(protocol), .resamples = 100, .seed = 1};
	cr_assert_eq(avl_evaluation_new(&e, &options, NULL), 0);
	return e;
}

/* BOX NULL: no boxes.npy; an empty one where BOXES is 0. */
static struct avl_result add(struct avl_evaluation *e, const char *key, const char *source,
			     const char *control, const float *heat, const double *box, int boxes)
{
	static const double nothing[5];
	struct avl_record record;
	struct avl_result result;
	struct avl_score score;
	enum avl_left_out why;
	const struct avl_tensor map = {
	    .dtype = AVL_F4, .ndim = 2, .dim = {2, 2}, .data = (void *)(uintptr_t)heat};
	const struct avl_tensor rows = {.dtype = AVL_F8,
					.ndim = 2,
					.dim = {boxes, 5},
					.data = (void *)(uintptr_t)(box ? box : nothing)};
	avl_record_init(&record, 0);
	avl_record_reset(&record);
	snprintf(record.key, sizeof record.key, "%s", key);
	avl_json_set_string(record.seal, "source", source);
	if (control)
		avl_json_set_string(record.seal, "control", control);
	cr_assert_eq(avl_record_put(&record, "heat.npy", &map, NULL), 0);
	if (box || boxes == 0)
		cr_assert_eq(avl_record_put(&record, "boxes.npy", &rows, NULL), 0);
	cr_assert_eq(avl_evaluation_add(e, &record, &why, &result, &score, NULL), 0);
	avl_record_release(&record);
	return result;
}

Test(evaluation, the_other_map_is_always_of_another_source)
{
	struct avl_evaluation *const e = begin("ezvsl");
	cr_assert(isnan(add(e, "a1", "a", NULL, left, left_half, 1).other_map), "none before");
	cr_assert(isnan(add(e, "a2", "a", NULL, left, left_half, 1).other_map), "the same source");
	cr_assert_eq(add(e, "b1", "b", NULL, right, left_half, 1).other_map, 1);
	cr_assert_eq(add(e, "b2", "b", NULL, right, left_half, 1).other_map, 1, "still a's map");
	cr_assert_eq(add(e, "c1", "c", NULL, left, left_half, 1).other_map, 0, "b's map");
	cr_assert_eq(add(e, "b3", "b", NULL, right, right_half, 1).other_map, 0, "c's map");
	avl_evaluation_free(e);
}

Test(evaluation, controls_stand_apart)
{
	struct avl_evaluation *const e = begin("ezvsl");
	static struct avl_report report;
	add(e, "a", "a", NULL, left, left_half, 1);
	add(e, "a", "a", "silence", right, left_half, 1);
	add(e, "a", "a", "offscreen", left, NULL, -1);
	cr_assert(isnan(add(e, "a2", "a", NULL, left, left_half, 1).other_map),
		  "a control's map is nobody's other map");
	cr_assert_eq(avl_report_make(&report, e, NULL), 0);
	cr_assert_eq(report.n, 2);
	cr_assert_eq(report.left_out, 0, "a control needs no truth");
	avl_evaluation_free(e);
}

Test(evaluation, negatives_belong_to_protocols_that_have_them)
{
	static const char *const protocols[] = {"ezvsl", "slavc"};
	for (int k = 0; k < 2; k++) {
		static struct avl_report report;
		struct avl_evaluation *const e = begin(protocols[k]);
		add(e, "a", "a", NULL, left, left_half, 1);
		add(e, "b", "b", NULL, left, NULL, 0);
		add(e, "c", "c", NULL, left, NULL, -1);
		cr_assert_eq(avl_report_make(&report, e, NULL), 0);
		cr_assert_eq(report.positives, 1);
		cr_assert_eq(report.negatives, k);
		cr_assert_eq(report.left_out, 2 - k);
		cr_assert_eq(e->left_out[AVL_LEFT_NO_TRUTH], 1);
		cr_assert_eq(e->left_out[AVL_LEFT_NEGATIVE], 1 - k);
		avl_evaluation_free(e);
	}
}

Test(evaluation, nothing_evaluated_is_an_error_that_says_why)
{
	static struct avl_report report;
	struct avl_evaluation *const e = begin("ezvsl");
	add(e, "c", "c", NULL, left, NULL, -1);
	cr_assert_eq(avl_report_make(&report, e, NULL), AVL_ENONE);
	cr_assert_eq(report.left_out, 1);
	avl_evaluation_free(e);
}

Test(evaluation, the_report_as_json_has_the_keys_of_the_contract)
{
	static const char *const keys[] = {"protocol",  "n",         "left_out",  "ciou",
					   "mean_ciou", "auc",       "ap",        "max_f1",
					   "loc_acc",   "intervals", "baselines", "controls"};
	static struct avl_report report;
	struct avl_evaluation *const e = begin("ezvsl");
	for (int i = 0; i < 3; i++)
		add(e, "a", "a", NULL, left, left_half, 1);
	cr_assert_eq(avl_report_make(&report, e, NULL), 0);
	struct avl_json *const json = avl_report_json(&report);
	cr_assert(json);
	for (int i = 0; i < 12; i++)
		cr_assert(avl_json_get(json, keys[i]), "%s", keys[i]);
	cr_assert_eq(avl_json_number(json, "ciou", -1), 1);
	cr_assert_eq(avl_json_type(avl_json_get(avl_json_get(json, "baselines"), "other_map_ciou")),
		     AVL_JSON_NULL, "undefined numbers are null");
	avl_json_free(json);
	avl_evaluation_free(e);
}
