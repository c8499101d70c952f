/* SPDX-License-Identifier: MIT */
#include "eval/control.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static const char *const names[] = {"", "silence", "noise", "offscreen", "shuffled"};

const char *avl_control_name(enum avl_control control)
{
	return names[control];
}

int avl_control_of(const struct avl_json *seal)
{
	const char *const name = avl_json_string(seal, "control", "");
	for (int i = 0; i < AVL_CONTROLS; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

static void release(struct avl_donor *donor)
{
	free(donor->source);
	free(donor->sound);
	*donor = (struct avl_donor){0};
}

void avl_controller_release(struct avl_controller *controller)
{
	release(&controller->before);
	release(&controller->now);
}

static const char *source_of(const struct avl_record *record)
{
	return avl_json_string(record->seal, "source", record->key);
}

static int remember(struct avl_controller *controller, const struct avl_record *record,
		    const struct avl_tensor *audio, struct avl_err *err)
{
	struct avl_donor *const now = &controller->now;
	const char *const source = source_of(record);
	if (!now->source || strcmp(now->source, source)) {
		release(&controller->before);
		controller->before = *now;
		*now = (struct avl_donor){.source = strdup(source)};
	}
	const size_t n = (size_t)audio->dim[0];
	float *const copy = realloc(now->sound, (n ? n : 1) * sizeof *copy);
	if (copy)
		now->sound = copy;
	if (!copy || !now->source)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(copy, audio->data, n * sizeof *copy);
	now->n = n;
	now->rate_hz = avl_json_number(record->seal, "rate_hz", 0);
	return 0;
}

static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h;
}

static int put_sound(struct avl_record *record, float *sound, size_t n, struct avl_err *err)
{
	const struct avl_tensor audio = {
	    .dtype = AVL_F4, .ndim = 1, .dim = {(int64_t)n}, .data = sound};
	return avl_record_put(record, "audio.npy", &audio, err);
}

/* The noise depends on the key and the seed alone, not on the records before. */
static int put_noise(const struct avl_controller *controller, struct avl_record *record,
		     float *sound, size_t n, struct avl_err *err)
{
	struct avl_rng rng;
	avl_rng_init(&rng, controller->seed, hash(record->key));
	for (size_t i = 0; i < n; i++) {
		const float value = avl_rng_normal(&rng);
		sound[i] = value > 1 ? 1 : value < -1 ? -1 : value;
	}
	return put_sound(record, sound, n, err);
}

static int put_other(const struct avl_controller *controller, struct avl_record *record,
		     struct avl_err *err)
{
	const struct avl_donor *const donor = &controller->before;
	if (!donor->source)
		return avl_fail(err, AVL_ENONE, "no other clip came before");
	float *const copy = avl_arena_alloc(&record->arena, donor->n * sizeof *copy);
	if (!copy || avl_json_set_string(record->seal, "sound", donor->source) ||
	    avl_json_set_number(record->seal, "rate_hz", donor->rate_hz))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(copy, donor->sound, donor->n * sizeof *copy);
	return put_sound(record, copy, donor->n, err);
}

static int replace(struct avl_controller *controller, struct avl_record *record,
		   struct avl_err *err)
{
	static const int64_t samples[] = {-1};
	const struct avl_member *const member = avl_record_find(record, "audio.npy");
	if (!member || !avl_tensor_is(&member->tensor, AVL_F4, 1, samples))
		return avl_fail(err, AVL_ESHAPE, "has no audio.npy f4 (samples)");
	const size_t n = (size_t)member->tensor.dim[0];
	if (controller->kind == AVL_CONTROL_SHUFFLED) {
		const int rc = remember(controller, record, &member->tensor, err);
		return rc ? rc : put_other(controller, record, err);
	}
	float *const sound = avl_arena_alloc(&record->arena, n * sizeof *sound);
	if (!sound)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	if (controller->kind == AVL_CONTROL_NOISE)
		return put_noise(controller, record, sound, n, err);
	memset(sound, 0, n * sizeof *sound);
	return put_sound(record, sound, n, err);
}

int avl_control_make(struct avl_controller *controller, struct avl_record *record,
		     struct avl_err *err)
{
	int rc = 0;
	if (controller->kind == AVL_CONTROL_NONE)
		return 0;
	if (controller->kind != AVL_CONTROL_OFFSCREEN && !avl_record_find(record, "heat.npy"))
		rc = replace(controller, record, err);
	if (!rc && avl_json_set_string(record->seal, "control", names[controller->kind]))
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
	return rc;
}
