/* SPDX-License-Identifier: MIT */
#include "image/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define FIXED_ONE (1 << 22)
#define TAPS_MAX  (1 << 20) /* a sum of a full side at any scale */
#define PI        3.14159265358979323846

static double box(double x)
{
	return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

/* Keys 1981, equation 8 in terms of a. The order of operations is Pillow's: the rounded weights
 * have to be the same. */
static double cubic(double x, double a)
{
	x = fabs(x);
	if (x < 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	if (x < 2)
		return (((x - 5) * x + 8) * x - 4) * a;
	return 0;
}

static double cubic_soft(double x)
{
	return cubic(x, -0.5);
}

static double cubic_sharp(double x)
{
	return cubic(x, -0.75);
}

static double sinc(double x)
{
	x *= PI;
	return x == 0 ? 1 : sin(x) / x;
}

static double lanczos(double x)
{
	return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct kernel {
	const char *name;
	double (*at)(double x);
	double half_width;
	int is_point;
} kernels[AVL_FILTERS] = {
    [AVL_FILTER_BOX] = {"box", box, 0.5, 0},
    [AVL_FILTER_BILINEAR] = {"bilinear", triangle, 1, 0},
    [AVL_FILTER_BICUBIC] = {"bicubic", cubic_soft, 2, 0},
    [AVL_FILTER_LANCZOS] = {"lanczos", lanczos, 3, 0},
    [AVL_FILTER_LINEAR_POINT] = {"linear-point", triangle, 1, 1},
    [AVL_FILTER_CUBIC_POINT] = {"cubic-point", cubic_sharp, 2, 1},
};

int avl_filter_parse(const char *name, enum avl_filter *filter, struct avl_err *err)
{
	for (int i = 0; i < AVL_FILTERS; i++) {
		if (strcmp(name, kernels[i].name) == 0) {
			*filter = (enum avl_filter)i;
			return 0;
		}
	}
	return avl_fail(err, AVL_EUSAGE, "no resampling filter is called '%s'", name);
}

const char *avl_filter_name(enum avl_filter filter)
{
	return kernels[filter].name;
}

/* Weights beyond the edge are dropped and the rest brought back to a sum of 1. */
static int weigh_area(const struct kernel *kernel, double centre, double stretch, int size,
		      double *weight, int *first)
{
	const double reach = kernel->half_width * stretch;
	const double shrink = 1 / stretch;
	int begin = (int)(centre - reach + 0.5);
	int end = (int)(centre + reach + 0.5);
	double sum = 0;
	begin = begin < 0 ? 0 : begin;
	end = end > size ? size : end;
	for (int i = begin; i < end; i++) {
		weight[i - begin] = kernel->at((i - centre + 0.5) * shrink);
		sum += weight[i - begin];
	}
	for (int i = begin; i < end && sum != 0; i++)
		weight[i - begin] /= sum;
	*first = begin;
	return end - begin;
}

/* Weights beyond the edge go to the sample at the edge. */
static int weigh_point(const struct kernel *kernel, double centre, int size, double *weight,
		       int *first)
{
	const int width = (int)kernel->half_width;
	const int nearest = (int)floor(centre - 0.5);
	int begin = nearest - width + 1;
	int end = nearest + width + 1;
	begin = begin < 0 ? 0 : begin > size - 1 ? size - 1 : begin;
	end = end > size ? size : end < begin + 1 ? begin + 1 : end;
	memset(weight, 0, (size_t)(end - begin) * sizeof(*weight));
	for (int i = nearest - width + 1; i <= nearest + width; i++) {
		const int at = i < begin ? begin : i >= end ? end - 1 : i;
		weight[at - begin] += kernel->at(i - centre + 0.5);
	}
	*first = begin;
	return end - begin;
}

static void fix(const double *weight, int32_t *fixed, int n)
{
	for (int i = 0; i < n; i++)
		fixed[i] = (int32_t)(weight[i] * FIXED_ONE + (weight[i] < 0 ? -0.5 : 0.5));
}

int avl_filter_axis_init(struct avl_filter_axis *axis, enum avl_filter filter, int size, float from,
			 float to, int length, int skip, int outputs, struct avl_err *err)
{
	const struct kernel *const kernel = &kernels[filter];
	const double scale = (double)(to - from) / length;
	const double stretch = scale < 1 || kernel->is_point ? 1 : scale;
	const double taps = 2 * ceil(kernel->half_width * stretch) + 1;
	if (taps > TAPS_MAX)
		return avl_fail(err, AVL_ELIMIT, "resizing by 1/%.0f is too much", scale);
	*axis = (struct avl_filter_axis){.outputs = outputs, .taps = (int)taps};
	axis->first = avl_alloc((size_t)outputs, sizeof(*axis->first));
	axis->count = avl_alloc((size_t)outputs, sizeof(*axis->count));
	axis->weight = avl_alloc((size_t)outputs * (size_t)axis->taps, sizeof(*axis->weight));
	axis->fixed = avl_alloc((size_t)outputs * (size_t)axis->taps, sizeof(*axis->fixed));
	if (!axis->first || !axis->count || !axis->weight || !axis->fixed) {
		avl_filter_axis_release(axis);
		return avl_fail(err, AVL_ENOMEM, "out of memory for resampling weights");
	}
	for (int i = 0; i < outputs; i++) {
		const size_t row = (size_t)i * (size_t)axis->taps;
		const double centre = from + (skip + i + 0.5) * scale;
		axis->count[i] = kernel->is_point ? weigh_point(kernel, centre, size,
								axis->weight + row, axis->first + i)
						  : weigh_area(kernel, centre, stretch, size,
							       axis->weight + row, axis->first + i);
		fix(axis->weight + row, axis->fixed + row, axis->count[i]);
	}
	return 0;
}

void avl_filter_axis_release(struct avl_filter_axis *axis)
{
	free(axis->first);
	free(axis->count);
	free(axis->weight);
	free(axis->fixed);
	*axis = (struct avl_filter_axis){0};
}
