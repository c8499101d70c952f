/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"

/* The official code's distance adds this to every difference (PyTorch's pairwise_distance). */
#define OFFSET 1e-6

static double distance(const float *a, const float *b, int d)
{
	double sum = 0;
	for (int i = 0; i < d; i++) {
		const double off = (double)a[i] - (double)b[i] + OFFSET;
		sum += off * off;
	}
	return sqrt(sum);
}

/* Adds SLOPE times the gradient of the distance between PICTURE and SOUND. */
static void add_slope(const struct avl_loss_batch *b, int picture, int sound, double slope,
		      double length)
{
	const size_t p = (size_t)picture * (size_t)b->d, s = (size_t)sound * (size_t)b->d;
	if (length == 0)
		return;
	for (int i = 0; i < b->d; i++) {
		const double off =
		    (double)b->picture[p + (size_t)i] - (double)b->sound[s + (size_t)i] + OFFSET;
		b->grad_picture[p + (size_t)i] += (float)(slope * off / length);
		if (b->grad_sound)
			b->grad_sound[s + (size_t)i] -= (float)(slope * off / length);
	}
}

static void run(const struct avl_loss_batch *b, double *value)
{
	const size_t bytes = (size_t)b->n * (size_t)b->d * sizeof(float);
	memset(b->grad_picture, 0, bytes);
	if (b->grad_sound)
		memset(b->grad_sound, 0, bytes);
	for (int n = 0; n < b->n; n++) {
		const int other = b->negative[n];
		const float *const f = b->picture + (size_t)n * (size_t)b->d;
		const double near = distance(f, b->sound + (size_t)n * (size_t)b->d, b->d);
		const double far = distance(f, b->sound + (size_t)other * (size_t)b->d, b->d);
		const double p = 1 / (1 + exp(far - near));
		/* mean over the two of (p - (0, 1))^2: both are p^2 */
		value[n] = p * p;
		const double slope = b->scale * 2 * p * p * (1 - p);
		add_slope(b, n, n, slope, near);
		add_slope(b, n, other, -slope, far);
	}
}

const struct avl_loss avl_loss_triplet = {
    .name = "triplet", .kind = AVL_LOSS_EMBED, .margin = NAN, .tau = NAN, .run = run};
