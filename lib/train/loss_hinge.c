/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"

static double length(const float *x, int d)
{
	double sum = 0;
	for (int i = 0; i < d; i++)
		sum += (double)x[i] * (double)x[i];
	return sqrt(sum);
}

/* 1 / length, and 0 for nothing. */
static double inverse(double x)
{
	return x == 0 ? 0 : 1 / x;
}

/* A picture and a sound, by their lengths and the cosine between them. */
struct pair {
	const float *f, *g;
	double f_inverse, g_inverse, cosine, distance;
};

static struct pair compare(const struct avl_loss_batch *b, int picture, int sound)
{
	struct pair pair = {
	    .f = b->picture + (size_t)picture * (size_t)b->d,
	    .g = b->sound + (size_t)sound * (size_t)b->d,
	};
	pair.f_inverse = inverse(length(pair.f, b->d));
	pair.g_inverse = inverse(length(pair.g, b->d));
	double dot = 0, sum = 0;
	for (int i = 0; i < b->d; i++) {
		const double x = (double)pair.f[i] * pair.f_inverse;
		const double y = (double)pair.g[i] * pair.g_inverse;
		dot += x * y;
		sum += (x - y) * (x - y);
	}
	pair.cosine = dot;
	pair.distance = sqrt(sum);
	return pair;
}

/* d = sqrt(2 - 2 cos), so its gradient is -grad cos / d. */
static void add_slope(const struct avl_loss_batch *b, int picture, int sound,
		      const struct pair *pair, double slope)
{
	if (pair->distance == 0)
		return;
	const double factor = -slope / pair->distance;
	float *const df = b->grad_picture + (size_t)picture * (size_t)b->d;
	float *const dg = b->grad_sound ? b->grad_sound + (size_t)sound * (size_t)b->d : NULL;
	for (int i = 0; i < b->d; i++) {
		const double x = (double)pair->f[i] * pair->f_inverse;
		const double y = (double)pair->g[i] * pair->g_inverse;
		df[i] += (float)(factor * (y - pair->cosine * x) * pair->f_inverse);
		if (dg)
			dg[i] += (float)(factor * (x - pair->cosine * y) * pair->g_inverse);
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
		const struct pair near = compare(b, n, n), far = compare(b, n, other);
		const double wrong = near.distance - far.distance + b->margin;
		value[n] = wrong < 0 ? 0 : wrong;
		if (wrong <= 0)
			continue;
		add_slope(b, n, n, &near, b->scale);
		add_slope(b, n, other, &far, -b->scale);
	}
}

const struct avl_loss avl_loss_hinge = {
    .name = "hinge", .kind = AVL_LOSS_EMBED, .margin = 0.5, .tau = NAN, .run = run};
