/* SPDX-License-Identifier: MIT */
#include "train/trainer.h"

#include <stdio.h>
#include <unistd.h>

#include "inputs.h"

/* A whole step against the slope of its loss: attention, heads, pooling, activation. */

enum {
	N = 6,
	CHANNELS = 20,
	ROWS = 3,
	COLS = 4,
	AREA = ROWS * COLS,
	FEATURES = 10,
	UNITS = 9,
	PROJECTED = 16
};
enum { PATCHES_MAX = 3 };

struct scene {
	struct avl_heads heads;
	struct avl_trainer trainer;
	float v[N][CHANNELS * AREA], fs[N][PATCHES_MAX * FEATURES];
	double box[N][5];
	struct avl_sample sample[N];
	struct avl_par *par;
};

/* A model file that holds nothing but heads of all kinds. */
static struct avl_safetensors *make_model(void)
{
	static float fc1[UNITS * FEATURES], bias[UNITS], fc2[CHANNELS * UNITS];
	static float fc3[CHANNELS * CHANNELS];
	char path[] = "/tmp/avl-test-XXXXXX";
	struct avl_safetensors *file;
	struct avl_err err;
	struct avl_rng rng;
	avl_rng_init(&rng, 11, 0);
	fill(&rng, -0.6f, 0.6f, (size_t)UNITS * FEATURES, fc1);
	fill(&rng, -0.3f, 0.3f, UNITS, bias);
	fill(&rng, -0.6f, 0.6f, (size_t)CHANNELS * UNITS, fc2);
	static float image[PROJECTED * CHANNELS], sound[PROJECTED * FEATURES], shift[PROJECTED];
	fill(&rng, -0.6f, 0.6f, (size_t)PROJECTED * CHANNELS, image);
	fill(&rng, -0.6f, 0.6f, (size_t)PROJECTED * FEATURES, sound);
	fill(&rng, -0.3f, 0.3f, PROJECTED, shift);
	fill(&rng, -0.6f, 0.6f, (size_t)CHANNELS * CHANNELS, fc3);
	const struct avl_tensor seen = {AVL_F4, 4, {PROJECTED, CHANNELS, 1, 1}, image};
	const struct avl_tensor heard = {AVL_F4, 2, {PROJECTED, FEATURES}, sound};
	const struct avl_tensor moved = {AVL_F4, 1, {PROJECTED}, shift};
	const struct avl_safetensor tensor[] = {
	    {"image_proj.weight", seen},
	    {"image_proj.bias", moved},
	    {"sound_proj.weight", heard},
	    {"sound_proj.bias", moved},
	    {"image_proj1.weight", seen},
	    {"image_proj1.bias", moved},
	    {"sound_proj1.weight", heard},
	    {"image_proj2.weight", seen},
	    {"sound_proj2.weight", heard},
	    {"sound_proj2.bias", moved},
	    {"sound_fc1.weight", {AVL_F4, 2, {UNITS, FEATURES}, fc1}},
	    {"sound_fc1.bias", {AVL_F4, 1, {UNITS}, bias}},
	    {"sound_fc2.weight", {AVL_F4, 2, {CHANNELS, UNITS}, fc2}},
	    {"sound_fc3.weight", {AVL_F4, 2, {CHANNELS, CHANNELS}, fc3}},
	    {"sound_fc3.bias", {AVL_F4, 1, {CHANNELS}, fc3}},
	};
	const int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(
	    avl_safetensors_write(fd, tensor, (int)(sizeof tensor / sizeof tensor[0]), NULL, &err),
	    0);
	close(fd);
	cr_assert_eq(avl_safetensors_open(&file, path, &err), 0, "%s", err.text);
	unlink(path);
	return file;
}

