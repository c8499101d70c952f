/* SPDX-License-Identifier: MIT */
#include "train/loss.h"

#include "inputs.h"

enum { N = 6, AREA = 15, D = 11 };

static const char *const names[] = {"ce",  "kl",         "l2",  "triplet", "hinge",
				    "nce", "margin-nce", "lvs", "slavc",   "attended-nce"};

struct scene {
	const struct avl_loss *loss;
	size_t count; /* of the numbers that are moved */
	float x[N * N * AREA], grad[N * N * AREA], direction[N * N * AREA], moved[N * N * AREA];
	float truth[N * AREA];
	const float *known[N];
	int negative[N];
	double value[N];
	struct avl_loss_batch batch;
};

/* The sum of all values at X; gradients stand in scene->grad. */
static double sum_at(struct scene *s, const float *x)
{
	double sum = 0;
	const size_t half = (size_t)N * D;
	if (s->loss->kind == AVL_LOSS_EMBED) {
		s->batch.picture = x;
		s->batch.sound = x + half;
		s->batch.grad_picture = s->grad;
		s->batch.grad_sound = s->grad + half;
	} else {
		s->batch.score = x;
		s->batch.grad_score = s->grad;
	}
	s->loss->run(&s->batch, s->value);
	for (int i = 0; i < N; i++)
		sum += s->value[i];
	return sum;
}

static struct scene *scene_new(const char *name, uint64_t seed)
{
	struct scene *const s = calloc(1, sizeof *s);
	struct avl_rng rng;
	s->loss = avl_loss_find(name);
	cr_assert(s->loss, "%s", name);
	avl_rng_init(&rng, seed, 9);
	s->count = s->loss->kind == AVL_LOSS_MAP     ? (size_t)N * AREA
		   : s->loss->kind == AVL_LOSS_EMBED ? 2 * (size_t)N * D
						     : (size_t)N * N * AREA;
	fill(&rng, s->loss->kind == AVL_LOSS_PAIRS ? -0.2f : -1, 1, s->count, s->x);
	fill(&rng, -1, 1, s->count, s->direction);
	fill(&rng, 0, 0.1f, (size_t)N * AREA, s->truth);
	for (int i = 0; i < N; i++) {
		s->known[i] = i == 2 ? NULL : s->truth + (size_t)i * AREA;
		s->negative[i] = (i + 1 + (int)avl_rng_below(&rng, N - 1)) % N;
	}
	s->batch = (struct avl_loss_batch){
	    .n = N,
	    .area = AREA,
	    .d = D,
	    .truth = s->known,
	    .negative = s->negative,
	    .temperature = 0.6,
	    .margin = s->loss->margin,
	    .tau = s->loss->tau,
	    .scale = 1,
	};
	const size_t scratch = s->loss->scratch ? s->loss->scratch(&s->batch) : 0;
	s->batch.scratch = calloc(scratch + 1, sizeof(double));
	return s;
}

static void scene_free(struct scene *s)
{
	free(s->batch.scratch);
	free(s);
}

Test(loss, gradients_are_the_slopes_of_the_values)
{
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			static const uint32_t group[N] = {1, 2, 3, 4, 2, 5};
			struct scene *const s = scene_new(names[k], seed);
			s->batch.group = seed % 2 ? NULL : group;
			double move[N * N * AREA], expected = 0;
			/* tau sets how fast pairs bend */
			const double step = s->loss->kind == AVL_LOSS_PAIRS ? 2e-5 : 1e-3;
			displace(s->x, s->direction, -step, s->count, s->moved, move);
			const double before = sum_at(s, s->moved);
			displace(s->x, s->direction, step, s->count, s->moved, move);
			const double behind = sum_at(s, s->moved);
			double other[N * N * AREA];
			displace(s->x, s->direction, -step, s->count, s->moved, other);
			sum_at(s, s->x);
			double size = 0;
			for (size_t i = 0; i < s->count; i++) {
				expected += (double)s->grad[i] * (move[i] - other[i]);
				size += fabs((double)s->grad[i] * (move[i] - other[i]));
			}
			cr_expect(fabs(behind - before - expected) <= 1e-4 * size,
				  "%s, seed %d: %.9g, by the gradient %.9g", names[k], (int)seed,
				  behind - before, expected);
			cr_expect_gt(size, 0, "%s: nothing moves it", names[k]);
			scene_free(s);
		}
	}
}

