/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/golden/golden.h"
#include "tests/net/material.h"
#include "train/trainer.h"

/* Whole networks in training, from pictures and sounds, against PyTorch in double precision:
 * scripts/golden-steps.py has the same cases. */

/* ThreadSanitizer takes minutes for twenty steps, and one thread of steps has no races to find. */
#ifdef __SANITIZE_THREAD__
enum { STEPS = 2 };
#else
enum { STEPS = 20 };
#endif
enum { RECORDS = 3, SIDE = 64 };
#define RATE      1e-5
#define TOLERANCE 1e-3
/* Winograd rounds more, and what ReLU cuts off at nothing then differs. */
#define WINOGRAD_TOLERANCE 2e-2

struct scene {
	int direct; /* no convolution by Winograd */
	struct avl_contract contract;
	struct avl_heads heads, follower;
	struct avl_backbone *image, *sound, *follower_image, *follower_sound;
	struct avl_trainer trainer;
	struct avl_sample sample[RECORDS];
	double box[RECORDS][5];
	uint8_t *rgb[RECORDS];
	float *audio;
};

/* That of record I: columns turned round. */
static uint8_t *picture(int i)
{
	uint8_t *const all = material_picture();
	uint8_t *const turned = malloc((size_t)MATERIAL_HEIGHT * MATERIAL_WIDTH * 3);
	for (int y = 0; y < MATERIAL_HEIGHT; y++)
		for (int x = 0; x < MATERIAL_WIDTH; x++) {
			const int to = (x + 53 * i) % MATERIAL_WIDTH;
			memcpy(turned + 3 * ((ptrdiff_t)y * MATERIAL_WIDTH + to),
			       all + 3 * ((ptrdiff_t)y * MATERIAL_WIDTH + x), 3);
		}
	free(all);
	return turned;
}

static void make_samples(struct scene *s, int rate_hz, size_t count)
{
	static const double box[RECORDS][5] = {{0, 0, 0.5, 0.75, 0}, {0}, {0.25, 0.5, 1, 1, 0}};
	s->audio = material_sound(rate_hz, count * RECORDS);
	memcpy(s->box, box, sizeof box);
	for (int i = 0; i < RECORDS; i++) {
		s->rgb[i] = picture(i);
		s->sample[i] = (struct avl_sample){
		    .key = "key",
		    .rgb = s->rgb[i],
		    .height = MATERIAL_HEIGHT,
		    .width = MATERIAL_WIDTH,
		    .audio = s->audio + (size_t)i * count,
		    .samples = count,
		    .rate_hz = rate_hz,
		    .sound = (uint32_t)i,
		    .truth = {.box = s->box[i], .nboxes = i != 1, .annotators = i != 1},
		};
	}
}

static struct avl_backbone *backbone(struct scene *s, enum avl_stream stream, int frozen,
				     const struct avl_safetensors *file)
{
	struct avl_backbone *made;
	struct avl_err err;
	const struct avl_backbone_options options = {.stream = stream,
						     .batch = RECORDS,
						     .frozen = frozen,
						     .direct = s->direct,
						     .moments = 2};
	cr_assert_eq(avl_backbone_new(&made, &options, &s->contract, file, &err), 0, "%s",
		     err.text);
	return made;
}

