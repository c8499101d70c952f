/* SPDX-License-Identifier: MIT */
#include "signal/mel.h"

#include <math.h>
#include <stdlib.h>

static double mel_of_hz(double hz)
{
	return 1127.0 * log1p(hz / 700.0);
}

static double hz_of_mel(double mel)
{
	return 700.0 * expm1(mel / 1127.0);
}

static double triangle(double at, double low, double centre, double high)
{
	const double up = (at - low) / (centre - low);
	const double down = (high - at) / (high - centre);

	return fmax(0.0, fmin(up, down));
}

/* The weights of the band that begins at edge BAND; returns how many there are. */
static int fill_band(struct avl_mel_band *band, float *weight, int number, int bins, double bin_hz,
		     double low_mel, double step_mel, enum avl_mel_slope slope)
{
	double edge[3];
	int count = 0;

	for (int i = 0; i < 3; i++) {
		edge[i] = low_mel + (number + i) * step_mel;
		if (slope == AVL_MEL_LINEAR_IN_HZ)
			edge[i] = hz_of_mel(edge[i]);
	}

	band->first = 0;
	for (int k = 0; k < bins; k++) {
		const double hz = k * bin_hz;
		const double at = slope == AVL_MEL_LINEAR_IN_HZ ? hz : mel_of_hz(hz);
		const double w = triangle(at, edge[0], edge[1], edge[2]);

		if (w <= 0.0)
			continue;
		if (count == 0)
			band->first = k;
		weight[count++] = (float)w;
	}
	band->count = count;
	band->weight = weight;
	return count;
}

int avl_mel_init(struct avl_mel *mel, int bands, int bins, double rate_hz, double low_hz,
		 double high_hz, enum avl_mel_slope slope, struct avl_err *err)
{
	const double low_mel = mel_of_hz(low_hz);
	const double step_mel = (mel_of_hz(high_hz) - low_mel) / (bands + 1);
	const double bin_hz = rate_hz / 2.0 / (bins - 1);
	float *weight;

	*mel = (struct avl_mel){.bands = bands};
	if (bands < 1 || bins < 2 || !(low_hz >= 0.0) || !(high_hz > low_hz) ||
	    !(high_hz <= rate_hz / 2.0))
		return avl_fail(err, AVL_EUSAGE, "%d mel bands from %g to %g Hz at %g Hz", bands,
				low_hz, high_hz, rate_hz);

	/* Triangles overlap by half: a bin lies in two at most. */
	mel->band = calloc((size_t)bands, sizeof(*mel->band));
	mel->weight = calloc(2 * (size_t)bins, sizeof(*mel->weight));
	if (!mel->band || !mel->weight) {
		avl_mel_release(mel);
		return avl_fail(err, AVL_ENOMEM, "no memory for a mel filter bank");
	}

	weight = mel->weight;
	for (int b = 0; b < bands; b++)
		weight +=
		    fill_band(&mel->band[b], weight, b, bins, bin_hz, low_mel, step_mel, slope);
	return 0;
}

void avl_mel_release(struct avl_mel *mel)
{
	free(mel->band);
	free(mel->weight);
	*mel = (struct avl_mel){0};
}

void avl_mel_apply(const struct avl_mel *mel, const float *spectrum, float *out)
{
	for (int b = 0; b < mel->bands; b++) {
		const struct avl_mel_band *band = &mel->band[b];
		double sum = 0.0;

		for (int i = 0; i < band->count; i++)
			sum += (double)band->weight[i] * (double)spectrum[band->first + i];
		out[b] = (float)sum;
	}
}
