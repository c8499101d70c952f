/* SPDX-License-Identifier: MIT */

/* How fast spectrograms are, for each front end that makes one and at every level of this CPU: the
 * milliseconds, smallest and median, that ten seconds of sound at 16 kHz take. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "kern/kern.h"
#include "net/front_end.h"

#define RATE_HZ 16000
#define SAMPLES (10 * RATE_HZ)
#define RUNS    31

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int bench_kind(const struct avl_sound_kind *kind, const float *samples, struct avl_par *par)
{
	struct avl_spectrogram_params params = kind->spectrogram;
	struct avl_spectrogram *plan;
	struct avl_err err = {0};
	double took[RUNS];
	params.rate_hz = RATE_HZ;
	if (params.mel_bands && params.mel_high_hz == 0)
		params.mel_high_hz = RATE_HZ / 2;
	if (avl_spectrogram_new(&plan, &params, &err) || avl_spectrogram_share(plan, par, &err)) {
		fprintf(stderr, "bench_sound: %s\n", err.text);
		return 1;
	}
	const size_t frames = avl_spectrogram_frames(plan, SAMPLES);
	const size_t bands = (size_t)avl_spectrogram_bands(plan);
	float *const out = malloc(frames * bands * sizeof *out);
	for (int i = 0; out && i < RUNS; i++) {
		const double before = now_ms();
		avl_spectrogram_run(plan, samples, SAMPLES, out);
		took[i] = now_ms() - before;
	}
	if (out) {
		qsort(took, RUNS, sizeof *took, by_size);
		printf("%-10s %-10s %4zu x %-4zu %8.3f %8.3f ms, threads: %d\n", avl_kern()->level,
		       kind->name, bands, frames, took[0], took[RUNS / 2], avl_par_threads(par));
	}
	free(out);
	avl_spectrogram_free(plan);
	return !out;
}

static int bench_kinds(const float *samples, int threads)
{
	struct avl_par *par;
	struct avl_err err = {0};
	int failed = 0;
	if (avl_par_new(&par, threads, &err)) {
		fprintf(stderr, "bench_sound: %s\n", err.text);
		return 1;
	}
	for (int i = 0; avl_sound_kind_at(i); i++)
		if (!avl_sound_kind_at(i)->is_waveform)
			failed |= bench_kind(avl_sound_kind_at(i), samples, par);
	avl_par_free(par);
	return failed;
}

int main(void)
{
	struct avl_rng rng;
	int failed = 0;
	float *const samples = malloc(SAMPLES * sizeof *samples);
	if (!samples) {
		fputs("bench_sound: out of memory\n", stderr);
		return 1;
	}
	avl_rng_init(&rng, 1, 0);
	for (int i = 0; i < SAMPLES; i++)
		samples[i] = 0.2f * avl_rng_uniform(&rng) - 0.1f;
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		failed |= bench_kinds(samples, 1);
		if (avl_par_processors() > 1)
			failed |= bench_kinds(samples, avl_par_processors());
	}
	free(samples);
	return failed;
}
