/* SPDX-License-Identifier: MIT */
#include "net/certainty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int read_weights(const struct avl_json *root, enum avl_score score,
			struct avl_certainty *certainty, struct avl_err *err)
{
	const struct avl_json *const list = avl_json_get(root, avl_score_name(score));
	if (!list)
		return 0;
	for (int i = 0; i < 4; i++) {
		const double weight = avl_json_number_at(list, i, NAN);
		if (avl_json_length(list) != 4 || !isfinite(weight))
			return avl_fail(err, AVL_EFORMAT, "'avl.sure' needs four numbers for '%s'",
					avl_score_name(score));
		certainty->weight[score][i] = weight;
	}
	certainty->known[score] = 1;
	return 0;
}

int avl_certainty_read(struct avl_certainty *certainty, const struct avl_safetensors *file,
		       struct avl_err *err)
{
	*certainty = (struct avl_certainty){0};
	const char *const text = avl_safetensors_meta(file, "avl.sure");
	if (!text)
		return 0;
	struct avl_json *root;
	int code = avl_json_parse(&root, text, strlen(text), err);
	if (code)
		return avl_fail_prefix(err, "avl.sure");
	for (int score = 0; !code && score < AVL_SCORES; score++)
		code = read_weights(root, (enum avl_score)score, certainty, err);
	avl_json_free(root);
	return code;
}

/* The largest score away from cell PEAK. */
static double largest_elsewhere(const float *map, int rows, int cols, int peak)
{
	const int near_rows = rows * 3 / 14, near_cols = cols * 3 / 14;
	double largest = 0;
	for (int i = 0; i < rows * cols; i++)
		if (abs(i / cols - peak / cols) > near_rows ||
		    abs(i % cols - peak % cols) > near_cols)
			largest = fmax(largest, (double)map[i]);
	return largest;
}

double avl_certainty_of(const struct avl_certainty *certainty, enum avl_score score,
			const float *map, int rows, int cols)
{
	if (!certainty->known[score])
		return -1;
	double sum = 0;
	int peak = 0;
	for (int i = 0; i < rows * cols; i++) {
		sum += fmax((double)map[i], 0);
		if (map[i] > map[peak])
			peak = i;
	}
	const double largest = (double)map[peak];
	if (!(largest > 0))
		return 0;
	const double *const weight = certainty->weight[score];
	const double lead = 1 - largest_elsewhere(map, rows, cols, peak) / largest;
	const double concentration = 1 - sum / (largest * rows * cols);
	return 1 / (1 + exp(-(weight[0] * log(largest + 0.1) + weight[1] * lead +
			      weight[2] * concentration + weight[3])));
}
