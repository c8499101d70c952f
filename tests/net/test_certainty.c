/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "net/certainty.h"

/* Reads the weights from a file whose "avl.sure" is TEXT (NULL: none). */
static int read(struct avl_certainty *certainty, const char *text, struct avl_err *err)
{
	struct parts parts = {.metadata = avl_json_object()};
	const float one = 1;
	parts_add(&parts, "x", 1, (int[]){1}, &one);
	if (text)
		avl_json_set_string(parts.metadata, "avl.sure", text);
	struct avl_safetensors *const file = parts_open(&parts);
	const int code = avl_certainty_read(certainty, file, err);
	avl_safetensors_close(file);
	parts_release(&parts);
	return code;
}

Test(certainty, is_not_known_without_weights)
{
	struct avl_certainty certainty;
	struct avl_err err;
	const float map[4] = {1, 2, 3, 4};
	cr_assert_eq(read(&certainty, NULL, &err), 0);
	cr_assert_eq(avl_certainty_of(&certainty, AVL_SCORE_DOT, map, 2, 2), -1);
	cr_assert_eq(read(&certainty, "{\"class\":[1,2,3,4]}", &err), 0);
	cr_assert_eq(avl_certainty_of(&certainty, AVL_SCORE_DOT, map, 2, 2), -1);
	cr_assert_geq(avl_certainty_of(&certainty, AVL_SCORE_CLASS, map, 2, 2), 0);
}

Test(certainty, follows_its_formula)
{
	struct avl_certainty certainty;
	struct avl_err err;
	float map[14 * 14] = {0};
	cr_assert_eq(read(&certainty, "{\"dot\":[0.5,1.5,-2,0.25]}", &err), 0);
	cr_assert_eq(avl_certainty_of(&certainty, AVL_SCORE_DOT, map, 14, 14), 0, "a map of zeros");
	map[5 * 14 + 5] = 4; /* the peak */
	map[8 * 14 + 2] = 3; /* three rows and columns off: still the peak's neighbourhood */
	map[5 * 14 + 9] = 1; /* four columns off */
	map[13 * 14 + 13] = -7;
	const double z = 0.5 * log(4.1) + 1.5 * (1 - 1.0 / 4) - 2 * (1 - 8.0 / (4 * 196)) + 0.25;
	cr_assert_float_eq(avl_certainty_of(&certainty, AVL_SCORE_DOT, map, 14, 14),
			   1 / (1 + exp(-z)), 1e-6);
}

Test(certainty, refuses_weights_that_are_none)
{
	static const char *const wrong[] = {"{\"dot\":[1,2,3]}", "{\"dot\":[1,2,3,4,5]}",
					    "{\"dot\":[1,2,3,\"x\"]}", "{\"dot\":1}", "{\"dot\":"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct avl_certainty certainty;
		struct avl_err err;
		cr_assert_eq(read(&certainty, wrong[i], &err), AVL_EFORMAT, "%s", wrong[i]);
		cr_assert(strstr(err.text, "avl.sure"), "%s", err.text);
	}
}
