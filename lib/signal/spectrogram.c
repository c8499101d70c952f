/* SPDX-License-Identifier: MIT */
#include "signal/spectrogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <kiss_fftr.h>

struct avl_spectrogram {
	struct avl_spectrogram_params params;
	int bins, bands;
	double gain; /* on the power of a bin; of the inner bins where it is a density */
	kiss_fftr_cfg fft;
	float *window;
	float *frame;      /* fft_size */
	kiss_fft_cpx *bin; /* bins */
	float *spectrum;   /* bins */
	float *row;        /* bands */
	struct avl_mel mel;
};

static const double pi = 3.14159265358979323846;

static double hann(double i, double period)
{
	return 0.5 - 0.5 * cos(2.0 * pi * i / period);
}

/* A Hann window whose middle is stretched over three quarters of the length. */
static double tukey(double i, double period)
{
	const double taper = 0.25 * period / 2.0;
	const double edge = fmin(i, period - i);

	return edge < taper ? hann(edge, 2.0 * taper) : 1.0;
}

static double window_at(enum avl_window window, int i, int n)
{
	switch (window) {
	case AVL_WINDOW_HANN:
		return hann(i, n);
	case AVL_WINDOW_HANN_SYMMETRIC:
		return n > 1 ? hann(i, n - 1) : 1.0;
	case AVL_WINDOW_TUKEY:
		return tukey(i, n);
	case AVL_WINDOW_TUKEY_SYMMETRIC:
		return n > 1 ? tukey(i, n - 1) : 1.0;
	case AVL_WINDOW_RECTANGLE:
		break;
	}
	return 1.0;
}

static int check_params(const struct avl_spectrogram_params *p, struct avl_err *err)
{
	if (p->rate_hz < 1 || p->window_samples < 1 || p->hop_samples < 1 ||
	    p->fft_size < p->window_samples || p->fft_size % 2 || p->fft_size > 1 << 20)
		return avl_fail(err, AVL_EUSAGE,
				"a spectrogram at %d Hz with window %d, transform %d, hop %d",
				p->rate_hz, p->window_samples, p->fft_size, p->hop_samples);
	if (p->edge == AVL_EDGE_PATCHES &&
	    (p->patch_frames < 1 || p->patch_hop_frames < 1 || p->order != AVL_TIME_BANDS))
		return avl_fail(err, AVL_EUSAGE, "patches of %d frames every %d", p->patch_frames,
				p->patch_hop_frames);
	return 0;
}

static void fill_window(struct avl_spectrogram *plan)
{
	const struct avl_spectrogram_params *p = &plan->params;
	double energy = 0.0;

	for (int i = 0; i < p->window_samples; i++) {
		const double w = window_at(p->window, i, p->window_samples);

		plan->window[i] = (float)w;
		energy += w * w;
	}
	plan->gain = p->spectrum == AVL_SPECTRUM_DENSITY ? 2.0 / (p->rate_hz * energy) : 1.0;
}

int avl_spectrogram_new(struct avl_spectrogram **out, const struct avl_spectrogram_params *params,
			struct avl_err *err)
{
	struct avl_spectrogram *plan;
	int code = check_params(params, err);

	*out = NULL;
	if (code)
		return code;
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		goto no_memory;
	plan->params = *params;
	if (plan->params.std == 0.0)
		plan->params.std = 1.0;
	plan->bins = params->fft_size / 2 + 1;
	plan->bands = params->mel_bands ? params->mel_bands : plan->bins;

	plan->fft = kiss_fftr_alloc(params->fft_size, 0, NULL, NULL);
	plan->window = calloc((size_t)params->window_samples, sizeof(float));
	plan->frame = calloc((size_t)params->fft_size, sizeof(float));
	plan->bin = calloc((size_t)plan->bins, sizeof(*plan->bin));
	plan->spectrum = calloc((size_t)plan->bins, sizeof(float));
	plan->row = calloc((size_t)plan->bands, sizeof(float));
	if (!plan->fft || !plan->window || !plan->frame || !plan->bin || !plan->spectrum ||
	    !plan->row)
		goto no_memory;

	if (params->mel_bands) {
		code =
		    avl_mel_init(&plan->mel, params->mel_bands, plan->bins, params->rate_hz,
				 params->mel_low_hz, params->mel_high_hz, params->mel_slope, err);
		if (code) {
			avl_spectrogram_free(plan);
			return code;
		}
	}
	fill_window(plan);
	*out = plan;
	return 0;

no_memory:
	avl_spectrogram_free(plan);
	return avl_fail(err, AVL_ENOMEM, "no memory for a spectrogram");
}

void avl_spectrogram_free(struct avl_spectrogram *plan)
{
	if (!plan)
		return;
	avl_mel_release(&plan->mel);
	kiss_fftr_free(plan->fft);
	free(plan->window);
	free(plan->frame);
	free(plan->bin);
	free(plan->spectrum);
	free(plan->row);
	free(plan);
}

