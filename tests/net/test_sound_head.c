/* SPDX-License-Identifier: MIT */
#include "net/sound_head.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "files.h"
#include "tests/kern/fenced.h"

enum { FEATURES = 18, UNITS = 35, CHANNELS = 21, PATCHES = 5, HIDDEN = 19 };

struct world {
	struct avl_contract contract;
	struct parts parts;
	float *w1, *b1, *w2, *b2, *fs; /* fs: (patches, features) */
	float *w3, *b3;                /* of three layers: behind w2 and b2 */
};

static void world_init_of(struct world *world, struct avl_rng *rng, int layers,
			  const char *activation, double floor, const char *pool, int with_bias)
{
	const int outputs = layers == 3 ? HIDDEN : CHANNELS;
	char text[1024];
	struct avl_err err = {0};
	snprintf(text, sizeof text,
		 "{\"arch\":\"a+b\",\"frame\":{\"height\":32,\"width\":32,\"fit\":\"stretch\","
		 "\"kernel\":\"bicubic\",\"mean\":[0,0,0],\"std\":[1,1,1]},\"sound\":{"
		 "\"front_end\":\"yamnet\",\"rate_hz\":16000,\"window_s\":5,\"anchor\":\"centre\","
		 "\"fill\":\"zero\"},\"head\":{\"layers\":%d,\"activation\":\"%s\",\"floor\":%g,"
		 "\"pool\":\"%s\"}}",
		 layers, activation, floor, pool);
	*world = (struct world){
	    .w1 = unaligned_floats(rng, UNITS * FEATURES),
	    .b1 = unaligned_floats(rng, UNITS),
	    .w2 = unaligned_floats(rng, outputs * UNITS),
	    .b2 = unaligned_floats(rng, outputs),
	    .w3 = unaligned_floats(rng, CHANNELS * HIDDEN),
	    .b3 = unaligned_floats(rng, CHANNELS),
	    .fs = unaligned_floats(rng, PATCHES * FEATURES),
	};
	cr_assert_eq(avl_contract_parse(&world->contract, text, strlen(text), &err), 0, "%s",
		     err.text);
	parts_add(&world->parts, "sound_fc1.weight", 2, (int[]){UNITS, FEATURES}, world->w1);
	parts_add(&world->parts, "sound_fc2.weight", 2, (int[]){outputs, UNITS}, world->w2);
	if (layers == 3)
		parts_add(&world->parts, "sound_fc3.weight", 2, (int[]){CHANNELS, HIDDEN},
			  world->w3);
	if (!with_bias) {
		memset(world->b1, 0, UNITS * sizeof(float));
		memset(world->b2, 0, (size_t)outputs * sizeof(float));
		memset(world->b3, 0, CHANNELS * sizeof(float));
		return;
	}
	parts_add(&world->parts, "sound_fc1.bias", 1, (int[]){UNITS}, world->b1);
	parts_add(&world->parts, "sound_fc2.bias", 1, (int[]){outputs}, world->b2);
	if (layers == 3)
		parts_add(&world->parts, "sound_fc3.bias", 1, (int[]){CHANNELS}, world->b3);
}

static void world_init(struct world *world, struct avl_rng *rng, const char *activation,
		       double floor, const char *pool, int with_bias)
{
	world_init_of(world, rng, 2, activation, floor, pool, with_bias);
}

static void world_release(struct world *world)
{
	parts_release(&world->parts);
	free(world->w1);
	free(world->b1);
	free(world->w2);
	free(world->b2);
	free(world->w3);
	free(world->b3);
	free(world->fs);
}

static int init(struct avl_sound_head *head, const struct world *world, struct avl_err *err)
{
	struct avl_safetensors *const file = parts_open(&world->parts);
	const int code = avl_sound_head_init(head, &world->contract, file, FEATURES, CHANNELS, err);
	avl_safetensors_close(file);
	return code;
}

static double activated(enum avl_activation kind, double x)
{
	switch (kind) {
	case AVL_ACTIVATION_RELU:
		return fmax(0, x);
	case AVL_ACTIVATION_SIGMOID:
		return 1 / (1 + exp(-x));
	case AVL_ACTIVATION_TANH:
		return tanh(x);
	case AVL_ACTIVATION_NONE:
		break;
	}
	return x;
}