static struct scene *scene_new(const struct avl_trainer_options *options,
			       const struct avl_contract *contract, int threads, const char *freeze)
{
	struct scene *const s = calloc(1, sizeof *s);
	struct avl_err err;
	struct avl_rng rng;
	struct avl_safetensors *const file = make_model();
	const struct avl_heads_options heads = {
	    .image = options->unsup && options->unsup->kind == AVL_LOSS_EMBED,
	    .hidden = 8,
	    .freeze = freeze,
	    .moments = 2,
	    .seed = 4,
	};
	cr_assert_eq(avl_heads_init(&s->heads, contract, file, &heads, &err), 0, "%s", err.text);
	avl_safetensors_close(file);
	cr_assert_eq(avl_par_new(&s->par, threads, &err), 0);
	const struct avl_trainer_parts parts = {.heads = &s->heads};
	cr_assert_eq(avl_trainer_init(&s->trainer, options, &parts, N, ROWS, COLS, s->par, &err),
		     0);
	avl_rng_init(&rng, 21, 0);
	for (int i = 0; i < N; i++) {
		fill(&rng, -0.2f, 1, (size_t)CHANNELS * AREA, s->v[i]);
		fill(&rng, -0.5f, 1, (size_t)PATCHES_MAX * FEATURES, s->fs[i]);
		s->box[i][2] = 0.2 + 0.1 * i;
		s->box[i][3] = 0.9;
		s->sample[i] = (struct avl_sample){
		    .key = "key",
		    .v = s->v[i],
		    .fs = s->fs[i],
		    .patches = 1 + i % PATCHES_MAX,
		    .sound = (uint32_t)i,
		    .region = {0, 0, 1, 1},
		    .truth = {.box = s->box[i], .nboxes = 1, .annotators = i != 3},
		};
	}
	return s;
}

static void scene_free(struct scene *s)
{
	avl_trainer_release(&s->trainer);
	avl_heads_release(&s->heads);
	avl_par_free(s->par);
	free(s);
}

static double loss_of(struct scene *s, enum avl_look look)
{
	struct avl_result result;
	struct avl_err err;
	struct avl_rng rng;
	avl_rng_init(&rng, 31, 0);
	cr_assert_eq(avl_trainer_look(&s->trainer, s->sample, N, &rng, look, &result, &err), 0);
	cr_assert_eq(result.bad, -1);
	return result.loss;
}

/* Whether the gradient of each parameter is the slope of the loss along a random direction. */
static void check_slopes(const struct avl_trainer_options *options,
			 const struct avl_contract *contract, const char *what)
{
	struct scene *const s = scene_new(options, contract, 1, NULL);
	struct avl_rng rng;
	avl_rng_init(&rng, 41, 0);
	loss_of(s, AVL_LOOK_GRADIENT);
	for (int i = 0; i < AVL_HEAD_PARAMS; i++) {
		struct avl_param *const p = &s->heads.param[i];
		if (!p->count)
			continue;
		float direction[512], kept[512], grad[512];
		double move[512], back[512], expected = 0, size = 0;
		cr_assert_leq(p->count, 512);
		fill(&rng, -1, 1, p->count, direction);
		memcpy(kept, p->value, p->count * sizeof(float));
		memcpy(grad, p->grad, p->count * sizeof(float));
		displace(kept, direction, 2e-4, p->count, p->value, move);
		const double behind = loss_of(s, AVL_LOOK_TRAIN);
		displace(kept, direction, -2e-4, p->count, p->value, back);
		const double before = loss_of(s, AVL_LOOK_TRAIN);
		memcpy(p->value, kept, p->count * sizeof(float));
		for (size_t k = 0; k < p->count; k++) {
			expected += (double)grad[k] * (move[k] - back[k]);
			size += fabs((double)grad[k] * (move[k] - back[k]));
		}
		cr_expect(fabs(behind - before - expected) <= 0.01 * size + 3e-7,
			  "%s, %s: %.6g, by the gradient %.6g", what, p->name, behind - before,
			  expected);
		cr_expect_gt(size, 0, "%s, %s: no gradient", what, p->name);
	}
	scene_free(s);
}

static const struct avl_contract heads_kinds[] = {
    {.head =
	 {.count = 1, .activation = AVL_ACTIVATION_SIGMOID, .floor = 0.3, .pool = AVL_POOL_MAX}},
    {.head = {.count = 1, .activation = AVL_ACTIVATION_RELU, .floor = 0, .pool = AVL_POOL_MEAN}},
    {.head = {.count = 1, .activation = AVL_ACTIVATION_TANH, .floor = 0, .pool = AVL_POOL_MEAN}},
    {.head = {.count = 1, .activation = AVL_ACTIVATION_NONE, .floor = 0, .pool = AVL_POOL_MAX}},
    {.head = {.count = 1,
	      .layers = 3,
	      .activation = AVL_ACTIVATION_SIGMOID,
	      .floor = 0.3,
	      .pool = AVL_POOL_MAX}},
};

