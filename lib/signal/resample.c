/* SPDX-License-Identifier: MIT */
#include "signal/resample.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { ZEROS = 100, PHASES_MAX = 1024, LANES = 16, RATE_MIN = 1000, RATE_MAX = 1000000 };

static const double pi = 3.14159265358979323846;
static const double attenuation_db = 96.0;

/* Row p of the table holds the taps for an output that lies p / phases input samples behind input
 * sample i0; tap j belongs to input sample i0 - reach + 1 + j. */
struct avl_resampler {
	int up, down;
	int phases;        /* up, or fewer where rows are interpolated */
	bool interpolated; /* the table then has a row more */
	int reach;
	float *table; /* rows x 2 reach */
};

static int common_divisor(int a, int b)
{
	while (b) {
		const int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The modified Bessel function of order 0, by its series. */
static double bessel_i0(double x)
{
	const double q = x * x / 4.0;
	double term = 1.0, sum = 1.0;

	for (int k = 1; term > 1e-17 * sum; k++) {
		term *= q / ((double)k * k);
		sum += term;
	}
	return sum;
}

/* up h at DISTANCE input samples, for a filter STRETCH = m / up input samples to a zero. */
static double tap(double distance, double stretch, double cutoff, double beta, double i0_beta)
{
	const double u = distance / stretch;
	const double at = u / ZEROS;
	const double x = pi * cutoff * u;
	const double sinc = x == 0.0 ? 1.0 : sin(x) / x;

	if (fabs(at) > 1.0)
		return 0.0;
	return cutoff / stretch * sinc * bessel_i0(beta * sqrt(1.0 - at * at)) / i0_beta;
}

static void fill_table(struct avl_resampler *r, double stretch)
{
	/* Kaiser's rule: the width of the slope, as a share of the smaller Nyquist frequency. */
	const double slope = (attenuation_db - 7.95) / (2.285 * pi * 2 * ZEROS);
	const double beta = 0.1102 * (attenuation_db - 8.7);
	const double i0_beta = bessel_i0(beta);
	const int rows = r->phases + r->interpolated, columns = 2 * r->reach;

	for (int p = 0; p < rows; p++) {
		float *row = r->table + (size_t)p * (size_t)columns;

		for (int j = 0; j < columns; j++) {
			const double distance = (double)p / r->phases + (r->reach - 1 - j);

			row[j] = (float)tap(distance, stretch, 1.0 - slope / 2.0, beta, i0_beta);
		}
	}
}

int avl_resampler_new(struct avl_resampler **resampler, int from_hz, int to_hz, struct avl_err *err)
{
	struct avl_resampler *r;
	double stretch;
	int divisor, most;

	*resampler = NULL;
	if (from_hz < RATE_MIN || to_hz < RATE_MIN || from_hz > RATE_MAX || to_hz > RATE_MAX)
		return avl_fail(err, AVL_EUSAGE,
				"resampling from %d to %d Hz: rates go from %d to %d", from_hz,
				to_hz, RATE_MIN, RATE_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return avl_fail(err, AVL_ENOMEM, "no memory for a resampler");

	divisor = common_divisor(from_hz, to_hz);
	r->up = to_hz / divisor;
	r->down = from_hz / divisor;
	stretch = r->down > r->up ? (double)r->down / r->up : 1.0;
	most = (int)ceil(PHASES_MAX / stretch);
	r->interpolated = r->up > most;
	r->phases = r->interpolated ? most : r->up;
	r->reach = (int)ceil(ZEROS * stretch) + 1;

	r->table =
	    avl_alloc((size_t)(r->phases + r->interpolated) * 2 * (size_t)r->reach, sizeof(float));
	if (!r->table) {
		free(r);
		return avl_fail(err, AVL_ENOMEM, "no memory for a filter from %d to %d Hz", from_hz,
				to_hz);
	}
	fill_table(r, stretch);
	*resampler = r;
	return 0;
}

void avl_resampler_free(struct avl_resampler *resampler)
{
	if (!resampler)
		return;
	free(resampler->table);
	free(resampler);
}

size_t avl_resampler_length(const struct avl_resampler *resampler, size_t n)
{
	const uint64_t scaled = (uint64_t)n * (uint64_t)resampler->up;

	assert((uint64_t)n < (uint64_t)1 << 40);
	return (size_t)((scaled + (uint64_t)resampler->down - 1) / (uint64_t)resampler->down);
}

/* Lanes fix the order of the additions, so that they can be vectorised without changing. */
static float dot(const float *restrict a, const float *restrict b, size_t n)
{
	float lane[LANES] = {0};
	float sum = 0.0f;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			lane[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		lane[i % LANES] += a[i] * b[i];
	for (size_t l = 0; l < LANES; l++)
		sum += lane[l];
	return sum;
}

void avl_resampler_run(const struct avl_resampler *resampler, const float *samples, size_t n,
		       float *out)
{
	const struct avl_resampler *r = resampler;
	const size_t length = avl_resampler_length(r, n);
	const int64_t columns = 2 * (int64_t)r->reach;

	if (r->up == r->down) {
		memcpy(out, samples, n * sizeof(float));
		return;
	}
	for (size_t j = 0; j < length; j++) {
		const uint64_t at = (uint64_t)j * (uint64_t)r->down;
		const int64_t start = (int64_t)(at / (uint64_t)r->up) - r->reach + 1;
		const uint64_t rest = at % (uint64_t)r->up;
		const int64_t first = start < 0 ? -start : 0;
		const int64_t last = start + columns > (int64_t)n ? (int64_t)n - start : columns;
		const double phase = (double)rest * r->phases / r->up;
		const size_t row = (size_t)phase;
		const float *taps = r->table + row * (size_t)columns + first;
		float value;

		assert(last > first);
		value = dot(samples + start + first, taps, (size_t)(last - first));
		if (r->interpolated) {
			const float next =
			    dot(samples + start + first, taps + columns, (size_t)(last - first));

			value += (float)(phase - (double)row) * (next - value);
		}
		out[j] = value;
	}
}