Test(loss, scale_scales_gradients_and_not_values)
{
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		struct scene *const s = scene_new(names[k], 7);
		const double once = sum_at(s, s->x);
		float grad[N * N * AREA];
		memcpy(grad, s->grad, sizeof grad);
		s->batch.scale = 0.25;
		cr_expect_eq(sum_at(s, s->x), once, "%s", names[k]);
		for (size_t i = 0; i < s->count; i++)
			cr_expect_float_eq(s->grad[i], grad[i] / 4, 1e-6f * fabsf(grad[i]) + 1e-12f,
					   "%s", names[k]);
		scene_free(s);
	}
}

Test(loss, pairs_of_a_group_are_left_out)
{
	static const uint32_t group[N] = {7, 8, 7, 9, 8, 7}, alone[N] = {5, 4, 3, 2, 1, 0};
	for (int k = 5; k < 10; k++) {
		struct scene *const s = scene_new(names[k], 6);
		const double all = sum_at(s, s->x);
		s->batch.group = alone;
		cr_expect_eq(sum_at(s, s->x), all, "%s", names[k]);
		s->batch.group = group;
		const double some = sum_at(s, s->x);
		cr_expect_lt(some, all, "%s", names[k]);
		for (int i = 0; i < N * N; i++) {
			const int left_out = i / N != i % N && group[i / N] == group[i % N];
			int moves = 0;
			for (int x = 0; x < AREA; x++) {
				moves |= s->grad[i * AREA + x] != 0;
				cr_expect(isfinite(s->grad[i * AREA + x]), "%s", names[k]);
				if (left_out)
					s->x[i * AREA + x] = 0.9f;
			}
			cr_expect(!left_out || !moves, "%s: pair %d", names[k], i);
		}
		cr_expect_float_eq(sum_at(s, s->x), some, 1e-9 * some, "%s", names[k]);
		scene_free(s);
	}
}

Test(loss, a_record_without_truth_has_no_term)
{
	for (int k = 0; k < 3; k++) {
		struct scene *const s = scene_new(names[k], 3);
		sum_at(s, s->x);
		cr_expect_eq(s->value[2], 0, "%s", names[k]);
		for (int i = 2 * AREA; i < 3 * AREA; i++)
			cr_expect_eq(s->grad[i], 0, "%s", names[k]);
		cr_expect_gt(s->value[1], 0, "%s", names[k]);
		scene_free(s);
	}
}

Test(loss, what_is_not_finite_is_not_hidden)
{
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		struct scene *const s = scene_new(names[k], 4);
		s->x[AREA / 2] = NAN; /* record 0, whatever the kind */
		sum_at(s, s->x);
		cr_expect(!isfinite(s->value[0]), "%s: %g", names[k], s->value[0]);
		scene_free(s);
	}
}

Test(loss, kl_and_l2_are_least_at_the_truth)
{
	for (int k = 1; k < 3; k++) {
		struct scene *const s = scene_new(names[k], 5);
		for (int i = 0; i < N; i++) {
			float *const p = s->truth + (size_t)i * AREA;
			double sum = 0;
			for (int x = 0; x < AREA; x++)
				sum += (double)p[x];
			for (int x = 0; x < AREA; x++) {
				p[x] = (float)((double)p[x] / sum);
				s->x[i * AREA + x] = (float)(log((double)p[x]) * 0.6);
			}
		}
		cr_expect_float_eq(sum_at(s, s->x), 0, 1e-6, "%s", names[k]);
		scene_free(s);
	}
}

Test(loss, names_that_are_none_are_not_found)
{
	cr_expect_null(avl_loss_find("mse"));
	cr_expect_null(avl_loss_find(""));
}