static struct scene *scene_new(const char *preset, double window_s, int rate_hz, size_t count,
			       int direct, const struct avl_trainer_options *options)
{
	char path[256];
	struct avl_err err;
	struct avl_safetensors *file;
	struct scene *const s = calloc(1, sizeof *s);
	s->direct = direct;
	cr_assert_eq(material_model(preset, path, sizeof path), 0);
	cr_assert_eq(avl_safetensors_open(&file, path, &err), 0, "%s", err.text);
	unlink(path);
	cr_assert_eq(avl_contract_read(&s->contract, file, &err), 0);
	s->contract.frame.height = s->contract.frame.width = SIDE;
	s->contract.sound.window_s = window_s;
	struct avl_heads_options heads = {
	    .image = options->unsup->kind == AVL_LOSS_EMBED,
	    .seen = 512,
	    .features = 512,
	    .moments = 2,
	};
	cr_assert_eq(avl_heads_init(&s->heads, &s->contract, file, &heads, &err), 0, "%s",
		     err.text);
	s->image = backbone(s, AVL_STREAM_IMAGE, 0, file);
	s->sound = backbone(s, AVL_STREAM_SOUND, 0, file);
	const struct avl_shape v = avl_backbone_output(s->image);
	struct avl_trainer_parts parts = {&s->heads, s->image, s->sound, {0}};
	if (options->follow > 0) {
		heads.frozen = 1;
		cr_assert_eq(avl_heads_init(&s->follower, &s->contract, file, &heads, &err), 0);
		parts.target.heads = &s->follower;
		parts.target.image = s->follower_image = backbone(s, AVL_STREAM_IMAGE, 1, file);
		parts.target.sound = s->follower_sound = backbone(s, AVL_STREAM_SOUND, 1, file);
	}
	cr_assert_eq(avl_trainer_init(&s->trainer, options, &parts, RECORDS, v.h, v.w, NULL, &err),
		     0);
	avl_safetensors_close(file);
	make_samples(s, rate_hz, count);
	return s;
}

static void scene_free(struct scene *s)
{
	for (int i = 0; i < RECORDS; i++)
		free(s->rgb[i]);
	free(s->audio);
	avl_trainer_release(&s->trainer);
	avl_heads_release(&s->heads);
	if (s->follower_image)
		avl_heads_release(&s->follower);
	avl_backbone_free(s->follower_image);
	avl_backbone_free(s->follower_sound);
	avl_backbone_free(s->image);
	avl_backbone_free(s->sound);
	free(s);
}

/* A bias before a batch norm has no gradient but what rounding leaves of it. */
static int is_nothing(const struct golden *golden, const float *data)
{
	double largest = 0;
	for (size_t i = 0; i < golden_size(golden); i++)
		largest = fmax(largest, fabs((double)data[i]));
	return golden->largest < 1e-12 && largest < 1e-4;
}

/* All tensors of LIST against those of the golden file that begin with PREFIX; how many. */
static int compare(const struct avl_tensors *list, const char *prefix, double tolerance)
{
	int found = 0;
	char name[160];
	struct golden golden;
	FILE *const file = golden_open("steps.txt");
	cr_assert_not_null(file);
	while (golden_next(file, &golden) == 1) {
		if (strncmp(golden.name, prefix, strlen(prefix)) != 0)
			continue;
		for (int i = 0; i < list->count; i++) {
			snprintf(name, sizeof name, "%s%s", prefix, list->at[i].name);
			if (strcmp(name, golden.name) != 0)
				continue;
			found++;
			const double off = golden_distance(&golden, list->at[i].tensor.data);
			cr_expect(off < tolerance || is_nothing(&golden, list->at[i].tensor.data),
				  "%s is off by %.2g", name, off);
		}
	}
	fclose(file);
	return found;
}

/* The gradients of the last backward, by the names of a checkpoint. */
static void gradients_of(const struct scene *s, struct avl_tensors *list)
{
	avl_tensors_init(list);
	cr_assert_eq(avl_backbone_gradients(s->image, list, NULL), 0);
	cr_assert_eq(avl_backbone_gradients(s->sound, list, NULL), 0);
	for (int i = 0; i < AVL_HEAD_PARAMS; i++) {
		struct avl_param p = s->heads.param[i];
		p.frozen = 1;
		p.value = p.grad;
		if (p.count)
			cr_assert_eq(avl_tensors_add_param(list, "", &p, NULL), 0);
	}
}

static void weights_of(const struct scene *s, struct avl_tensors *list)
{
	avl_tensors_init(list);
	cr_assert_eq(avl_backbone_save(s->image, "", list, NULL), 0);
	cr_assert_eq(avl_backbone_save(s->sound, "", list, NULL), 0);
	for (int i = 0; i < AVL_HEAD_PARAMS; i++)
		if (s->heads.param[i].count)
			cr_assert_eq(avl_tensors_add_param(list, "", &s->heads.param[i], NULL), 0);
}

