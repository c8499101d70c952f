/* SPDX-License-Identifier: MIT */
#include "image/guided.h"

#include <stdlib.h>

#include "base/arena.h"
#include "image/resize.h"

/* Planes of floats. The guide is centred on grey, which keeps the differences below exact. */
enum {
	GUIDE,               /* R, G, B */
	MEAN = GUIDE + 3,    /* of each over the window */
	INVERSE = MEAN + 3,  /* of the covariance: RR RG RB GG GB BB */
	SLOPE = INVERSE + 6, /* a */
	OFFSET = SLOPE + 3,  /* b */
	PRODUCT,
	PLANES
};

struct avl_guided {
	int rows, cols, radius;
	double eps;
	float *plane[PLANES];
	double *between, *column; /* sums along the rows; running sums of all columns */
};

static int invalid(int rows, int cols, int radius, double eps)
{
	return rows < 1 || cols < 1 || rows > AVL_SIDE_MAX || cols > AVL_SIDE_MAX || radius < 1 ||
	       radius > AVL_SIDE_MAX || !(eps > 0);
}

int avl_guided_new(struct avl_guided **out, int rows, int cols, int radius, double eps,
		   struct avl_err *err)
{
	*out = NULL;
	if (invalid(rows, cols, radius, eps))
		return avl_fail(err, AVL_EUSAGE, "no guided filter of %d x %d, radius %d, eps %g",
				rows, cols, radius, eps);
	struct avl_guided *const g = calloc(1, sizeof *g);
	if (!g)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	*g = (struct avl_guided){.rows = rows, .cols = cols, .radius = radius, .eps = eps};
	const size_t area = (size_t)rows * (size_t)cols;
	float *const planes = avl_alloc(area, PLANES * sizeof *planes);
	g->between = avl_alloc(area, sizeof *g->between);
	g->column = avl_alloc((size_t)cols, sizeof *g->column);
	for (int i = 0; i < PLANES; i++)
		g->plane[i] = planes ? planes + (size_t)i * area : NULL;
	if (planes && g->between && g->column) {
		*out = g;
		return 0;
	}
	avl_guided_free(g);
	return avl_fail(err, AVL_ENOMEM, "out of memory");
}

void avl_guided_free(struct avl_guided *g)
{
	if (!g)
		return;
	free(g->plane[0]);
	free(g->between);
	free(g->column);
	free(g);
}

static int window(int at, int radius, int size)
{
	const int first = at > radius ? at - radius : 0;
	const int last = at + radius < size - 1 ? at + radius : size - 1;
	return last - first + 1;
}

static void add_row(const struct avl_guided *g, int y, double factor)
{
	const double *const row = g->between + (size_t)y * (size_t)g->cols;
	for (int x = 0; x < g->cols; x++)
		g->column[x] += factor * row[x];
}

/* The mean of IN over every window, to OUT, which may be the same. Sums run along, so that each
 * pixel is added and taken away once in either direction. */
static void box_mean(const struct avl_guided *g, const float *in, float *out)
{
	const int rows = g->rows, cols = g->cols, r = g->radius;
	for (int y = 0; y < rows; y++) {
		const float *const row = in + (size_t)y * (size_t)cols;
		double *const sums = g->between + (size_t)y * (size_t)cols;
		double sum = 0;
		for (int x = 0; x < r && x < cols; x++)
			sum += (double)row[x];
		for (int x = 0; x < cols; x++) {
			sum += x + r < cols ? (double)row[x + r] : 0;
			sum -= x > r ? (double)row[x - r - 1] : 0;
			sums[x] = sum / window(x, r, cols);
		}
	}
	for (int x = 0; x < cols; x++)
		g->column[x] = 0;
	for (int y = -r; y < rows; y++) {
		if (y + r < rows)
			add_row(g, y + r, 1);
		if (y > r)
			add_row(g, y - r - 1, -1);
		if (y < 0)
			continue;
		const double n = window(y, r, rows);
		for (int x = 0; x < cols; x++)
			out[(size_t)y * (size_t)cols + (size_t)x] = (float)(g->column[x] / n);
	}
}

