/* SPDX-License-Identifier: MIT */
#include "net/model.h"

#include <string.h>

#include "files.h"
#include "scene.h"
#include "tests/signal/sounds.h"

static struct avl_model *default_model(struct avl_par *par)
{
	struct avl_model *model;
	struct avl_err err = {0};
	cr_assert_eq(
	    avl_model_open(&model, tree_path("lib/share/default.safetensors"), AVL_FP32, par, &err),
	    0, "%s", err.text);
	return model;
}

static const struct avl_map *see(struct avl_model *model)
{
	double region[4];
	struct avl_err err = {0};
	uint8_t *const rgb = scene_picture();
	cr_assert_eq(avl_model_set_picture(model, rgb, SCENE_SIDE, SCENE_SIDE, region, &err), 0,
		     "%s", err.text);
	cr_expect(region[0] == 0 && region[1] == 0 && region[2] == 1 && region[3] == 1);
	free(rgb);
	return avl_model_run_picture(model);
}

static struct avl_hearing hear(struct avl_model *model)
{
	struct avl_hearing hearing;
	struct avl_err err = {0};
	float *const x = sound_a();
	cr_assert_eq(avl_model_set_sound(model, x, SCENE_SAMPLES, SCENE_HZ, &err), 0, "%s",
		     err.text);
	cr_assert_eq(avl_model_run_sound(model, &hearing, &err), 0, "%s", err.text);
	free(x);
	return hearing;
}

static const struct {
	const char *name;
	enum avl_score score;
} scores[] = {
    {"dot", AVL_SCORE_DOT},
    {"relu", AVL_SCORE_RELU},
    {"cosine", AVL_SCORE_COSINE},
    {"class", AVL_SCORE_CLASS},
};

enum { CHANNELS = 1280, SIDE = 14, AREA = SIDE * SIDE, FEATURES = 1024, UNITS = 521 };

/* All that a model answers for picture A and sound A. */
struct answers {
	float v[CHANNELS * AREA], fs[4 * FEATURES], q[UNITS], h[CHANNELS], map[4][AREA];
};

static struct answers *answers_of(struct avl_model *model)
{
	struct answers *const a = calloc(1, sizeof *a);
	struct avl_err err = {0};
	int rows, cols;
	const struct avl_map *const v = see(model);
	const struct avl_hearing heard = hear(model);
	avl_model_map_size(model, &rows, &cols);
	cr_assert(rows == SIDE && cols == SIDE && v->shape.c == CHANNELS);
	cr_assert(heard.patches == 4 && heard.features == FEATURES && heard.units == UNITS);
	avl_layout_to_planar(&v->shape, v->data, a->v);
	memcpy(a->fs, heard.fs, sizeof a->fs);
	memcpy(a->q, heard.q, sizeof a->q);
	memcpy(a->h, heard.h, sizeof a->h);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(avl_model_can_score(model, scores[i].score, &err), 0, "%s", err.text);
		avl_model_score(model, scores[i].score, heard.q, a->map[i]);
	}
	return a;
}

Test(model, answers_are_pytorch_s_at_every_level_with_any_threads)
{
	struct avl_par *par;
	cr_assert_eq(avl_par_new(&par, 2, NULL), 0);
	struct avl_model *const one = default_model(NULL), *const two = default_model(par);
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		struct answers *const a = answers_of(one), *const b = answers_of(two);
		scene_expect("net_image.txt", "head", a->v);
		scene_expect("net_sound.txt", "f_s", a->fs);
		scene_expect("net_sound.txt", "q", a->q);
		scene_expect("net_sound.txt", "h", a->h);
		for (int k = 0; k < 4; k++)
			scene_expect("net_scores.txt", scores[k].name, a->map[k]);
		cr_expect_eq(memcmp(a, b, sizeof *a), 0, "%s: other bits with two threads",
			     avl_kern()->level);
		free(a);
		free(b);
	}
	avl_model_close(one);
	avl_model_close(two);
	avl_par_free(par);
}

/* A picture and a sound leave nothing behind for those that follow. */
Test(model, answers_do_not_depend_on_what_came_before)
{
	struct avl_model *const model = default_model(NULL);
	struct answers *const first = answers_of(model);
	struct avl_err err = {0};
	struct avl_hearing heard;
	double region[4];
	uint8_t *const grey = calloc(40 * 30, 3);
	float *const noise = sound_b(170000); /* 22 patches: more than go at once */
	float map[AREA];
	cr_assert_eq(avl_model_set_picture(model, grey, 30, 40, region, &err), 0, "%s", err.text);
	cr_assert_eq(avl_model_set_sound(model, noise, 170000, 44100, &err), 0, "%s", err.text);
	cr_assert_eq(avl_model_run_sound(model, &heard, &err), 0, "%s", err.text);
	avl_model_run_picture(model);
	avl_model_score(model, AVL_SCORE_CLASS, heard.q, map);
	cr_assert_eq(avl_model_set_sound(model, noise, 170000, 16000, &err), 0, "%s", err.text);
	cr_assert_eq(avl_model_run_sound(model, &heard, &err), 0, "%s", err.text);
	cr_expect_eq(heard.patches, 22, "%zu patches", heard.patches);
	struct answers *const again = answers_of(model);
	cr_expect_eq(memcmp(first, again, sizeof *first), 0);
	free(first);
	free(again);
	free(grey);
	free(noise);
	avl_model_close(model);
}

