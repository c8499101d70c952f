/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_SIGNAL_SOUNDS_H
#define AVL_TESTS_SIGNAL_SOUNDS_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* The sounds of scripts/golden-signal.py, formed again; for free(3). */

static const double two_pi = 6.28318530717958647692;

static inline double sound_tones(double n)
{
	return 0.4 * sin(two_pi * 440 * n / 16000) + 0.2 * sin(two_pi * (100 + n / 20) * n / 16000);
}

static inline float *sound_a(void)
{
	float *out = malloc(31200 * sizeof(*out));

	for (int n = 0; out && n < 31200; n++)
		out[n] = (float)sound_tones(n);
	return out;
}

static inline float *sound_b(int count)
{
	float *out = malloc((size_t)count * sizeof(*out));

	for (int i = 0; out && i < count; i++) {
		const double n = i;
		const double hiss = 0.02 * (fmod(7 * n * n + 131 * n, 1009) / 1009 - 0.5);

		out[i] = (float)(0.05 + hiss + sound_tones(n));
	}
	return out;
}

static inline float *sound_c(int count, double rate_hz)
{
	float *out = malloc((size_t)count * sizeof(*out));

	for (int n = 0; out && n < count; n++)
		out[n] =
		    (float)(0.5 * sin(two_pi * 210 / rate_hz * n) +
			    0.3 * sin(two_pi * 3000 / rate_hz * n) + 0.2 * sin(two_pi * 0.41 * n));
	return out;
}

#endif
