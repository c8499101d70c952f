/* SPDX-License-Identifier: MIT */
#include "net/attention.h"

#include <criterion/criterion.h>

#include "tests/kern/fenced.h"
#include "tests/ops/naive.h"

static const int channels[] = {1, 7, 16, 17, 40, 1280};

enum { CHANNELS = sizeof channels / sizeof channels[0], ROWS = 3, COLS = 5, AREA = ROWS * COLS };

struct scene {
	float *v, *h; /* planar */
	float *blocked;
	struct avl_map map;
};

static struct scene scene_new(struct avl_rng *rng, int c)
{
	struct scene s = {.map.shape = {1, c, ROWS, COLS}};
	s.v = unaligned_floats(rng, (size_t)c * AREA);
	s.h = unaligned_floats(rng, (size_t)c);
	s.blocked = avl_alloc(avl_shape_floats(&s.map.shape), sizeof(float));
	avl_layout_to_blocked(&s.map.shape, s.v, s.blocked);
	s.map.data = s.blocked;
	return s;
}

static void scene_free(struct scene *s)
{
	free(s->v);
	free(s->h);
	free(s->blocked);
}

/* The inner product at P, the lengths of h and v there, and the sum of the magnitudes. */
static double product(const struct scene *s, int p, double *lengths, double *size)
{
	double sum = 0, hh = 0, vv = 0;
	*size = 0;
	for (int c = 0; c < s->map.shape.c; c++) {
		const double h = (double)s->h[c], v = (double)s->v[c * AREA + p];
		sum += h * v;
		*size += fabs(h * v);
		hh += h * h;
		vv += v * v;
	}
	*lengths = sqrt(hh * vv);
	return sum;
}

Test(attention, scores_are_the_published_formula)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 71, 0);
	for (int i = 0; i < CHANNELS; i++) {
		struct scene s = scene_new(&rng, channels[i]);
		struct fenced dot = fenced_new(AREA), relu = fenced_new(AREA),
			      cosine = fenced_new(AREA), positive = fenced_new(AREA);
		avl_attention_score(AVL_ATTENTION_DOT, &s.map, s.h, dot.at);
		avl_attention_score(AVL_ATTENTION_RELU, &s.map, s.h, relu.at);
		avl_attention_score(AVL_ATTENTION_COSINE, &s.map, s.h, cosine.at);
		avl_attention_score(AVL_ATTENTION_COSINE_RELU, &s.map, s.h, positive.at);
		int wrong = 0;
		for (int p = 0; p < AREA; p++) {
			double lengths, size;
			const double wanted = product(&s, p, &lengths, &size);
			const double slack = sum_tolerance(channels[i], size);
			wrong += !(fabs((double)dot.at[p] - wanted) <= slack);
			wrong += !(relu.at[p] == (dot.at[p] > 0 ? dot.at[p] : 0));
			wrong += !(positive.at[p] == (cosine.at[p] > 0 ? cosine.at[p] : 0));
			wrong += !(fabs((double)cosine.at[p] - wanted / lengths) <=
				   slack / lengths + (channels[i] + 8) * UNIT);
		}
		cr_expect_eq(wrong, 0, "%d channels: %d", channels[i], wrong);
		cr_expect(fences_stand(&dot) && fences_stand(&relu) && fences_stand(&cosine) &&
			  fences_stand(&positive));
		fenced_free(&dot);
		fenced_free(&relu);
		fenced_free(&cosine);
		fenced_free(&positive);
		scene_free(&s);
	}
}

Test(attention, cosine_of_nothing_is_zero)
{
	struct avl_rng rng;
	float map[AREA];
	avl_rng_init(&rng, 72, 0);
	struct scene s = scene_new(&rng, 20);
	for (int c = 0; c < 20; c++) /* v is zero at position 4 */
		s.v[c * AREA + 4] = 0;
	avl_layout_to_blocked(&s.map.shape, s.v, s.blocked);
	avl_attention_score(AVL_ATTENTION_COSINE, &s.map, s.h, map);
	for (int p = 0; p < AREA; p++)
		cr_expect(p == 4 ? map[p] == 0 : map[p] != 0, "%d: %g", p, (double)map[p]);
	memset(s.h, 0, 20 * sizeof *s.h);
	avl_attention_score(AVL_ATTENTION_COSINE, &s.map, s.h, map);
	for (int p = 0; p < AREA; p++)
		cr_expect_eq(map[p], 0);
	scene_free(&s);
}

Test(attention, nan_is_not_hidden)
{
	static const enum avl_attention kinds[] = {AVL_ATTENTION_DOT, AVL_ATTENTION_RELU,
						   AVL_ATTENTION_COSINE, AVL_ATTENTION_COSINE_RELU};
	struct avl_rng rng;
	float map[AREA];
	avl_rng_init(&rng, 73, 0);
	struct scene s = scene_new(&rng, 17);
	s.v[16 * AREA + 9] = NAN;
	avl_layout_to_blocked(&s.map.shape, s.v, s.blocked);
	for (int k = 0; k < 4; k++) {
		avl_attention_score(kinds[k], &s.map, s.h, map);
		for (int p = 0; p < AREA; p++)
			cr_expect_eq(isnan(map[p]) != 0, p == 9, "kind %d, %d", k, p);
	}
	scene_free(&s);
}
