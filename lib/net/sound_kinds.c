/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "net/front_end.h"
#include "net/networks.h"

/* scipy.signal.spectrogram(x, rate, nperseg=512, noverlap=512 - hop), ln(. + 1e-7) / 12, bins by
 * frames. */
#define SCIPY_LOG(hop)                                                                             \
	{                                                                                          \
		.window_samples = 512, .fft_size = 512, .hop_samples = (hop),                      \
		.window = AVL_WINDOW_TUKEY, .detrend = true, .edge = AVL_EDGE_INSIDE,              \
		.spectrum = AVL_SPECTRUM_DENSITY, .logarithm = AVL_LOG_OFFSET, .log_floor = 1e-7,  \
		.std = 12, .order = AVL_BANDS_TIME                                                 \
	}

/* Sum of the squares of a periodic Hann window of 512: what torchaudio's normalized=True divides
 * the power by. Here it goes into the floor and the mean of the decibels. */
#define HANN_ENERGY    192.0
#define HANN_ENERGY_DB 22.833012287035495

static const struct avl_sound_kind kinds[] = {
    /* github tensorflow/models, research/audioset/yamnet/features.py: windows of 25 ms every 10 ms,
     * patches of 0.96 s every 0.48 s */
    {.name = "yamnet",
     .words = "ln(x + 0.001) of 64 mel bands from 125 to 7500 Hz, windows of 25 ms every 10 ms, in "
	      "patches of 0.96 s every 0.48 s",
     .gain = 1,
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
    /* int(441000 / n + 1) copies where there are fewer than 441000 samples, uncut, at any rate */
    {.name = "soundnet",
     .words = "the samples of the whole sound times 256; fewer than 441,000 at whatever rate are "
	      "repeated int(441000 / n + 1) times",
     .tiled_samples = 441000,
     .gain = 256,
     .is_waveform = 1},
    {.name = "lvs",
     .words = "the sound's beginning, clipped to -1..1; ln(x + 1e-7) / 12 of the power density in "
	      "257 bins, Tukey windows of 512 samples every 238, each less its mean",
     .cut = AVL_CUT_START,
     .clipped = 1,
     .gain = 1,
     .spectrogram = SCIPY_LOG(512 - 274)},
    /* decoded to 16 bits and divided by 32767 */
    {.name = "ezvsl",
     .words = "the sound's middle as ffmpeg seeks to it, in 16-bit integers over 32767, clipped to "
	      "-1..1; ln(x + 1e-7) / 12 of the power density in 257 bins, Tukey windows of 512 "
	      "samples every 238, each less its mean",
     .cut = AVL_CUT_CENTRE,
     .as_int16 = 1,
     .clipped = 1,
     .gain = (float)(32768.0 / 32767.0),
     .spectrogram = SCIPY_LOG(512 - 274)},
    /* 3.5 s to 6.5 s, counted at 16 kHz whatever the rate is */
    {.name = "sslalign",
     .words = "the samples 56,000 to 104,000 of the sound (3.5 s to 6.5 s at 16 kHz), clipped to "
	      "-1..1; ln(x + 1e-7) / 12 of the power density in 257 bins, Tukey windows of 512 "
	      "samples every 159, each less its mean",
     .cut = AVL_CUT_START,
     .first_sample = 56000,
     .samples = 48000,
     .clipped = 1,
     .gain = 1,
     .spectrogram = SCIPY_LOG(512 - 353)},
    {.name = "ssltie",
     .words = "the sound's beginning; the power in 257 mel bands in decibels, Hann windows of 512 "
	      "samples every 239, over the reflected ends",
     .cut = AVL_CUT_START,
     .gain = 1,
     .spectrogram = {.window_samples = 512,
		     .fft_size = 512,
		     .hop_samples = 239,
		     .window = AVL_WINDOW_HANN,
		     .edge = AVL_EDGE_REFLECT,
		     .spectrum = AVL_SPECTRUM_POWER,
		     .mel_bands = 257,
		     .mel_slope = AVL_MEL_LINEAR_IN_HZ,
		     .logarithm = AVL_LOG_DB,
		     .log_floor = 1e-10 * HANN_ENERGY,
		     .mean = HANN_ENERGY_DB,
		     .order = AVL_BANDS_TIME}},
};

#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

const struct avl_sound_kind *avl_sound_kind_find(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const struct avl_sound_kind *avl_sound_kind_at(int i)
{
	return i >= 0 && i < KINDS ? &kinds[i] : NULL;
}

int avl_sound_kind_suits(const struct avl_sound_kind *kind, const struct avl_network *net,
			 struct avl_err *err)
{
	const int is_soundnet = net == &avl_net_soundnet;
	const int is_patched = kind->spectrogram.edge == AVL_EDGE_PATCHES && !kind->is_waveform;
	if (is_soundnet == kind->is_waveform && (net != &avl_net_yamnet || is_patched))
		return 0;
	return avl_fail(err, AVL_ESHAPE, "front end '%s' does not suit the sound network '%s'",
			kind->name, net->name);
}
