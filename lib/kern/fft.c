/* SPDX-License-Identifier: MIT */
#include "kern/fft.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

int avl_fft_fits(int n)
{
	return n >= 8 && (n & (n - 1)) == 0;
}

/* exp(-2 pi i K / N). */
static void root_of_unity(double *to, int k, int n)
{
	to[0] = cos(2.0 * pi * k / n);
	to[1] = -sin(2.0 * pi * k / n);
}

/* Where output K of a transform of LENGTH stands: the first quarter holds the outputs that four
 * divides, the next those one more, and so on, each in the same way. */
static int place_of(int k, int length)
{
	int place = 0;
	for (; length > 2; length /= 4, k /= 4)
		place += k % 4 * (length / 4);
	return length == 2 ? place + k : place;
}

int avl_fft_init(struct avl_fft *fft, int n, struct avl_err *err)
{
	*fft = (struct avl_fft){.n = n};
	if (!avl_fft_fits(n))
		return avl_fail(err, AVL_EUSAGE, "a fourier transform of %d samples", n);
	const int m = n / 2;
	/* a step of length l takes l / 4 times three: fewer than m in all */
	fft->step = calloc((size_t)m * 2, sizeof *fft->step);
	fft->part = calloc((size_t)m + 2, sizeof *fft->part);
	fft->place = calloc((size_t)m, sizeof *fft->place);
	if (!fft->step || !fft->part || !fft->place) {
		avl_fft_release(fft);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	double *at = fft->step;
	for (int length = m; length > 4; length /= 4)
		for (int j = 0; j < length / 4; j++)
			for (int k = 1; k <= 3; k++, at += 2)
				root_of_unity(at, j * k, length);
	for (int k = 0; k <= m / 2; k++)
		root_of_unity(fft->part + 2 * k, k, n);
	for (int k = 0; k < m; k++)
		fft->place[k] = place_of(k, m);
	return 0;
}

void avl_fft_release(struct avl_fft *fft)
{
	free(fft->step);
	free(fft->part);
	free(fft->place);
	*fft = (struct avl_fft){0};
}