static void multiply(const struct avl_guided *g, const float *one, const float *two, float *out)
{
	const size_t area = (size_t)g->rows * (size_t)g->cols;
	for (size_t i = 0; i < area; i++)
		out[i] = one[i] * two[i];
}

/* The symmetric matrix in place of its inverse, by cofactors. */
static void invert(double m[6])
{
	const double rr = m[0], rg = m[1], rb = m[2], gg = m[3], gb = m[4], bb = m[5];
	const double c0 = gg * bb - gb * gb, c1 = rb * gb - rg * bb, c2 = rg * gb - rb * gg;
	const double scale = 1 / (rr * c0 + rg * c1 + rb * c2);
	m[0] = c0 * scale;
	m[1] = c1 * scale;
	m[2] = c2 * scale;
	m[3] = (rr * bb - rb * rb) * scale;
	m[4] = (rb * rg - rr * gb) * scale;
	m[5] = (rr * gg - rg * rg) * scale;
}

void avl_guided_see(struct avl_guided *g, const uint8_t *rgb)
{
	const size_t area = (size_t)g->rows * (size_t)g->cols;
	float *const *const mean = &g->plane[MEAN], *const *const inverse = &g->plane[INVERSE];
	for (int c = 0; c < 3; c++) {
		for (size_t i = 0; i < area; i++)
			g->plane[GUIDE + c][i] = (float)rgb[3 * i + (size_t)c] / 255 - 0.5F;
		box_mean(g, g->plane[GUIDE + c], mean[c]);
	}
	for (int c = 0, k = 0; c < 3; c++)
		for (int d = c; d < 3; d++, k++) {
			multiply(g, g->plane[GUIDE + c], g->plane[GUIDE + d], inverse[k]);
			box_mean(g, inverse[k], inverse[k]);
		}
	for (size_t i = 0; i < area; i++) {
		double m[6];
		for (int c = 0, k = 0; c < 3; c++)
			for (int d = c; d < 3; d++, k++)
				m[k] = (double)inverse[k][i] -
				       (double)mean[c][i] * (double)mean[d][i] +
				       (c == d ? g->eps : 0);
		invert(m);
		for (int k = 0; k < 6; k++)
			inverse[k][i] = (float)m[k];
	}
}

void avl_guided_run(struct avl_guided *g, const float *map, float *out)
{
	const size_t area = (size_t)g->rows * (size_t)g->cols;
	float *const *const mean = &g->plane[MEAN], *const *const inverse = &g->plane[INVERSE];
	float *const *const slope = &g->plane[SLOPE], *const offset = g->plane[OFFSET];
	for (int c = 0; c < 3; c++) {
		multiply(g, g->plane[GUIDE + c], map, g->plane[PRODUCT]);
		box_mean(g, g->plane[PRODUCT], slope[c]);
	}
	box_mean(g, map, offset);
	for (size_t i = 0; i < area; i++) {
		float cov[3];
		for (int c = 0; c < 3; c++)
			cov[c] = slope[c][i] - mean[c][i] * offset[i];
		slope[0][i] =
		    inverse[0][i] * cov[0] + inverse[1][i] * cov[1] + inverse[2][i] * cov[2];
		slope[1][i] =
		    inverse[1][i] * cov[0] + inverse[3][i] * cov[1] + inverse[4][i] * cov[2];
		slope[2][i] =
		    inverse[2][i] * cov[0] + inverse[4][i] * cov[1] + inverse[5][i] * cov[2];
		for (int c = 0; c < 3; c++)
			offset[i] -= slope[c][i] * mean[c][i];
	}
	for (int c = 0; c < 3; c++)
		box_mean(g, slope[c], slope[c]);
	box_mean(g, offset, offset);
	for (size_t i = 0; i < area; i++) {
		float sum = offset[i];
		for (int c = 0; c < 3; c++)
			sum += slope[c][i] * g->plane[GUIDE + c][i];
		out[i] = sum;
	}
}
