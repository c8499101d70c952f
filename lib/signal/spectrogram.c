/* SPDX-License-Identifier: MIT */
#include "signal/spectrogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <kiss_fftr.h>

#include "base/arena.h"
#include "kern/kern.h"

/* Frames go through the kernels sixteen at a time, side by side. */
#define FRAMES AVL_BLOCK

struct avl_spectrogram {
	struct avl_spectrogram_params params;
	int bins, bands;
	double gain; /* on the power of a bin; of the inner bins where it is a density */
	struct avl_fft fft;
	kiss_fftr_cfg kiss; /* for the sizes that fft does not do, NULL for the others */
	double *window;
	struct avl_mel mel;
	struct avl_par *par;
	float *work; /* of each thread */
	size_t work_floats;
};

/* A thread's working memory. */
struct work {
	float *sound;    /* [window_samples][FRAMES] */
	double *x;       /* [fft_size][FRAMES] */
	float *spectrum; /* [bins][FRAMES] */
	float *row;      /* [bands][FRAMES]: the spectrum itself where there are no mel bands */
	float *cut;      /* [FRAMES][window_samples] */
	float *frame;    /* [fft_size], for kiss */
	kiss_fft_cpx *bin;
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

		plan->window[i] = w;
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

	plan->window = calloc((size_t)params->window_samples, sizeof(*plan->window));
	if (!plan->window)
		goto no_memory;
	if (avl_fft_fits(params->fft_size)) {
		if (avl_fft_init(&plan->fft, params->fft_size, err))
			goto no_memory;
	} else {
		plan->kiss = kiss_fftr_alloc(params->fft_size, 0, NULL, NULL);
		if (!plan->kiss)
			goto no_memory;
	}
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
	code = avl_spectrogram_share(plan, NULL, err);
	if (code) {
		avl_spectrogram_free(plan);
		return code;
	}
	*out = plan;
	return 0;

no_memory:
	avl_spectrogram_free(plan);
	return avl_fail(err, AVL_ENOMEM, "no memory for a spectrogram");
}