/* A patch's f_s does not depend on the others: of 22, the 18th alone. */
Test(model, a_patch_does_not_depend_on_its_batch)
{
	struct avl_model *const model = default_model(NULL);
	struct avl_err err = {0};
	struct avl_hearing heard;
	float *const noise = sound_b(170000), fs[FEATURES];
	avl_model_set_sound(model, noise, 170000, SCENE_HZ, &err);
	cr_assert_eq(avl_model_run_sound(model, &heard, &err), 0, "%s", err.text);
	memcpy(fs, heard.fs + 17 * FEATURES, sizeof fs);
	avl_model_set_sound(model, noise + 17 * 7680, 15600, SCENE_HZ, &err);
	cr_assert_eq(avl_model_run_sound(model, &heard, &err), 0, "%s", err.text);
	cr_expect_eq(heard.patches, 1);
	cr_expect_eq(memcmp(fs, heard.fs, sizeof fs), 0);
	free(noise);
	avl_model_close(model);
}

static float mean_of(const float *x, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += (double)x[i];
	return (float)(sum / n);
}

/* What was published of the networks before their weights were rounded to 11 bits: within 0.5 % of
 * the largest value (6 for v, 4.72 for f_s, 1 for scores). */
Test(model, rounded_weights_keep_the_published_facts)
{
	static const struct {
		int channel;
		float at_7_7;
	} peaks[] = {{113, 6}, {1227, 5.61357F}, {245, 2.77944F}, {989, 1.60911F}};
	static const struct {
		int unit;
		float fs;
	} features[] = {{967, 4.71933F}, {690, 3.90693F}, {953, 3.73736F}};
	struct avl_model *const model = default_model(NULL);
	struct answers *const a = answers_of(model);
	for (int i = 0; i < 4; i++)
		cr_expect_float_eq(a->v[peaks[i].channel * AREA + 7 * SIDE + 7], peaks[i].at_7_7,
				   0.03, "%d", peaks[i].channel);
	cr_expect_float_eq(mean_of(a->v, CHANNELS * AREA), 0.104365, 0.0005);
	cr_expect_float_eq(mean_of(a->v + 113 * AREA, AREA), 5.47191, 0.03);
	cr_expect_float_eq(mean_of(a->v + 7 * AREA, AREA), 0.561234, 0.03);
	cr_expect_float_eq(mean_of(a->v + 100 * AREA, AREA), 0.363189, 0.03);
	for (int i = 0; i < 3; i++)
		cr_expect_float_eq(a->fs[features[i].unit], features[i].fs, 0.024);
	cr_expect_float_eq(FEATURES * mean_of(a->fs, FEATURES), 90.4743, 0.45);
	for (int i = 0; i < UNITS; i++)
		if (!strcmp(avl_model_class(model, i), "Synthesizer"))
			cr_expect_float_eq(a->q[i], 0.8866, 0.005);
		else if (!strcmp(avl_model_class(model, i), "Keyboard (musical)"))
			cr_expect_float_eq(a->q[i], 0.7377, 0.005);
		else if (!strcmp(avl_model_class(model, i), "Dog"))
			cr_expect_eq(a->q[i], 0);
	free(a);
	avl_model_close(model);
}

static int index_of(const struct avl_model *model, const char *name)
{
	for (int i = 0; i < UNITS; i++)
		if (!strcmp(avl_model_class(model, i), name))
			return i;
	cr_assert(0, "no class '%s'", name);
	return -1;
}

Test(model, the_join_has_the_published_lengths)
{
	struct avl_model *const model = default_model(NULL);
	const struct avl_sound_head *const head = avl_model_head(model);
	double squares = 0;
	int visible = 0;
	for (int i = 0; i < UNITS; i++) {
		visible += head->length[i] > 0;
		squares += (double)head->length[i] * (double)head->length[i];
	}
	cr_expect_eq(visible, 396);
	cr_expect_float_eq(sqrt(squares), 26.857, 0.005);
	cr_expect_float_eq(head->length[index_of(model, "Dog")], 0.5737, 0.0005);
	cr_expect_float_eq(head->length[index_of(model, "Speech")], 0.7491, 0.0005);
	cr_expect_eq(head->length[index_of(model, "Silence")], 0);
	cr_expect_str_eq(avl_model_class(model, 0), "Speech");
	avl_model_close(model);
}

Test(model, silence_makes_no_map)
{
	struct avl_model *const model = default_model(NULL);
	struct avl_hearing heard;
	static const float nothing[16000];
	float map[AREA];
	see(model);
	cr_assert_eq(avl_model_set_sound(model, nothing, 16000, SCENE_HZ, NULL), 0);
	cr_assert_eq(avl_model_run_sound(model, &heard, NULL), 0);
	cr_expect_gt(heard.q[index_of(model, "Silence")], 0.9);
	for (int k = 0; k < 4; k++) {
		float q[UNITS] = {0};
		q[index_of(model, "Silence")] = 1;
		avl_model_score(model, scores[k].score, q, map);
		for (int p = 0; p < AREA; p++)
			cr_expect_eq(map[p], 0, "%s: %g", scores[k].name, (double)map[p]);
	}
	avl_model_close(model);
}
