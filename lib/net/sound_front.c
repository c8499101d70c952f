/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/front_end.h"

/* Where neither contract nor sound says it. */
#define USUAL_RATE_HZ 16000
/* Samples that one answer may be made of: 12 minutes at 22,050 Hz. */
#define SAMPLES_MAX ((size_t)1 << 24)
/* Before any sound has come, plans are made for at most this. */
#define USUAL_SAMPLES ((size_t)1 << 19)

static int grow(float **block, size_t *room, size_t need, struct avl_err *err)
{
	if (need <= *room)
		return 0;
	free(*block);
	*room = 0;
	*block = avl_alloc(need, sizeof **block);
	if (!*block)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	*room = need;
	return 0;
}

/* The spectrogram for sounds of RATE_HZ. */
static int plan_for(struct avl_sound_front *front, int rate_hz, struct avl_err *err)
{
	struct avl_spectrogram_params params = front->kind->spectrogram;
	if (front->planned_hz == rate_hz)
		return 0;
	avl_spectrogram_free(front->spectrogram);
	front->spectrogram = NULL;
	front->planned_hz = 0;
	params.rate_hz = rate_hz;
	if (params.mel_bands && params.mel_high_hz == 0)
		params.mel_high_hz = rate_hz / 2;
	int code = avl_spectrogram_new(&front->spectrogram, &params, err);
	if (!code)
		code = avl_spectrogram_share(front->spectrogram, front->par, err);
	if (!code)
		front->planned_hz = rate_hz;
	return code;
}

/* Samples of the contract's window. */
static size_t window_samples(const struct avl_sound_front *front, int rate_hz)
{
	return (size_t)(front->contract->sound.window_s * rate_hz);
}

/* How many samples a sound of N has when it has been cut, repeated and filled up. */
static size_t cut_samples(const struct avl_sound_front *front, size_t n, int rate_hz)
{
	const struct avl_sound_kind *const kind = front->kind;
	const size_t window = window_samples(front, rate_hz);
	if (kind->cut != AVL_CUT_NONE && window)
		n = window;
	if (kind->samples)
		return n > kind->first_sample + kind->samples ? kind->samples
		       : n > kind->first_sample               ? n - kind->first_sample
							      : n;
	if (n < kind->tiled_samples)
		n *= n ? kind->tiled_samples / n + 1 : 0;
	return n;
}

/* Rows and columns of what the networks get of N samples, cut already. */
static void measure(struct avl_sound_front *front, size_t n)
{
	const struct avl_spectrogram_params *const p = &front->kind->spectrogram;
	if (front->kind->is_waveform) {
		front->rows = 1;
		front->cols = (int)n;
	} else if (p->edge == AVL_EDGE_PATCHES) {
		front->rows = p->patch_frames;
		front->cols = avl_spectrogram_bands(front->spectrogram);
	} else {
		front->rows = avl_spectrogram_bands(front->spectrogram);
		front->cols = (int)avl_spectrogram_frames(front->spectrogram, n);
	}
}

int avl_sound_front_init(struct avl_sound_front *front, const struct avl_contract *contract,
			 struct avl_par *par, struct avl_err *err)
{
	*front = (struct avl_sound_front){.contract = contract, .par = par};
	front->kind = avl_sound_kind_find(contract->sound.front_end);
	if (!front->kind)
		return avl_fail(err, AVL_EUSAGE, "unknown sound front end '%s'",
				contract->sound.front_end);
	const int own = front->kind->spectrogram.rate_hz, wanted = contract->sound.rate_hz;
	if (own && own != wanted)
		return avl_fail(err, AVL_ESHAPE,
				"front end '%s' works at %d Hz, the contract at %d Hz",
				front->kind->name, own, wanted);
	const int rate_hz = wanted ? wanted : USUAL_RATE_HZ;
	const int code = front->kind->is_waveform ? 0 : plan_for(front, rate_hz, err);
	const size_t n = code ? 0 : cut_samples(front, (size_t)rate_hz, rate_hz);
	if (!code)
		measure(front, n < USUAL_SAMPLES ? n : USUAL_SAMPLES);
	return code;
}

void avl_sound_front_release(struct avl_sound_front *front)
{
	avl_spectrogram_free(front->spectrogram);
	avl_resampler_free(front->resampler);
	free(front->resampled);
	free(front->window);
	free(front->values);
	*front = (struct avl_sound_front){0};
}

