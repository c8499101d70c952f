/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/front_end.h"

static const struct avl_sound_kind kinds[] = {
    /* github tensorflow/models, research/audioset/yamnet/features.py: windows of 25 ms every 10 ms,
     * patches of 0.96 s every 0.48 s */
    {.name = "yamnet",
     .spectrogram = {.rate_hz = 16000,
		     .window_samples = 400,
		     .fft_size = 512,
		     .hop_samples = 160,
		     .window = AVL_WINDOW_HANN,
		     .edge = AVL_EDGE_PATCHES,
		     .spectrum = AVL_SPECTRUM_MAGNITUDE,
		     .mel_bands = 64,
		     .mel_low_hz = 125,
		     .mel_high_hz = 7500,
		     .mel_slope = AVL_MEL_LINEAR_IN_MEL,
		     .logarithm = AVL_LOG_OFFSET,
		     .log_floor = 0.001,
		     .order = AVL_TIME_BANDS,
		     .patch_frames = 96,
		     .patch_hop_frames = 48}},
};

const struct avl_sound_kind *avl_sound_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

int avl_sound_front_init(struct avl_sound_front *front, const struct avl_contract *contract,
			 struct avl_err *err)
{
	*front = (struct avl_sound_front){.contract = contract};
	front->kind = avl_sound_kind_find(contract->sound.front_end);
	if (!front->kind)
		return avl_fail(err, AVL_EUSAGE, "unknown sound front end '%s'",
				contract->sound.front_end);
	if (front->kind->spectrogram.rate_hz != contract->sound.rate_hz)
		return avl_fail(
		    err, AVL_ESHAPE, "front end '%s' works at %d Hz, the contract at %d Hz",
		    front->kind->name, front->kind->spectrogram.rate_hz, contract->sound.rate_hz);
	return avl_spectrogram_new(&front->spectrogram, &front->kind->spectrogram, err);
}

void avl_sound_front_release(struct avl_sound_front *front)
{
	avl_spectrogram_free(front->spectrogram);
	avl_resampler_free(front->resampler);
	free(front->resampled);
	free(front->values);
	*front = (struct avl_sound_front){0};
}

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

/* Brings the samples to the contract's rate. */
static int resample(struct avl_sound_front *front, const float **samples, size_t *n, int rate_hz,
		    struct avl_err *err)
{
	const int wanted = front->contract->sound.rate_hz;
	if (rate_hz == wanted)
		return 0;
	if (!front->resampler || front->from_hz != rate_hz) {
		avl_resampler_free(front->resampler);
		front->resampler = NULL;
		const int code = avl_resampler_new(&front->resampler, rate_hz, wanted, err);
		if (code)
			return code;
		front->from_hz = rate_hz;
	}
	const size_t length = avl_resampler_length(front->resampler, *n);
	const int code = grow(&front->resampled, &front->resampled_room, length, err);
	if (code)
		return code;
	avl_resampler_run(front->resampler, *samples, *n, front->resampled);
	*samples = front->resampled;
	*n = length;
	return 0;
}

int avl_sound_front_run(struct avl_sound_front *front, const float *samples, size_t n, int rate_hz,
			const float **values, size_t *patches, struct avl_err *err)
{
	int code = resample(front, &samples, &n, rate_hz, err);
	if (code)
		return code;
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
	*rows = front->kind->spectrogram.patch_frames;
	*cols = avl_spectrogram_bands(front->spectrogram);
	*hop = front->kind->spectrogram.patch_hop_frames;
}