static struct avl_trainer_options options_for(const char *unsup, const char *sup,
					      enum avl_attention score)
{
	struct avl_trainer_options o = {
	    .unsup = unsup ? avl_loss_find(unsup) : NULL,
	    .sup = sup ? avl_loss_find(sup) : NULL,
	    .lambda = 0.5,
	    .score = score,
	    .temperature = score == AVL_ATTENTION_COSINE ? 0.1 : 1,
	    .optim = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
	    .seed = 3,
	};
	/* a soft tau: the tests take finite steps in float */
	o.tau = 0.3;
	o.margin = o.unsup ? o.unsup->margin : 0;
	return o;
}

Test(trainer, gradients_of_all_layers_are_slopes_of_the_loss)
{
	static const enum avl_attention scores[] = {AVL_ATTENTION_DOT, AVL_ATTENTION_RELU,
						    AVL_ATTENTION_COSINE};
	static const char *const sups[] = {"kl", "ce", "l2"}, *const embeds[] = {"triplet",
										 "hinge"};
	static const char *const pairs[] = {"nce", "margin-nce", "lvs", "slavc", "attended-nce"};
	char what[64];
	for (int head = 0; head < 5; head++) {
		const struct avl_contract *const contract = &heads_kinds[head];
		for (int score = 0; score < 3; score++) {
			struct avl_trainer_options o =
			    options_for(NULL, sups[(head + score) % 3], scores[score]);
			snprintf(what, sizeof what, "head %d, score %d, sup", head, score);
			check_slopes(&o, contract, what);
			o = options_for(embeds[(head + score) % 2], "kl", scores[score]);
			snprintf(what, sizeof what, "head %d, score %d, both", head, score);
			check_slopes(&o, contract, what);
		}
		const struct avl_trainer_options o =
		    options_for(pairs[head], head % 2 ? "kl" : NULL, AVL_ATTENTION_COSINE);
		snprintf(what, sizeof what, "head %d, %s", head, pairs[head]);
		check_slopes(&o, contract, what);
	}
}

Test(trainer, gradients_of_projections_are_slopes_of_the_loss)
{
	static const struct avl_contract kinds[] = {
	    {.head = {.kind = AVL_HEAD_LINEAR, .count = 1, .pool = AVL_POOL_MEAN}},
	    {.head = {.kind = AVL_HEAD_LINEAR, .count = 2, .pool = AVL_POOL_MAX}},
	};
	static const char *const unsups[] = {"nce", "slavc", "lvs", "triplet", NULL};
	char what[64];
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 5; i++) {
			const struct avl_trainer_options o =
			    options_for(unsups[i], i % 2 && i < 4 ? NULL : "kl",
					i < 3 ? AVL_ATTENTION_COSINE
					: k   ? AVL_ATTENTION_COSINE_RELU
					      : AVL_ATTENTION_DOT);
			snprintf(what, sizeof what, "%d heads, loss %d", k + 1, i);
			check_slopes(&o, &kinds[k], what);
		}
}

/* The weights after three steps. */
static void train(int threads, const char *freeze, float *weights, float *fc1)
{
	const struct avl_trainer_options o = options_for("nce", "kl", AVL_ATTENTION_COSINE);
	struct scene *const s = scene_new(&o, &heads_kinds[0], threads, freeze);
	struct avl_result result;
	struct avl_err err;
	for (int step = 1; step <= 3; step++)
		cr_assert_eq(avl_trainer_step(&s->trainer, s->sample, N, step, 0.01, &result, &err),
			     0);
	memcpy(weights, s->heads.param[AVL_SOUND_FC2_WEIGHT].value,
	       sizeof(float) * CHANNELS * UNITS);
	memcpy(fc1, s->heads.param[AVL_SOUND_FC1_WEIGHT].value, sizeof(float) * UNITS * FEATURES);
	scene_free(s);
}