int avl_spectrogram_bands(const struct avl_spectrogram *plan)
{
	return plan->bands;
}

size_t avl_spectrogram_patches(const struct avl_spectrogram *plan, size_t n)
{
	const struct avl_spectrogram_params *p = &plan->params;
	size_t first, step;

	if (p->edge != AVL_EDGE_PATCHES)
		return 1;
	first = (size_t)(p->patch_frames - 1) * (size_t)p->hop_samples + (size_t)p->window_samples;
	step = (size_t)p->patch_hop_frames * (size_t)p->hop_samples;
	return n <= first ? 1 : 1 + (n - first + step - 1) / step;
}

size_t avl_spectrogram_frames(const struct avl_spectrogram *plan, size_t n)
{
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t window = (size_t)p->window_samples;
	const size_t hop = (size_t)p->hop_samples;

	switch (p->edge) {
	case AVL_EDGE_REFLECT:
		return 1 + n / hop;
	case AVL_EDGE_PATCHES:
		return (avl_spectrogram_patches(plan, n) - 1) * (size_t)p->patch_hop_frames +
		       (size_t)p->patch_frames;
	case AVL_EDGE_INSIDE:
		break;
	}
	return n < window ? 1 : 1 + (n - window) / hop;
}

/* Sample I of a sound mirrored at its ends as often as needed. */
static float mirrored(const float *samples, size_t n, ptrdiff_t i)
{
	const ptrdiff_t period = 2 * ((ptrdiff_t)n - 1);

	if (n < 2)
		return n ? samples[0] : 0.0f;
	i = ((i % period) + period) % period;
	return samples[i < (ptrdiff_t)n ? i : period - i];
}

static void cut_frame(struct avl_spectrogram *plan, const float *samples, size_t n, size_t number)
{
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t window = (size_t)p->window_samples;
	const size_t start = number * (size_t)p->hop_samples;
	size_t there = 0;

	if (p->edge == AVL_EDGE_REFLECT) {
		for (size_t i = 0; i < window; i++)
			plan->frame[i] =
			    mirrored(samples, n, (ptrdiff_t)(start + i) - (ptrdiff_t)(window / 2));
		return;
	}
	if (start < n)
		there = n - start < window ? n - start : window;
	if (there)
		memcpy(plan->frame, samples + start, there * sizeof(float));
	memset(plan->frame + there, 0, (window - there) * sizeof(float));
}

static void weigh_frame(struct avl_spectrogram *plan)
{
	const int window = plan->params.window_samples;
	double mean = 0.0;

	if (plan->params.detrend) {
		for (int i = 0; i < window; i++)
			mean += (double)plan->frame[i];
		mean /= window;
	}
	for (int i = 0; i < window; i++)
		plan->frame[i] = (float)((double)plan->frame[i] - mean) * plan->window[i];
}

static void measure_bins(struct avl_spectrogram *plan)
{
	const enum avl_spectrum kind = plan->params.spectrum;

	for (int k = 0; k < plan->bins; k++) {
		const double re = (double)plan->bin[k].r, im = (double)plan->bin[k].i;
		double value = (re * re + im * im) * plan->gain;

		if (kind == AVL_SPECTRUM_MAGNITUDE)
			value = sqrt(value);
		else if (kind == AVL_SPECTRUM_DENSITY && (k == 0 || k == plan->bins - 1))
			value *= 0.5;
		plan->spectrum[k] = (float)value;
	}
}

static float finish(const struct avl_spectrogram_params *p, float value)
{
	double x = (double)value;

	if (p->logarithm == AVL_LOG_OFFSET)
		x = log(x + p->log_floor);
	else if (p->logarithm == AVL_LOG_DB)
		x = 10.0 * log10(fmax(x, p->log_floor));
	return (float)((x - p->mean) / p->std);
}

void avl_spectrogram_run(struct avl_spectrogram *plan, const float *samples, size_t n, float *out)
{
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t frames = avl_spectrogram_frames(plan, n);
	const size_t bands = (size_t)plan->bands;
	const size_t frame_step = p->order == AVL_TIME_BANDS ? bands : 1;
	const size_t band_step = p->order == AVL_TIME_BANDS ? 1 : frames;
	const float *row = p->mel_bands ? plan->row : plan->spectrum;

	for (size_t t = 0; t < frames; t++) {
		cut_frame(plan, samples, n, t);
		weigh_frame(plan);
		kiss_fftr(plan->fft, plan->frame, plan->bin);
		measure_bins(plan);
		if (p->mel_bands)
			avl_mel_apply(&plan->mel, plan->spectrum, plan->row);
		for (size_t b = 0; b < bands; b++)
			out[t * frame_step + b * band_step] = finish(p, row[b]);
	}
}
