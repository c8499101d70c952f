/* SPDX-License-Identifier: MIT */
#include "train/truth.h"

#include "inputs.h"

static const double whole[4] = {0, 0, 1, 1};

static int find(struct avl_truth *truth, struct avl_record *record, enum avl_dtype dtype,
		const char *suffix, int64_t rows, int64_t cols, void *data, struct avl_err *err)
{
	const struct avl_tensor tensor = {
	    .dtype = dtype, .ndim = 2, .dim = {rows, cols}, .data = data};
	avl_record_init(record, 0);
	avl_record_reset(record);
	cr_assert_eq(avl_record_put(record, suffix, &tensor, err), 0);
	return avl_truth_find(truth, record, err);
}

Test(truth, boxes_are_rasterised_by_area)
{
	struct avl_record record;
	struct avl_truth truth;
	struct avl_err err;
	double box[] = {0.25, 0.5, 0.75, 1, 0};
	float map[4 * 4];
	cr_assert_eq(find(&truth, &record, AVL_F8, "boxes.npy", 1, 5, box, &err), 1);
	cr_expect_float_eq(avl_truth_map(&truth, 0, whole, 4, 4, map), 4, 1e-6);
	for (int i = 0; i < 16; i++)
		cr_expect_eq(map[i], i / 4 >= 2 && i % 4 >= 1 && i % 4 <= 2, "%d", i);
	/* half of a cell */
	box[0] = 0.375;
	avl_truth_map(&truth, 0, whole, 4, 4, map);
	cr_expect_eq(map[9], 0.5f);
	cr_expect_float_eq(avl_truth_normalised(&truth, whole, 4, 4, map), 3, 1e-6);
	cr_expect_float_eq(map[9], 0.5f / 3, 1e-6f);
	/* the lower half alone: the box fills its middle */
	const double lower[4] = {0, 0.5, 1, 1};
	box[0] = 0.25;
	cr_expect_float_eq(avl_truth_map(&truth, 0, lower, 2, 4, map), 4, 1e-6);
	avl_record_release(&record);
}

Test(truth, annotators_are_told_apart_and_averaged)
{
	struct avl_record record;
	struct avl_truth truth;
	struct avl_err err;
	double box[] = {0, 0, 0.5, 1, 7, 0.5, 0, 1, 1, 3, 0, 0, 0.5, 1, 3, 0.25, 0, 0.5, 1, 7};
	float map[2];
	cr_assert_eq(find(&truth, &record, AVL_F8, "boxes.npy", 4, 5, box, &err), 1);
	cr_expect_eq(truth.annotators, 2);
	avl_truth_map(&truth, 0, whole, 1, 2, map);
	cr_expect(map[0] == 1 && map[1] == 0, "boxes of one annotator are a union");
	avl_truth_map(&truth, 1, whole, 1, 2, map);
	cr_expect(map[0] == 1 && map[1] == 1);
	avl_truth_normalised(&truth, whole, 1, 2, map);
	cr_expect_float_eq(map[0], 2.0f / 3, 1e-6f);
	cr_expect_float_eq(map[1], 1.0f / 3, 1e-6f);
	avl_record_release(&record);
}

Test(truth, a_mask_is_rasterised_by_area_and_counts_before_boxes)
{
	struct avl_record record;
	struct avl_truth truth;
	struct avl_err err;
	uint8_t mask[8 * 16] = {0};
	double box[5] = {0, 0, 1, 1, 0};
	float map[2 * 2];
	for (int y = 0; y < 4; y++)
		for (int x = 8; x < 12; x++)
			mask[16 * y + x] = 255;
	cr_assert_eq(find(&truth, &record, AVL_U1, "mask.npy", 8, 16, mask, &err), 1);
	const struct avl_tensor boxes = {.dtype = AVL_F8, .ndim = 2, .dim = {1, 5}, .data = box};
	cr_assert_eq(avl_record_put(&record, "boxes.npy", &boxes, &err), 0);
	cr_assert_eq(avl_truth_find(&truth, &record, &err), 1);
	cr_expect_float_eq(avl_truth_map(&truth, 0, whole, 2, 2, map), 0.5, 1e-6);
	cr_expect(map[0] == 0 && map[1] == 0.5f && map[2] == 0 && map[3] == 0);
	avl_record_release(&record);
}

Test(truth, nothing_visible_is_no_truth)
{
	struct avl_record record;
	struct avl_truth truth;
	struct avl_err err;
	uint8_t mask[4] = {0};
	double box[5] = {0.5, 0.5, 0.5, 0.9, 0};
	float map[4];
	cr_expect_eq(find(&truth, &record, AVL_U1, "mask.npy", 2, 2, mask, &err), 0);
	avl_record_release(&record);
	cr_expect_eq(find(&truth, &record, AVL_F8, "boxes.npy", 0, 5, box, &err), 0);
	avl_record_release(&record);
	cr_expect_eq(find(&truth, &record, AVL_F8, "boxes.npy", 1, 5, box, &err), 1);
	cr_expect_eq(avl_truth_normalised(&truth, whole, 2, 2, map), 0, "a box without area");
	cr_expect_eq(map[3], 0);
	avl_record_release(&record);
	avl_record_init(&record, 0);
	avl_record_reset(&record);
	cr_expect_eq(avl_truth_find(&truth, &record, &err), 0);
	avl_record_release(&record);
}

Test(truth, what_is_no_truth_is_refused)
{
	struct avl_record record;
	struct avl_truth truth;
	struct avl_err err;
	double outside[] = {0.1, 0.2, 1.5, 0.9, 0}, nan_box[] = {0.1, NAN, 0.5, 0.9, 0}, four[4];
	cr_expect_eq(find(&truth, &record, AVL_F8, "boxes.npy", 1, 5, outside, &err), AVL_EFORMAT);
	cr_expect_str_eq(err.text, "box 0 holds 1.5, which lies outside the frame");
	avl_record_release(&record);
	cr_expect_eq(find(&truth, &record, AVL_F8, "boxes.npy", 1, 5, nan_box, &err), AVL_EFORMAT);
	avl_record_release(&record);
	cr_expect_eq(find(&truth, &record, AVL_F8, "boxes.npy", 1, 4, four, &err), AVL_ESHAPE);
	avl_record_release(&record);
	cr_expect_eq(find(&truth, &record, AVL_F8, "mask.npy", 2, 2, four, &err), AVL_ESHAPE);
	avl_record_release(&record);
}
