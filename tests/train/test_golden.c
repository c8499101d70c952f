/* SPDX-License-Identifier: MIT */
#include "inputs.h"
#include "tests/golden/golden.h"
#include "train/attend.h"
#include "train/loss.h"
#include "train/optim.h"
#include "train/softmax.h"

/* As in scripts/golden-train.py. */
enum { N = 5, AREA = 12, D = 7, C = 9 };
#define TEMPERATURE 0.7

static void expect(const char *name, const float *data)
{
	static struct golden golden;
	cr_assert(golden_find("train.txt", name, &golden), "train.txt has no %s", name);
	const double off = golden_distance(&golden, data);
	cr_expect(off < 2e-6, "%s is off by %.2g", name, off);
}

static void expect_doubles(const char *name, const double *data, int n)
{
	float as_float[64];
	for (int i = 0; i < n; i++)
		as_float[i] = (float)data[i];
	expect(name, as_float);
}

static struct avl_loss_batch batch_for(const struct avl_loss *loss)
{
	struct avl_loss_batch batch = {
	    .n = N,
	    .area = AREA,
	    .d = D,
	    .temperature = TEMPERATURE,
	    .margin = loss->margin,
	    .tau = loss->tau,
	    .scale = 1,
	};
	batch.scratch = calloc(loss->scratch ? loss->scratch(&batch) : 1, sizeof(double));
	return batch;
}

Test(golden, map_losses_are_those_of_pytorch)
{
	static const char *const names[] = {"ce", "kl", "l2"};
	float score[N * AREA], truth[N * AREA], p[N * AREA], grad[N * AREA];
	const float *known[N], *normalised[N];
	struct avl_rng rng;
	avl_rng_init(&rng, 1, 1);
	fill(&rng, -2, 2, (size_t)N * AREA, score);
	fill(&rng, 0, 1, (size_t)N * AREA, truth);
	for (int n = 0; n < N; n++) {
		double sum = 0;
		for (int i = n * AREA; i < (n + 1) * AREA; i++) {
			truth[i] = truth[i] < 0.5f ? 0 : truth[i];
			sum += (double)truth[i];
		}
		for (int i = n * AREA; i < (n + 1) * AREA; i++)
			p[i] = (float)((double)truth[i] / sum);
		known[n] = n == 1 ? NULL : truth + (size_t)n * AREA;
		normalised[n] = n == 1 ? NULL : p + (size_t)n * AREA;
	}
	for (int k = 0; k < 3; k++) {
		char name[32];
		double value[N];
		const struct avl_loss *const loss = avl_loss_find(names[k]);
		struct avl_loss_batch batch = batch_for(loss);
		batch.score = score;
		batch.grad_score = grad;
		batch.truth = k ? normalised : known;
		loss->run(&batch, value);
		expect_doubles(names[k], value, N);
		snprintf(name, sizeof name, "%s.score", names[k]);
		expect(name, grad);
		free(batch.scratch);
	}
}

Test(golden, embedding_losses_are_those_of_pytorch)
{
	static const char *const names[] = {"triplet", "hinge"};
	static const int negative[N] = {2, 0, 4, 1, 3};
	for (int k = 0; k < 2; k++) {
		char name[32];
		double value[N];
		float picture[N * D], sound[N * D], grad_picture[N * D], grad_sound[N * D];
		const struct avl_loss *const loss = avl_loss_find(names[k]);
		struct avl_loss_batch batch = batch_for(loss);
		struct avl_rng rng;
		avl_rng_init(&rng, 2, 1);
		fill(&rng, -1, 1, (size_t)N * D, picture);
		fill(&rng, -1, 1, (size_t)N * D, sound);
		batch.picture = picture;
		batch.sound = sound;
		batch.grad_picture = grad_picture;
		batch.grad_sound = grad_sound;
		batch.negative = negative;
		loss->run(&batch, value);
		expect_doubles(names[k], value, N);
		snprintf(name, sizeof name, "%s.picture", names[k]);
		expect(name, grad_picture);
		snprintf(name, sizeof name, "%s.sound", names[k]);
		expect(name, grad_sound);
		free(batch.scratch);
	}
}