/* STEPS steps on one batch; TENSORS that have gradients, STATISTICS beside them. */
static void check(struct scene *s, const char *name, int steps, int tensors, int statistics)
{
	struct avl_tensors list;
	struct avl_result result;
	struct avl_err err;
	struct golden loss;
	double first = 0;
	char prefix[64];
	const double tolerance = s->direct ? TOLERANCE : WINOGRAD_TOLERANCE;
	for (int step = 1; step <= steps; step++) {
		cr_assert_eq(
		    avl_trainer_step(&s->trainer, s->sample, RECORDS, step, RATE, &result, &err), 0,
		    "%s", err.text);
		snprintf(prefix, sizeof prefix, "%s.loss.%d", name, step);
		cr_assert(golden_find("steps.txt", prefix, &loss), "%s", prefix);
		first = step == 1 ? loss.value[0] : first;
		cr_expect_float_eq(result.loss, loss.value[0], TOLERANCE * first,
				   "%s, step %d: loss %.7g, not %.7g", name, step, result.loss,
				   loss.value[0]);
		if (step > 1)
			continue;
		gradients_of(s, &list);
		snprintf(prefix, sizeof prefix, "%s.grad.", name);
		cr_expect_eq(compare(&list, prefix, tolerance), tensors);
		avl_tensors_release(&list);
		weights_of(s, &list);
		snprintf(prefix, sizeof prefix, "%s.after.", name);
		cr_expect_eq(compare(&list, prefix, tolerance), tensors + statistics);
		avl_tensors_release(&list);
	}
	scene_free(s);
}

static struct avl_trainer_options options_for(const char *unsup, const char *sup,
					      enum avl_attention score)
{
	struct avl_trainer_options o = {
	    .unsup = avl_loss_find(unsup),
	    .sup = sup ? avl_loss_find(sup) : NULL,
	    .lambda = 0.5,
	    .score = score,
	    .temperature = 1,
	    .hardest = 1,
	    .optim = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
	};
	o.tau = o.unsup->tau;
	return o;
}

/* 13 convolutions, 8 with 7 batch norms, 4 layers. */
Test(steps, vgg16_and_soundnet)
{
	const struct avl_trainer_options o =
	    options_for("triplet", "ce", AVL_ATTENTION_COSINE_RELU);
	check(scene_new("senocak", 20, 22050, 220500, 1, &o), "senocak", 1,
	      2 * 13 + 2 * 8 + 2 * 7 + 8, 2 * 7);
}

/* Twice 20 convolutions and batch norms, 2 layers. */
Test(steps, two_resnets)
{
	const struct avl_trainer_options o = options_for("nce", NULL, AVL_ATTENTION_COSINE);
	check(scene_new("ezvsl", 0.5, 16000, 8000, 1, &o), "ezvsl", STEPS, 2 * (20 + 2 * 20) + 4,
	      2 * 2 * 20);
}

/* The same with two heads each, and networks that follow. */
Test(steps, two_resnets_and_those_that_follow)
{
	struct avl_trainer_options o = options_for("slavc", NULL, AVL_ATTENTION_COSINE);
	o.follow = 0.9;
	check(scene_new("slavc", 0.5, 16000, 8000, 1, &o), "slavc", 4, 2 * (20 + 2 * 20) + 8,
	      2 * 2 * 20);
}

Test(steps, winograd_rounds_a_little_more)
{
	const struct avl_trainer_options o =
	    options_for("triplet", "ce", AVL_ATTENTION_COSINE_RELU);
	check(scene_new("senocak", 20, 22050, 220500, 0, &o), "senocak", 1,
	      2 * 13 + 2 * 8 + 2 * 7 + 8, 2 * 7);
}

/* With no layer behind them, h is f_s and u is v. */
Test(steps, networks_without_heads_learn)
{
	struct avl_trainer_options o = options_for("lvs", "kl", AVL_ATTENTION_COSINE);
	struct scene *const s = scene_new("lvs", 0.5, 16000, 8000, 0, &o);
	struct avl_result result;
	struct avl_err err;
	double first = 0;
	for (int step = 1; step <= 6; step++) {
		cr_assert_eq(
		    avl_trainer_step(&s->trainer, s->sample, RECORDS, step, RATE, &result, &err),
		    0);
		first = step == 1 ? result.loss : first;
	}
	cr_expect_lt(result.loss, 0.9 * first, "%g, then %g", first, result.loss);
	scene_free(s);
}
