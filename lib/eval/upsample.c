/* SPDX-License-Identifier: MIT */
#include "eval/upsample.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"

#define TAPS AVL_UPSAMPLE_TAPS
#define A    (-0.75f)

static int is_cubic(enum avl_upsample kind)
{
	return kind == AVL_UPSAMPLE_TORCH_CUBIC_CORNERS || kind == AVL_UPSAMPLE_TORCH_CUBIC ||
	       kind == AVL_UPSAMPLE_CV_CUBIC;
}

static int is_cv(enum avl_upsample kind)
{
	return kind == AVL_UPSAMPLE_CV_LINEAR || kind == AVL_UPSAMPLE_CV_CUBIC;
}

/* The cubic at a distance X of at most 1, and of 1 to 2: where torch's compiler fused a product
 * and a sum, so does this. */
static float torch_near(float x)
{
	return fmaf(A + 2, x, -(A + 3)) * x * x + 1;
}

static float torch_far(float x)
{
	return fmaf(fmaf(A, x, -5 * A), x, 8 * A) * x + -4 * A;
}

static float cv_near(float x)
{
	return ((A + 2) * x - (A + 3)) * x * x + 1;
}

static float cv_far(float x)
{
	return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
}

static void cubic_weights(enum avl_upsample kind, float t, float *weight)
{
	if (kind == AVL_UPSAMPLE_CV_CUBIC) {
		weight[0] = cv_far(t + 1);
		weight[1] = cv_near(t);
		weight[2] = cv_near(1 - t);
		weight[3] = 1 - weight[0] - weight[1] - weight[2];
		return;
	}
	weight[0] = torch_far(t + 1);
	weight[1] = torch_near(t);
	weight[2] = torch_near(1 - t);
	weight[3] = torch_far(1 - t + 1);
}

/* Where output I lies among the N inputs: its floor, and the rest. */
static int place(enum avl_upsample kind, int n, int outputs, int i, float *rest)
{
	if (is_cv(kind)) {
		/* the cubic rounds to single precision before the floor is taken, the linear after
		 */
		const double at = (i + 0.5) * ((double)n / outputs) - 0.5;
		const double s = is_cubic(kind) ? (double)(float)at : at;
		*rest = (float)(s - floor(s));
		return (int)floor(s);
	}
	float s;
	if (kind == AVL_UPSAMPLE_TORCH_LINEAR_CORNERS || kind == AVL_UPSAMPLE_TORCH_CUBIC_CORNERS)
		s = outputs > 1 ? (float)(n - 1) / (float)(outputs - 1) * (float)i : 0;
	else if (is_cubic(kind))
		s = fmaf((float)n / (float)outputs, (float)i + 0.5f, -0.5f);
	else
		s = fmaxf((float)n / (float)outputs * ((float)i + 0.5f) - 0.5f, 0);
	const int f = (int)floorf(s) < n - 1 ? (int)floorf(s) : n - 1;
	*rest = fminf(fmaxf(s - (float)f, 0), 1);
	return f;
}

static int inside(int i, int n)
{
	return i < 0 ? 0 : i < n ? i : n - 1;
}

static int plan_axis(struct avl_upsample_axis *axis, enum avl_upsample kind, int n, int outputs,
		     struct avl_err *err)
{
	axis->index = avl_alloc((size_t)outputs * TAPS, sizeof *axis->index);
	axis->weight = avl_alloc((size_t)outputs * TAPS, sizeof *axis->weight);
	if (!axis->index || !axis->weight)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < outputs; i++) {
		int *const index = axis->index + (size_t)i * TAPS;
		float *const weight = axis->weight + (size_t)i * TAPS;
		float t;
		const int f = place(kind, n, outputs, i, &t);
		if (kind == AVL_UPSAMPLE_CV_LINEAR && (f < 0 || f >= n - 1))
			t = 0;
		for (int k = 0; k < TAPS; k++)
			index[k] = inside(is_cubic(kind) ? f - 1 + k : f + k, n);
		if (is_cubic(kind)) {
			cubic_weights(kind, t, weight);
		} else {
			weight[0] = 1 - t;
			weight[1] = t;
		}
	}
	return 0;
}

void avl_upsampler_release(struct avl_upsampler *upsampler)
{
	free(upsampler->x.index);
	free(upsampler->x.weight);
	free(upsampler->y.index);
	free(upsampler->y.weight);
	free(upsampler->between);
	*upsampler = (struct avl_upsampler){0};
}

static int plan(struct avl_upsampler *u, enum avl_upsample kind, int rows, int cols, int out_rows,
		int out_cols, struct avl_err *err)
{
	if (u->between && u->kind == kind && u->rows == rows && u->cols == cols &&
	    u->out_rows == out_rows && u->out_cols == out_cols)
		return 0;
	avl_upsampler_release(u);
	int rc = plan_axis(&u->x, kind, cols, out_cols, err);
	if (!rc)
		rc = plan_axis(&u->y, kind, rows, out_rows, err);
	u->between = rc ? NULL : avl_alloc((size_t)rows * (size_t)out_cols, sizeof *u->between);
	if (!rc && !u->between)
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc) {
		avl_upsampler_release(u);
		return rc;
	}
	u->kind = kind;
	u->rows = rows;
	u->cols = cols;
	u->out_rows = out_rows;
	u->out_cols = out_cols;
	return 0;
}

static float blend(enum avl_upsample kind, int vertical, const float x[TAPS], const float *w)
{
	switch (kind) {
	case AVL_UPSAMPLE_CV_LINEAR:
		return fmaf(w[1], x[1] - x[0], x[0]);
	case AVL_UPSAMPLE_CV_CUBIC:
		if (vertical)
			return x[0] * w[0] + (x[1] * w[1] + (x[2] * w[2] + x[3] * w[3]));
		return x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
	case AVL_UPSAMPLE_TORCH_CUBIC:
	case AVL_UPSAMPLE_TORCH_CUBIC_CORNERS:
		return fmaf(x[3], w[3], fmaf(x[2], w[2], fmaf(x[0], w[0], x[1] * w[1])));
	default:
		return fmaf(x[0], w[0], x[1] * w[1]);
	}
}

int avl_upsample(struct avl_upsampler *u, enum avl_upsample kind, const float *src, int rows,
		 int cols, float *dst, int out_rows, int out_cols, struct avl_err *err)
{
	const int rc = plan(u, kind, rows, cols, out_rows, out_cols, err);
	if (rc)
		return rc;
	for (int y = 0; y < rows; y++) {
		const float *const row = src + (size_t)y * (size_t)cols;
		float *const out = u->between + (size_t)y * (size_t)out_cols;
		for (int i = 0; i < out_cols; i++) {
			const int *const at = u->x.index + (size_t)i * TAPS;
			const float x[TAPS] = {row[at[0]], row[at[1]], row[at[2]], row[at[3]]};
			out[i] = blend(kind, 0, x, u->x.weight + (size_t)i * TAPS);
		}
	}
	for (int y = 0; y < out_rows; y++) {
		const int *const at = u->y.index + (size_t)y * TAPS;
		const float *row[TAPS];
		for (int k = 0; k < TAPS; k++)
			row[k] = u->between + (size_t)at[k] * (size_t)out_cols;
		float *const out = dst + (size_t)y * (size_t)out_cols;
		for (int i = 0; i < out_cols; i++) {
			const float x[TAPS] = {row[0][i], row[1][i], row[2][i], row[3][i]};
			out[i] = blend(kind, 1, x, u->y.weight + (size_t)y * TAPS);
		}
	}
	return 0;
}