static void naive_q(const struct world *o, double q[UNITS])
{
	const int mean = o->contract.head.pool == AVL_POOL_MEAN;
	for (int u = 0; u < UNITS; u++) {
		double sum = 0, largest = -INFINITY;
		for (int p = 0; p < PATCHES; p++) {
			double x = (double)o->b1[u];
			for (int f = 0; f < FEATURES; f++)
				x += (double)o->w1[u * FEATURES + f] *
				     (double)o->fs[p * FEATURES + f];
			x = activated(o->contract.head.activation, x);
			if (o->contract.head.floor > 0 && x <= o->contract.head.floor)
				x = 0;
			sum += x;
			largest = fmax(largest, x);
		}
		q[u] = mean ? sum / PATCHES : largest;
	}
}

/* N patches of FS, in the pool after BEFORE others. */
static void hear(const struct avl_sound_head *head, const float *fs, int n, int before, float *q)
{
	const struct avl_shape in = {n, FEATURES, 1, 1}, out = {n, UNITS, 1, 1};
	float *const x = avl_alloc(avl_shape_floats(&in), sizeof *x);
	float *const room = avl_alloc(avl_shape_floats(&out), sizeof *room);
	const struct avl_map map = {in, AVL_BLOCKED, x};
	avl_layout_to_blocked(&in, fs, x);
	avl_sound_head_hear(head, &map, room, (size_t)before, PATCHES, q, NULL);
	free(x);
	free(room);
}

/* OUT = BIAS + WEIGHT Q. */
static void naive_layer(const float *weight, const float *bias, const double *q, int in, int out,
			double *to)
{
	for (int o = 0; o < out; o++) {
		to[o] = (double)bias[o];
		for (int i = 0; i < in; i++)
			to[o] += (double)weight[o * in + i] * q[i];
	}
}

static void naive_h(const struct world *o, const float *q, double h[CHANNELS])
{
	double wide[UNITS], hidden[HIDDEN];
	for (int u = 0; u < UNITS; u++)
		wide[u] = (double)q[u];
	if (o->contract.head.layers == 2) {
		naive_layer(o->w2, o->b2, wide, UNITS, CHANNELS, h);
		return;
	}
	naive_layer(o->w2, o->b2, wide, UNITS, HIDDEN, hidden);
	for (int i = 0; i < HIDDEN; i++)
		hidden[i] = fmax(0, hidden[i]);
	naive_layer(o->w3, o->b3, hidden, HIDDEN, CHANNELS, h);
}

/* Float against double with values about 1: 1e-4 for sums of 35 and of 19 of these. */
static void check(struct avl_rng *rng, int layers, const char *activation, double floor,
		  const char *pool, int with_bias)
{
	struct world world;
	struct avl_sound_head head;
	struct avl_err err = {0};
	double q[UNITS], expected[CHANNELS];
	float scratch[HIDDEN];
	world_init_of(&world, rng, layers, activation, floor, pool, with_bias);
	cr_assert_eq(init(&head, &world, &err), 0, "%s", err.text);
	cr_assert_eq(head.units, UNITS);
	struct fenced got = fenced_new(UNITS), parted = fenced_new(UNITS), h = fenced_new(CHANNELS);
	naive_q(&world, q);
	hear(&head, world.fs, PATCHES, 0, got.at);
	hear(&head, world.fs, 2, 0, parted.at);
	hear(&head, world.fs + 2 * FEATURES, 1, 2, parted.at);
	hear(&head, world.fs + 3 * FEATURES, 2, 3, parted.at);
	double worst = 0;
	for (int u = 0; u < UNITS; u++)
		worst = fmax(worst, fabs((double)got.at[u] - q[u]));
	cr_expect(worst <= 1e-5, "%s, %s: q is off by %g", activation, pool, worst);
	cr_expect(same_bits(got.at, parted.at, UNITS), "%s, %s: in turns", activation, pool);
	avl_sound_head_embed(&head, got.at, scratch, h.at);
	naive_h(&world, got.at, expected);
	worst = 0;
	for (int c = 0; c < CHANNELS; c++)
		worst = fmax(worst, fabs((double)h.at[c] - expected[c]));
	cr_expect(worst <= (layers == 3 ? 1e-4 : 2e-5), "%s, %s: h is off by %g", activation, pool,
		  worst);
	cr_expect(fences_stand(&got) && fences_stand(&parted) && fences_stand(&h));
	fenced_free(&got);
	fenced_free(&parted);
	fenced_free(&h);
	avl_sound_head_release(&head);
	world_release(&world);
}