Test(trainer, threads_do_not_change_a_bit)
{
	float one[CHANNELS * UNITS], three[CHANNELS * UNITS], a[UNITS * FEATURES],
	    b[UNITS * FEATURES];
	train(1, NULL, one, a);
	train(3, NULL, three, b);
	cr_expect_eq(memcmp(one, three, sizeof one), 0);
	cr_expect_eq(memcmp(a, b, sizeof a), 0);
}

Test(trainer, what_is_frozen_stays)
{
	float fc2[CHANNELS * UNITS], before[UNITS * FEATURES], after[UNITS * FEATURES];
	struct avl_rng rng;
	avl_rng_init(&rng, 11, 0);
	fill(&rng, -0.6f, 0.6f, (size_t)UNITS * FEATURES, before);
	train(1, "sound_fc1", fc2, after);
	cr_expect_eq(memcmp(before, after, sizeof before), 0);
	train(1, NULL, fc2, after);
	cr_expect_neq(memcmp(before, after, sizeof before), 0);
}

Test(trainer, learning_lowers_every_loss)
{
	static const char *const pairs[][2] = {
	    {NULL, "kl"},  {NULL, "ce"},         {NULL, "l2"},  {"triplet", NULL}, {"hinge", "kl"},
	    {"nce", NULL}, {"margin-nce", NULL}, {"lvs", NULL}, {"slavc", "kl"}};
	for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
		const struct avl_trainer_options o =
		    options_for(pairs[k][0], pairs[k][1], AVL_ATTENTION_COSINE);
		struct scene *const s = scene_new(&o, &heads_kinds[1], 1, NULL);
		struct avl_result result;
		struct avl_err err;
		const double before = loss_of(s, AVL_LOOK_TRAIN);
		for (int step = 1; step <= 60; step++)
			cr_assert_eq(
			    avl_trainer_step(&s->trainer, s->sample, N, step, 0.01, &result, &err),
			    0);
		const double after = loss_of(s, AVL_LOOK_TRAIN);
		cr_expect_lt(after, 0.98 * before, "%zu: %g, then %g", k, before, after);
		scene_free(s);
	}
}

Test(trainer, wrong_sounds_are_of_other_groups)
{
	for (int by_source = 0; by_source < 2; by_source++) {
		struct avl_trainer_options o = options_for("triplet", NULL, AVL_ATTENTION_COSINE);
		o.by_source = by_source;
		o.hardest = by_source;
		struct scene *const s = scene_new(&o, &heads_kinds[1], 1, NULL);
		for (int i = 0; i < N; i++)
			s->sample[i].source = (uint32_t)(i % 2);
		s->sample[1].sound = s->sample[2].sound = 77;
		for (uint64_t seed = 0; seed < 20; seed++) {
			struct avl_result result;
			struct avl_err err;
			struct avl_rng rng;
			avl_rng_init(&rng, seed, 0);
			cr_assert_eq(avl_trainer_look(&s->trainer, s->sample, N, &rng,
						      AVL_LOOK_TRAIN, &result, &err),
				     0);
			for (int i = 0; i < N; i++) {
				const int wrong = s->trainer.negative[i];
				cr_expect_neq(wrong, i);
				if (by_source)
					cr_expect_neq(wrong % 2, i % 2);
				else
					cr_expect_neq(s->sample[wrong].sound, s->sample[i].sound);
			}
		}
		scene_free(s);
	}
}

Test(trainer, what_is_not_finite_is_named_and_teaches_nothing)
{
	const struct avl_trainer_options o = options_for("triplet", "kl", AVL_ATTENTION_DOT);
	struct scene *const s = scene_new(&o, &heads_kinds[1], 1, NULL);
	struct avl_result result;
	struct avl_err err;
	float before[CHANNELS * UNITS];
	memcpy(before, s->heads.param[AVL_SOUND_FC2_WEIGHT].value, sizeof before);
	s->v[4][7] = INFINITY;
	cr_assert_eq(avl_trainer_step(&s->trainer, s->sample, N, 1, 0.1, &result, &err), 0);
	cr_expect_eq(result.bad, 4);
	cr_expect_eq(memcmp(before, s->heads.param[AVL_SOUND_FC2_WEIGHT].value, sizeof before), 0);
	scene_free(s);
}
