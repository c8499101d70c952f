/* SPDX-License-Identifier: MIT */
#ifndef AVL_SIGNAL_SPECTROGRAM_H
#define AVL_SIGNAL_SPECTROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/par.h"
#include "signal/mel.h"

/* The short-time spectrum of a sound, as the sound networks want it: frames are cut out, perhaps
 * freed of their mean, windowed and transformed; bins become magnitudes, powers or densities, then
 * perhaps mel bands, then perhaps logarithms; (value - mean) / std ends it. */

/* All periodic (N samples of a window of N + 1) but the symmetric ones. */
enum avl_window {
	AVL_WINDOW_HANN,
	AVL_WINDOW_HANN_SYMMETRIC,
	AVL_WINDOW_TUKEY, /* a quarter of it tapered: scipy's ("tukey", 0.25) */
	AVL_WINDOW_TUKEY_SYMMETRIC,
	AVL_WINDOW_RECTANGLE,
};

enum avl_spectrum {
	AVL_SPECTRUM_MAGNITUDE, /* |X| */
	AVL_SPECTRUM_POWER,     /* |X|^2 */
	/* |X|^2 / (rate_hz * sum of window^2), doubled but for the first and the last bin:
	 * scipy.signal.spectrogram's one-sided power density */
	AVL_SPECTRUM_DENSITY,
};

enum avl_logarithm {
	AVL_LOG_NONE,
	AVL_LOG_OFFSET, /* ln(x + log_floor) */
	AVL_LOG_DB,     /* 10 log10(max(x, log_floor)) */
};

enum avl_sound_edge {
	AVL_EDGE_INSIDE,  /* frames lie inside the sound; what is left at its end is dropped */
	AVL_EDGE_REFLECT, /* frames are centred on 0, hop, 2 hop ...; the sound is mirrored at its
			   * ends, the end samples not repeated (torch.stft, center=True) */
	AVL_EDGE_PATCHES, /* zeros behind, so that the frames make whole patches */
};

enum avl_spectrogram_order {
	AVL_TIME_BANDS, /* (frames, bands) */
	AVL_BANDS_TIME, /* (bands, frames) */
};

struct avl_spectrogram_params {
	int rate_hz;
	int window_samples;
	int fft_size; /* even, >= window_samples; zeros stand behind the window */
	int hop_samples;
	enum avl_window window;
	bool detrend; /* each frame's mean is taken off before the window */
	enum avl_sound_edge edge;
	enum avl_spectrum spectrum;
	int mel_bands; /* 0: the fft_size / 2 + 1 bins themselves */
	double mel_low_hz, mel_high_hz;
	enum avl_mel_slope mel_slope;
	enum avl_logarithm logarithm;
	double log_floor;
	double mean, std; /* std 0 stands for 1 */
	enum avl_spectrogram_order order;
	/* Of AVL_EDGE_PATCHES, with AVL_TIME_BANDS: patch p is the frames from p *
	 * patch_hop_frames on, which lie together in the output. */
	int patch_frames, patch_hop_frames;
};

/* Tables and scratch memory for one set of parameters. Running allocates nothing, and writes
 * into the plan: one thread at a time. */
struct avl_spectrogram;

/* AVL_EUSAGE where the parameters contradict each other. */
int avl_spectrogram_new(struct avl_spectrogram **plan, const struct avl_spectrogram_params *params,
			struct avl_err *err);
void avl_spectrogram_free(struct avl_spectrogram *plan); /* NULL is allowed */

/* From now on the threads of PAR, borrowed, share the frames of a run; NULL: the caller does it
 * alone. The numbers are the same. */
int avl_spectrogram_share(struct avl_spectrogram *plan, struct avl_par *par, struct avl_err *err);

/* Mel bands, or bins where there are none. */
int avl_spectrogram_bands(const struct avl_spectrogram *plan);

/* Frames of a sound of N samples: at least one, zeros standing for what a short sound lacks. */
size_t avl_spectrogram_frames(const struct avl_spectrogram *plan, size_t n);

/* Patches among those frames; 1 where the parameters name none. */
size_t avl_spectrogram_patches(const struct avl_spectrogram *plan, size_t n);

/* OUT: frames x bands floats, in the order of the parameters. */
void avl_spectrogram_run(struct avl_spectrogram *plan, const float *samples, size_t n, float *out);

#endif