Test(sound_head, q_and_h_are_the_formula)
{
	static const char *const activations[] = {"none", "relu", "sigmoid", "tanh"};
	struct avl_rng rng;
	avl_rng_init(&rng, 91, 0);
	for (int i = 0; i < 8; i++) {
		const int layers = 2 + i / 4;
		check(&rng, layers, activations[i % 4], 0, "max", 1);
		check(&rng, layers, activations[i % 4], 0, "mean", 0);
		check(&rng, layers, activations[i % 4], 0.4, "max", 0);
		check(&rng, layers, activations[i % 4], 0.4, "mean", 1);
	}
}

Test(sound_head, rows_of_the_second_layer_have_their_length)
{
	struct avl_rng rng;
	struct world world;
	struct avl_sound_head head;
	avl_rng_init(&rng, 92, 0);
	world_init(&world, &rng, "sigmoid", 0.05, "max", 0);
	for (int c = 0; c < CHANNELS; c++) /* unit 3 adds nothing */
		((float *)parts_find(&world.parts, "sound_fc2.weight")
		     ->tensor.data)[c * UNITS + 3] = world.w2[c * UNITS + 3] = 0;
	cr_assert_eq(init(&head, &world, NULL), 0);
	for (int u = 0; u < UNITS; u++) {
		double sum = 0;
		for (int c = 0; c < CHANNELS; c++)
			sum += (double)world.w2[c * UNITS + u] * (double)world.w2[c * UNITS + u];
		cr_expect_float_eq(head.length[u], sqrt(sum), 1e-6);
	}
	cr_expect_eq(head.length[3], 0);
	avl_sound_head_release(&head);
	world_release(&world);
}

static void refuse(struct world *world, const char *message)
{
	struct avl_sound_head head;
	struct avl_err err = {0};
	const int code = init(&head, world, &err);
	cr_expect(code == AVL_ESHAPE || code == AVL_ENONE, "%d: %s", code, message);
	cr_expect(strstr(err.text, message), "'%s' lacks '%s'", err.text, message);
}

Test(sound_head, a_third_layer_that_does_not_fit_is_refused)
{
	struct avl_rng rng;
	struct world world;
	avl_rng_init(&rng, 94, 0);
	world_init_of(&world, &rng, 3, "relu", 0, "max", 1);
	struct avl_tensor *const w3 = &parts_find(&world.parts, "sound_fc3.weight")->tensor;
	w3->dim[1]--;
	refuse(&world, "'sound_fc3' (weight f4 (21, 18))");
	w3->dim[1]++;
	parts_remove(&world.parts, "sound_fc3.weight");
	refuse(&world, "tensor 'sound_fc3.weight' is missing");
	parts_remove(&world.parts, "sound_fc2.weight");
	refuse(&world, "tensor 'sound_fc2.weight' is missing");
	world_release(&world);
}

Test(sound_head, layers_that_do_not_fit_are_refused)
{
	struct avl_rng rng;
	struct world world;
	avl_rng_init(&rng, 93, 0);
	world_init(&world, &rng, "sigmoid", 0.05, "max", 1);
	struct avl_tensor *const w1 = &parts_find(&world.parts, "sound_fc1.weight")->tensor;
	struct avl_tensor *const w2 = &parts_find(&world.parts, "sound_fc2.weight")->tensor;
	w1->dim[1]--;
	refuse(&world, "'sound_fc1.weight' is f4 (35, 17) where 18 inputs come in");
	w1->dim[1]++, w1->dim[0]--;
	refuse(&world, "'sound_fc1.bias' does not fit");
	w1->dim[0]++, w2->dim[0]--;
	refuse(&world, "'sound_fc2' (weight f4 (20, 35))");
	w2->dim[0]++, w2->dim[1]--;
	refuse(&world, "'sound_fc2' (weight f4 (21, 34))");
	w2->dim[1]++;
	parts_find(&world.parts, "sound_fc2.bias")->tensor.dim[0]--;
	refuse(&world, "'sound_fc2'");
	parts_remove(&world.parts, "sound_fc2.weight");
	refuse(&world, "tensor 'sound_fc2.weight' is missing");
	parts_remove(&world.parts, "sound_fc1.weight");
	refuse(&world, "tensor 'sound_fc1.weight' is missing");
	world_release(&world);
}