Test(golden, pair_losses_are_those_of_pytorch)
{
	static const char *const names[] = {"nce", "margin-nce", "lvs", "slavc", "attended-nce"};
	for (int k = 0; k < 5; k++) {
		char name[32];
		double value[N];
		float score[N * N * AREA], grad[N * N * AREA];
		const struct avl_loss *const loss = avl_loss_find(names[k]);
		struct avl_loss_batch batch = batch_for(loss);
		struct avl_rng rng;
		avl_rng_init(&rng, 3, 1);
		fill(&rng, -0.2f, 0.9f, (size_t)N * N * AREA, score);
		batch.score = score;
		batch.grad_score = grad;
		loss->run(&batch, value);
		expect_doubles(names[k], value, N);
		snprintf(name, sizeof name, "%s.score", names[k]);
		expect(name, grad);
		free(batch.scratch);
	}
}

static void expect_of(const char *kind, const char *what, const float *data)
{
	char name[64];
	snprintf(name, sizeof name, "attend.%s.%s", kind, what);
	expect(name, data);
}

Test(golden, attention_is_that_of_pytorch)
{
	static const char *const kinds[] = {"dot", "relu", "cosine"};
	for (int k = 0; k < 3; k++) {
		float v[C * AREA], h[C], w[C], unit[C], length, norm[AREA], score[AREA],
		    alpha[AREA], z[C], slope[AREA], pull[AREA], grad_score[AREA] = {0}, grad_h[C],
								grad_v[C * AREA] = {0};
		double exact[AREA], slopes[AREA];
		const int cosine = k == 2;
		struct avl_rng rng;
		avl_rng_init(&rng, 4, 1);
		fill(&rng, -1, 1, (size_t)C * AREA, v);
		fill(&rng, -1, 1, C, h);
		fill(&rng, -1, 1, C, w);
		avl_unit(h, 1, C, unit, &length);
		avl_attend_norms(v, C, AREA, norm);
		const float *const used = cosine ? unit : h, *const by = cosine ? norm : NULL;
		avl_attend_score(v, C, AREA, by, used, 1, score);
		for (int i = 0; k == 1 && i < AREA; i++)
			score[i] = score[i] < 0 ? 0 : score[i];
		expect_of(kinds[k], "score", score);
		avl_softmax(score, AREA, TEMPERATURE, exact);
		for (int i = 0; i < AREA; i++)
			alpha[i] = (float)exact[i];
		avl_attend_pool(v, C, AREA, alpha, z);
		expect_of(kinds[k], "z", z);

		avl_attend_pool_backward(v, C, AREA, alpha, w, slope, grad_v);
		for (int i = 0; i < AREA; i++)
			slopes[i] = (double)slope[i];
		avl_softmax_backward(exact, slopes, AREA, TEMPERATURE, grad_score);
		for (int i = 0; k == 1 && i < AREA; i++)
			grad_score[i] = score[i] > 0 ? grad_score[i] : 0;
		avl_attend_score_backward(v, C, AREA, by, grad_score, 1, slope, grad_h);
		avl_attend_score_backward_v(v, C, AREA, by, used, score, slope, 1, pull, grad_v);
		if (cosine)
			avl_unit_backward(unit, &length, 1, C, grad_h);
		expect_of(kinds[k], "v", grad_v);
		expect_of(kinds[k], "h", grad_h);
	}
}

Test(golden, optimisers_are_those_of_pytorch)
{
	static const char *const names[] = {"optim.adam", "optim.adamw", "optim.sgd"};
	for (int k = 0; k < 3; k++) {
		float value[D], goal[D], grad[D], first[D] = {0}, second[D] = {0}, frozen[D];
		struct avl_rng rng;
		avl_rng_init(&rng, 5, 1);
		fill(&rng, -1, 1, D, value);
		fill(&rng, -1, 1, D, goal);
		memcpy(frozen, value, sizeof frozen);
		struct avl_param param[2] = {
		    {.count = D, .value = value, .grad = grad, .first = first, .second = second},
		    {.count = D, .frozen = 1, .value = frozen},
		};
		const struct avl_optim optim = {
		    .kind = (enum avl_optim_kind)k,
		    .beta1 = 0.9,
		    .beta2 = 0.999,
		    .eps = 1e-8,
		    .momentum = 0.9,
		    .decay = 0.1,
		};
		const float frozen_at = frozen[3];
		for (int step = 1; step <= 5; step++) {
			for (int i = 0; i < D; i++)
				grad[i] = powf(value[i] - goal[i], 3);
			avl_optim_step(&optim, param, 2, step, 0.05);
		}
		expect(names[k], value);
		cr_expect_eq(frozen[3], frozen_at);
	}
}
