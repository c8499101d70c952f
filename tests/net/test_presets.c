/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/golden/golden.h"
#include "material.h"
#include "net/front_end.h"
#include "net/model.h"
#include "net/preset.h"

/* Every published method, with random weights, against PyTorch in double precision:
 * scripts/golden-parity.py. */

static const struct {
	const char *preset;
	int rate_hz;
	size_t samples;
} cases[] = {
    {"senocak", 22050, 99001},  {"lvs", 16000, 80123},    {"ezvsl", 22050, 99001},
    {"ezvsl", 16000, 20011},    {"slavc", 16000, 80123},  {"fnac", 48000, 160001},
    {"sslalign", 16000, 80123}, {"ssltie", 16000, 80123},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static double distance(int c, const char *part, const float *data)
{
	static struct golden golden;
	char name[64];
	snprintf(name, sizeof name, "%s.%d.%zu.%s", cases[c].preset, cases[c].rate_hz,
		 cases[c].samples, part);
	cr_assert(golden_find("net_presets.txt", name, &golden), "%s", name);
	return golden_distance(&golden, data);
}

Test(presets, front_ends_are_the_official_ones)
{
	uint8_t *const rgb = material_picture();
	for (int c = 0; c < CASES; c++) {
		const struct avl_contract *const contract =
		    &avl_preset_find(cases[c].preset)->contract;
		struct avl_picture_front picture;
		struct avl_sound_front sound;
		struct avl_err err = {0};
		double region[4];
		const float *values;
		size_t patches;
		float *const samples = material_sound(cases[c].rate_hz, cases[c].samples);
		float *const planes = malloc(3U * (size_t)contract->frame.height *
					     (size_t)contract->frame.width * sizeof *planes);
		cr_assert_eq(avl_picture_front_init(&picture, contract, &err), 0, "%s", err.text);
		cr_assert_eq(avl_sound_front_init(&sound, contract, NULL, &err), 0, "%s", err.text);
		cr_assert_eq(avl_picture_front_run(&picture, rgb, MATERIAL_HEIGHT, MATERIAL_WIDTH,
						   planes, region, NULL, &err),
			     0, "%s", err.text);
		cr_assert_eq(avl_sound_front_run(&sound, samples, cases[c].samples,
						 cases[c].rate_hz, &values, &patches, &err),
			     0, "%s", err.text);
		cr_expect_eq(patches, 1);
		const double seen = distance(c, "picture", planes);
		const double heard = distance(c, "sound", values);
		/* torch places the filter for tensors in single precision, which moves its own
		 * result by 2e-5 of the range */
		const int floats = contract->frame.arithmetic == AVL_ARITHMETIC_FLOATS;
		cr_expect_lt(seen, floats ? 3e-5 : 1e-5, "%s: picture %g", cases[c].preset, seen);
		cr_expect_lt(heard, 1e-5, "%s at %d: sound %g", cases[c].preset, cases[c].rate_hz,
			     heard);
		avl_picture_front_release(&picture);
		avl_sound_front_release(&sound);
		free(planes);
		free(samples);
	}
	free(rgb);
}

/* Runs case C on the model M and compares what comes out. */
static void check_case(struct avl_model *m, int c, const uint8_t *rgb)
{
	struct avl_err err = {0};
	struct avl_hearing hearing = {0};
	double region[4];
	int rows, cols;
	float *const samples = material_sound(cases[c].rate_hz, cases[c].samples);
	cr_assert_eq(avl_model_set_picture(m, rgb, MATERIAL_HEIGHT, MATERIAL_WIDTH, region, &err),
		     0, "%s", err.text);
	const struct avl_map *const v = avl_model_run_picture(m);
	cr_assert_eq(avl_model_set_sound(m, samples, cases[c].samples, cases[c].rate_hz, &err), 0,
		     "%s", err.text);
	cr_assert_eq(avl_model_run_sound(m, &hearing, &err), 0, "%s", err.text);
	avl_model_map_size(m, &rows, &cols);
	float *const map = malloc((size_t)rows * (size_t)cols * sizeof *map);
	float *const planar = malloc(avl_shape_floats(&v->shape) * sizeof *planar);
	avl_model_score(m, avl_model_contract(m)->score, hearing.q, map);
	avl_layout_to_planar(&v->shape, v->data, planar);
	const double dv = distance(c, "v", planar), df = distance(c, "fs", hearing.fs);
	const double dm = distance(c, "map", map);
	cr_expect_lt(dv, 1e-5, "%s: v %g", cases[c].preset, dv);
	cr_expect_lt(df, 2e-5, "%s: f_s %g", cases[c].preset, df);
	cr_expect_lt(dm, 1e-5, "%s at %d: map %g", cases[c].preset, cases[c].rate_hz, dm);
	free(planar);
	free(map);
	free(samples);
}

Test(presets, maps_are_those_of_pytorch, .timeout = 300)
{
	uint8_t *const rgb = material_picture();
	for (int c = 0; c < CASES; c++) {
		char path[256];
		struct avl_model *m = NULL;
		struct avl_err err = {0};
		cr_assert_eq(material_model(cases[c].preset, path, sizeof path), 0);
		const int code = avl_model_open(&m, path, AVL_FP32, NULL, &err);
		unlink(path);
		cr_assert_eq(code, 0, "%s: %s", cases[c].preset, err.text);
		check_case(m, c, rgb);
		/* another length of sound and back: the graph is planned anew */
		if (c + 1 < CASES && !strcmp(cases[c].preset, cases[c + 1].preset)) {
			check_case(m, c + 1, rgb);
			check_case(m, c, rgb);
		}
		avl_model_close(m);
	}
	free(rgb);
}

Test(presets, contracts_read_back_as_they_were)
{
	const struct avl_preset *preset;
	for (int i = 0; (preset = avl_preset_at(i)); i++) {
		struct avl_contract again;
		struct avl_err err = {0};
		char *const text = avl_contract_write(&preset->contract);
		cr_assert_not_null(text);
		cr_assert_eq(avl_contract_parse(&again, text, strlen(text), &err), 0, "%s",
			     err.text);
		char *const second = avl_contract_write(&again);
		cr_expect_str_eq(second, text);
		cr_expect_str_eq(again.preset, preset->contract.preset);
		cr_expect_eq(again.score, preset->contract.score);
		cr_expect_eq(again.head.kind, preset->contract.head.kind);
		cr_expect_eq(again.head.count, preset->contract.head.count);
		cr_expect_eq(again.sound.channel, preset->contract.sound.channel);
		cr_expect_eq(again.frame.arithmetic, preset->contract.frame.arithmetic);
		free(text);
		free(second);
	}
}

/* Opens a model of ARCH with made-up weights. */
static struct avl_model *open_arch(const char *arch)
{
	char path[256];
	struct avl_model *m = NULL;
	struct avl_err err = {0};
	cr_assert_eq(material_model(arch, path, sizeof path), 0);
	const int code = avl_model_open(&m, path, AVL_FP32, NULL, &err);
	unlink(path);
	cr_assert_eq(code, 0, "%s: %s", arch, err.text);
	return m;
}

Test(presets, any_image_network_goes_with_any_sound_network, .timeout = 300)
{
	static const char *const archs[] = {"resnet18_14+yamnet", "resnet18+soundnet",
					    "efficientnet_lite0+resnet18_mean",
					    "resnet18+resnet18_14"};
	uint8_t *const rgb = material_picture();
	float *const samples = material_sound(44100, 50001);
	for (size_t a = 0; a < sizeof archs / sizeof archs[0]; a++) {
		struct avl_model *const m = open_arch(archs[a]);
		struct avl_err err = {0};
		struct avl_hearing hearing = {0};
		double region[4];
		int rows, cols;
		float map[28 * 28], least = INFINITY, most = -INFINITY;
		cr_assert_eq(
		    avl_model_set_picture(m, rgb, MATERIAL_HEIGHT, MATERIAL_WIDTH, region, &err),
		    0);
		avl_model_run_picture(m);
		cr_assert_eq(avl_model_set_sound(m, samples, 50001, 44100, &err), 0, "%s",
			     err.text);
		cr_assert_eq(avl_model_run_sound(m, &hearing, &err), 0, "%s", err.text);
		avl_model_map_size(m, &rows, &cols);
		cr_assert_leq(rows * cols, 28 * 28);
		avl_model_score(m, AVL_SCORE_COSINE, hearing.q, map);
		for (int i = 0; i < rows * cols; i++) {
			cr_assert(isfinite(map[i]));
			least = fminf(least, map[i]);
			most = fmaxf(most, map[i]);
		}
		cr_expect_lt(least, most, "%s: a flat map", archs[a]);
		cr_expect_geq(least, -1.00001F);
		cr_expect_leq(most, 1.00001F);
		avl_model_close(m);
	}
	free(rgb);
	free(samples);
}

Test(presets, a_sound_without_samples_is_silence_or_an_error)
{
	const struct avl_preset *preset;
	const float none = 0;
	for (int i = 0; (preset = avl_preset_at(i)); i++) {
		struct avl_sound_front front;
		struct avl_err err = {0};
		const float *values;
		size_t patches;
		cr_assert_eq(avl_sound_front_init(&front, &preset->contract, NULL, &err), 0);
		const int code =
		    avl_sound_front_run(&front, &none, 0, 16000, &values, &patches, &err);
		if (!strcmp(preset->contract.preset, "senocak"))
			cr_expect_eq(code, AVL_ESHAPE);
		else
			cr_expect_eq(code, 0, "%s: %s", preset->contract.preset, err.text);
		avl_sound_front_release(&front);
	}
}

Test(presets, a_window_without_bounds_is_refused_when_it_comes)
{
	struct avl_contract contract = avl_preset_find("lvs")->contract;
	struct avl_sound_front front;
	struct avl_err err = {0};
	const float *values;
	const float some[4] = {0};
	size_t patches;
	contract.sound.window_s = 3600;
	cr_assert_eq(avl_sound_front_init(&front, &contract, NULL, &err), 0);
	cr_expect_leq(front.cols, 3000);
	cr_expect_eq(avl_sound_front_run(&front, some, 4, 384000, &values, &patches, &err),
		     AVL_ELIMIT);
	avl_sound_front_release(&front);
}