static size_t rounded(size_t floats)
{
	return (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK;
}

/* Lays WORK out in MEMORY, NULL where only the size is wanted, which is returned. */
static size_t lay_out(const struct avl_spectrogram *plan, float *memory, struct work *work)
{
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t size = (size_t)p->fft_size, bins = (size_t)plan->bins;
	const size_t mel = p->mel_bands ? (size_t)plan->bands : 0;
	const size_t window = (size_t)p->window_samples;
	const size_t floats[] = {
	    window * FRAMES,
	    size * FRAMES * (sizeof(double) / sizeof(float)),
	    bins * FRAMES,
	    mel * FRAMES,
	    window * FRAMES,
	    plan->kiss ? rounded(size) : 0,
	    plan->kiss ? rounded(2 * bins) : 0,
	};
	size_t at[8] = {0};

	for (int i = 0; i < 7; i++)
		at[i + 1] = at[i] + floats[i];
	if (memory)
		*work = (struct work){
		    .sound = memory,
		    .x = (double *)(void *)(memory + at[1]),
		    .spectrum = memory + at[2],
		    .row = memory + at[mel ? 3 : 2],
		    .cut = memory + at[4],
		    .frame = memory + at[5],
		    .bin = (kiss_fft_cpx *)(void *)(memory + at[6]),
		};
	return at[7];
}

int avl_spectrogram_share(struct avl_spectrogram *plan, struct avl_par *par, struct avl_err *err)
{
	const size_t threads = (size_t)avl_par_threads(par);
	const size_t floats = lay_out(plan, NULL, NULL);
	float *work = avl_alloc(threads * floats, sizeof(float));

	if (!work)
		return avl_fail(err, AVL_ENOMEM, "no memory for a spectrogram");
	free(plan->work);
	plan->work = work;
	plan->work_floats = floats;
	plan->par = par;
	return 0;
}

void avl_spectrogram_free(struct avl_spectrogram *plan)
{
	if (!plan)
		return;
	avl_mel_release(&plan->mel);
	avl_fft_release(&plan->fft);
	kiss_fftr_free(plan->kiss);
	free(plan->window);
	free(plan->work);
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

/* The samples of frame NUMBER: in the sound itself where they all are, else made up in CUT. */
static const float *cut_frame(const struct avl_spectrogram *plan, const float *samples, size_t n,
			      size_t number, float *cut)
{
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t window = (size_t)p->window_samples, start = number * (size_t)p->hop_samples;
	const size_t before = p->edge == AVL_EDGE_REFLECT ? window / 2 : 0;
	size_t there = 0;

	if (start >= before && start - before + window <= n)
		return samples + (start - before);
	if (p->edge == AVL_EDGE_REFLECT) {
		for (size_t i = 0; i < window; i++)
			cut[i] = mirrored(samples, n, (ptrdiff_t)(start + i) - (ptrdiff_t)before);
		return cut;
	}
	if (start < n)
		there = n - start;
	if (there)
		memcpy(cut, samples + start, there * sizeof(float));
	memset(cut + there, 0, (window - there) * sizeof(float));
	return cut;
}

/* The powers by kiss, a frame at a time. */
static void kiss_powers(const struct avl_spectrogram *plan, const struct work *work)
{
	for (int f = 0; f < FRAMES; f++) {
		for (int i = 0; i < plan->params.fft_size; i++)
			work->frame[i] = (float)work->x[(ptrdiff_t)i * FRAMES + f];
		kiss_fftr(plan->kiss, work->frame, work->bin);
		for (int k = 0; k < plan->bins; k++) {
			const double re = (double)work->bin[k].r, im = (double)work->bin[k].i;

			work->spectrum[(ptrdiff_t)k * FRAMES + f] =
			    (float)((re * re + im * im) * plan->gain);
		}
	}
}

static void measure_bins(const struct avl_spectrogram *plan, const struct work *work)
{
	const enum avl_spectrum kind = plan->params.spectrum;

	if (plan->kiss)
		kiss_powers(plan, work);
	else
		avl_kern()->power(&(struct avl_power_job){
		    .fft = &plan->fft, .x = work->x, .y = work->spectrum, .gain = plan->gain});
	if (kind == AVL_SPECTRUM_MAGNITUDE)
		avl_kern()->root(work->spectrum, (size_t)plan->bins * FRAMES);
	for (int f = 0; kind == AVL_SPECTRUM_DENSITY && f < FRAMES; f++) {
		work->spectrum[f] *= 0.5f;
		work->spectrum[(ptrdiff_t)(plan->bins - 1) * FRAMES + f] *= 0.5f;
	}
}

/* (x - mean) / std, of the logarithm where one is wanted. */
static void finish(const struct avl_spectrogram *plan, float *x)
{
	static const double ln_10 = 2.302585092994045684;
	const struct avl_spectrogram_params *p = &plan->params;
	const size_t count = (size_t)plan->bands * FRAMES;
	const float shift = (float)(-p->mean / p->std), floor = (float)p->log_floor;

	if (p->logarithm == AVL_LOG_OFFSET)
		avl_kern()->log(x, count, floor, -INFINITY, (float)(1.0 / p->std), shift);
	else if (p->logarithm == AVL_LOG_DB)
		avl_kern()->log(x, count, 0.0f, floor, (float)(10.0 / ln_10 / p->std), shift);
	else
		for (size_t i = 0; i < count; i++)
			x[i] = (float)(((double)x[i] - p->mean) / p->std);
}

struct job {
	const struct avl_spectrogram *plan;
	const float *samples;
	size_t n, frames;
	float *out;
};

/* COUNT columns of FRAMES side by side go to their frames, from FIRST on. */
static void hand_out(const struct job *job, const float *row, size_t first, size_t count)
{
	const size_t bands = (size_t)job->plan->bands;

	for (size_t b = 0; b < bands; b++, row += FRAMES)
		if (job->plan->params.order == AVL_BANDS_TIME)
			memcpy(job->out + b * job->frames + first, row, count * sizeof(*row));
		else
			for (size_t f = 0; f < count; f++)
				job->out[(first + f) * bands + b] = row[f];
}

/* Item: FRAMES frames. */
static void run_item(void *argument, int item, int thread)
{
	const struct job *job = argument;
	const struct avl_spectrogram *plan = job->plan;
	const int window = plan->params.window_samples;
	const size_t first = (size_t)item * FRAMES, left = job->frames - first;
	const size_t count = left < FRAMES ? left : FRAMES;
	const float *frame[FRAMES];
	struct work work;

	lay_out(plan, plan->work + (size_t)thread * plan->work_floats, &work);
	for (size_t f = 0; f < FRAMES; f++)
		frame[f] = f < count ? cut_frame(plan, job->samples, job->n, first + f,
						 work.cut + f * (size_t)window)
				     : frame[0];
	avl_kern()->interleave(work.sound, frame, window);
	avl_kern()->taper(work.x, work.sound, plan->window, plan->params.detrend, window);
	memset(work.x + (ptrdiff_t)window * FRAMES, 0,
	       (size_t)(plan->params.fft_size - window) * FRAMES * sizeof(*work.x));
	measure_bins(plan, &work);
	for (int b = 0; b < plan->params.mel_bands; b++) {
		const struct avl_mel_band *band = &plan->mel.band[b];

		avl_kern()->weigh(work.row + (ptrdiff_t)b * FRAMES,
				  work.spectrum + (ptrdiff_t)band->first * FRAMES, band->weight,
				  band->count);
	}
	finish(plan, work.row);
	hand_out(job, work.row, first, count);
}

void avl_spectrogram_run(struct avl_spectrogram *plan, const float *samples, size_t n, float *out)
{
	const size_t frames = avl_spectrogram_frames(plan, n);
	struct job job = {plan, samples, n, frames, out};

	avl_par_for(plan->par, (int)((frames + FRAMES - 1) / FRAMES), run_item, &job);
}
