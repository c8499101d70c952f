/* SPDX-License-Identifier: MIT */
#include "net/image_head.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "files.h"
#include "tests/kern/fenced.h"

enum { CHANNELS = 21, OUT = 18, ROWS = 3, COLS = 4, AREA = ROWS * COLS };

static const struct avl_shape shape = {1, CHANNELS, ROWS, COLS};

/* COUNT projections at random into PARTS, weights and biases into W and B. */
static void add_heads(struct parts *parts, struct avl_rng *rng, int count, float *w[], float *b[])
{
	for (int i = 0; i < count; i++) {
		char weight[64], bias[64], number[16] = "";
		if (count > 1)
			snprintf(number, sizeof number, "%d", i + 1);
		snprintf(weight, sizeof weight, "image_proj%s.weight", number);
		snprintf(bias, sizeof bias, "image_proj%s.bias", number);
		w[i] = unaligned_floats(rng, OUT * CHANNELS);
		b[i] = unaligned_floats(rng, OUT);
		parts_add(parts, weight, 4, (int[]){OUT, CHANNELS, 1, 1}, w[i]);
		parts_add(parts, bias, 1, (int[]){OUT}, b[i]);
	}
}

/* Float against double with sums of 18 values about 3: 1e-4. */
static void check(struct avl_rng *rng, int count)
{
	const struct avl_contract contract = {.head = {.kind = AVL_HEAD_LINEAR, .count = count}};
	struct parts parts = {0};
	struct avl_image_head head;
	struct avl_err err = {0};
	float *w[AVL_HEADS_MAX], *b[AVL_HEADS_MAX];
	int channels;
	add_heads(&parts, rng, count, w, b);
	struct avl_safetensors *const file = parts_open(&parts);
	cr_assert_eq(avl_image_head_init(&head, &contract, file, &shape, &channels, &err), 0, "%s",
		     err.text);
	avl_safetensors_close(file);
	cr_assert_eq(channels, OUT);

	float *const v = unaligned_floats(rng, CHANNELS * AREA);
	float *const h = unaligned_floats(rng, (size_t)(count * OUT));
	float *const blocked = avl_alloc(avl_shape_floats(&shape), sizeof *blocked);
	avl_layout_to_blocked(&shape, v, blocked);
	struct fenced map = fenced_new(AREA);
	avl_image_head_run(&head, &(struct avl_map){shape, AVL_BLOCKED, blocked}, NULL);
	avl_image_head_score(&head, AVL_ATTENTION_DOT, h, map.at);
	for (int p = 0; p < AREA; p++) {
		double score = 0;
		for (int k = 0; k < count * OUT; k++) {
			double x = (double)b[k / OUT][k % OUT];
			for (int c = 0; c < CHANNELS; c++)
				x += (double)w[k / OUT][k % OUT * CHANNELS + c] *
				     (double)v[c * AREA + p];
			score += x * (double)h[k] / count;
		}
		cr_expect_float_eq(map.at[p], score, 1e-4, "%d heads: %g", count,
				   (double)map.at[p] - score);
	}
	cr_expect(fences_stand(&map));
	fenced_free(&map);
	avl_image_head_release(&head);
	parts_release(&parts);
	for (int i = 0; i < count; i++) {
		free(w[i]);
		free(b[i]);
	}
	free(v);
	free(h);
	free(blocked);
}

Test(image_head, scores_are_the_mean_over_projections)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 101, 0);
	for (int count = 1; count <= AVL_HEADS_MAX; count++)
		check(&rng, count);
}

Test(image_head, without_a_projection_v_is_scored_as_it_is)
{
	const struct avl_contract contract = {.head = {.kind = AVL_HEAD_FC, .count = 1}};
	struct avl_rng rng;
	struct avl_image_head head;
	float map[AREA], wanted[AREA];
	int channels;
	avl_rng_init(&rng, 102, 0);
	cr_assert_eq(avl_image_head_init(&head, &contract, NULL, &shape, &channels, NULL), 0);
	cr_assert_eq(channels, CHANNELS);
	float *const h = unaligned_floats(&rng, CHANNELS);
	float *const blocked = random_floats(&rng, avl_shape_floats(&shape));
	const struct avl_map v = {shape, AVL_BLOCKED, blocked};
	avl_image_head_run(&head, &v, NULL);
	avl_image_head_score(&head, AVL_ATTENTION_COSINE, h, map);
	avl_attention_score(AVL_ATTENTION_COSINE, &v, h, wanted);
	cr_expect(same_bits(map, wanted, AREA));
	avl_image_head_release(&head);
	free(h);
	free(blocked);
}

Test(image_head, projections_that_do_not_fit_are_refused)
{
	const struct avl_contract contract = {.head = {.kind = AVL_HEAD_LINEAR, .count = 2}};
	struct avl_rng rng;
	struct parts parts = {0};
	struct avl_image_head head;
	float *w[2], *b[2];
	int channels;
	static const char *const messages[] = {"'image_proj2' has 17 channels",
					       "'image_proj2.weight' is missing"};
	avl_rng_init(&rng, 103, 0);
	add_heads(&parts, &rng, 2, w, b);
	parts_find(&parts, "image_proj2.weight")->tensor.dim[0] = 17;
	parts_find(&parts, "image_proj2.bias")->tensor.dim[0] = 17;
	for (int i = 0; i < 2; i++) {
		struct avl_err err = {0};
		struct avl_safetensors *const file = parts_open(&parts);
		cr_expect_eq(avl_image_head_init(&head, &contract, file, &shape, &channels, &err),
			     AVL_ESHAPE);
		cr_expect(strstr(err.text, messages[i]), "%s", err.text);
		cr_expect_eq(avl_image_head_init(&head, &contract, file, &shape, &channels, NULL),
			     AVL_ESHAPE);
		avl_safetensors_close(file);
		if (i == 0)
			parts_remove(&parts, "image_proj2.weight");
	}
	for (int i = 0; i < 2; i++) {
		free(w[i]);
		free(b[i]);
	}
	parts_release(&parts);
}