/* Brings the samples to the contract's rate. */
static int resample(struct avl_sound_front *front, const float **samples, size_t *n, int *rate_hz,
		    struct avl_err *err)
{
	const int wanted = front->contract->sound.rate_hz;
	if (!wanted || *rate_hz == wanted)
		return 0;
	if (!front->resampler || front->from_hz != *rate_hz) {
		avl_resampler_free(front->resampler);
		front->resampler = NULL;
		const int code = avl_resampler_new(&front->resampler, *rate_hz, wanted, err);
		if (code)
			return code;
		front->from_hz = *rate_hz;
	}
	const size_t length = avl_resampler_length(front->resampler, *n);
	const int code = grow(&front->resampled, &front->resampled_room, length, err);
	if (code)
		return code;
	avl_resampler_run(front->resampler, *samples, *n, front->resampled);
	*samples = front->resampled;
	*n = length;
	*rate_hz = wanted;
	return 0;
}

/* The sample that a window of WINDOW samples in the middle of N begins with. */
static size_t centre_start(size_t n, size_t window, int rate_hz)
{
	const double seconds = (double)n / rate_hz / 2 - (double)window / rate_hz / 2;
	const double seek = floor(seconds * 1e6) / 1e6;
	const size_t start = (size_t)floor(seek * rate_hz + 0.5);
	return start + window > n ? n - window : start;
}

static float condition(const struct avl_sound_kind *kind, float x)
{
	if (kind->as_int16)
		x = fminf(fmaxf(floorf(x * 32768 + 0.5F), -32768), 32767) / 32768;
	x *= kind->gain;
	return kind->clipped ? fminf(fmaxf(x, -1), 1) : x;
}

/* The samples that the kind makes its picture of. A sound shorter than the window is repeated or
 * followed by zeros. */
static int cut(struct avl_sound_front *front, const float **samples, size_t *n, int rate_hz,
	       struct avl_err *err)
{
	const struct avl_sound_kind *const kind = front->kind;
	const size_t window = window_samples(front, rate_hz), there = *n;
	const size_t wanted = cut_samples(front, there, rate_hz);
	const int is_cut = kind->cut != AVL_CUT_NONE && window;
	const int repeats = there && (!is_cut || front->contract->sound.fill == AVL_FILL_TILE);
	size_t first = kind->samples && wanted == kind->samples ? kind->first_sample : 0;
	if (is_cut && kind->cut == AVL_CUT_CENTRE && there > window)
		first += centre_start(there, window, rate_hz);
	if (wanted > SAMPLES_MAX)
		return avl_fail(err, AVL_ELIMIT,
				"%zu samples are more than the model's %zu for one answer", wanted,
				SAMPLES_MAX);
	const int code = grow(&front->window, &front->window_room, wanted, err);
	if (code)
		return code;
	for (size_t i = 0; i < wanted; i++) {
		const size_t at = first + i;
		const int inside = at < there || repeats;
		front->window[i] = inside ? condition(kind, (*samples)[at % there]) : 0;
	}
	*samples = front->window;
	*n = wanted;
	return 0;
}

int avl_sound_front_run(struct avl_sound_front *front, const float *samples, size_t n, int rate_hz,
			const float **values, size_t *patches, struct avl_err *err)
{
	const struct avl_sound_kind *const kind = front->kind;
	const int is_plain = kind->cut == AVL_CUT_NONE && kind->gain == 1;
	int code = resample(front, &samples, &n, &rate_hz, err);
	if (!code && !is_plain)
		code = cut(front, &samples, &n, rate_hz, err);
	if (!code && !kind->is_waveform)
		code = plan_for(front, rate_hz, err);
	if (code)
		return code;
	*patches = 1;
	*values = samples;
	if (n < kind->tiled_samples)
		return avl_fail(err, AVL_ESHAPE, "a sound of no samples cannot be repeated");
	measure(front, n);
	if (kind->is_waveform)
		return 0;
	const size_t floats = avl_spectrogram_frames(front->spectrogram, n) *
			      (size_t)avl_spectrogram_bands(front->spectrogram);
	code = grow(&front->values, &front->values_room, floats, err);
	if (code)
		return code;
	avl_spectrogram_run(front->spectrogram, samples, n, front->values);
	*values = front->values;
	*patches = avl_spectrogram_patches(front->spectrogram, n);
	return 0;
}

void avl_sound_front_patch(const struct avl_sound_front *front, int *rows, int *cols, int *hop)
{
	*rows = front->rows;
	*cols = front->cols;
	*hop = front->kind->spectrogram.patch_hop_frames;
}
