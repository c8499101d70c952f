/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"
#include "train/softmax.h"

/* With a = softmax_x(S_nm(x) / tau), where picture n attends to sound m, and b the softmax of the
 * same score among the sounds (i2a) or the pictures (a2i) of the batch at that position:
 * l_nm = log sum_x b a. Both factors are kept as doubles, (n, n, area) each. */

static size_t scratch(const struct avl_loss_batch *b)
{
	const size_t n = (size_t)b->n;
	return 3 * n * n * (size_t)b->area + 2 * n * n + 2 * n;
}

/* B[.., k, .., x] over k, which steps by STRIDE from START, among what record OWN goes with. */
static void softmax_among(const struct avl_loss_batch *b, size_t own, size_t start, size_t stride,
			  double *among)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	for (size_t x = 0; x < area; x++) {
		double largest = -INFINITY, sum = 0;
		for (size_t k = 0; k < n; k++)
			largest = fmax(largest, (double)b->score[start + k * stride + x]);
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			among[at] = avl_loss_leaves_out(b, own, k)
					? 0
					: exp(((double)b->score[at] - largest) / b->tau);
			sum += among[at];
		}
		for (size_t k = 0; k < n; k++)
			among[start + k * stride + x] /= sum;
	}
}

/* The gradient through softmax_among: b (slope - sum_k b slope) / tau, added. */
static void backward_among(const struct avl_loss_batch *b, size_t start, size_t stride,
			   const double *among, const double *slope)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	for (size_t x = 0; x < area; x++) {
		double mean = 0;
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			mean += among[at] * slope[at];
		}
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			b->grad_score[at] += (float)(among[at] * (slope[at] - mean) / b->tau);
		}
	}
}

/* The slope of log x where it is LOGIT, times GRAD; what is left out has neither. */
static double slope_of_log(double grad, double logit)
{
	return grad == 0 ? 0 : grad / exp(logit);
}

/* One direction: among sounds where STEP is a map, among pictures where it is a row of maps. */
static void add_direction(const struct avl_loss_batch *b, const double *over, int pictures,
			  double *value)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area, maps = n * n;
	double *const among = b->scratch + maps * area, *const slope = among + maps * area;
	double *const logit = slope + maps * area, *const grad = logit + maps;
	double *const row = grad + maps, *const row_slope = row + n;
	const size_t stride = pictures ? n * area : area, group = pictures ? area : n * area;
	for (size_t g = 0; g < n; g++)
		softmax_among(b, g, g * group, stride, among);
	for (size_t i = 0; i < maps; i++) {
		double sum = 0;
		for (size_t x = 0; x < area; x++)
			sum += over[i * area + x] * among[i * area + x];
		logit[i] = log(sum);
	}
	for (size_t g = 0; g < n; g++) {
		memset(row_slope, 0, n * sizeof *row_slope);
		for (size_t k = 0; k < n; k++)
			row[k] = logit[pictures ? k * n + g : g * n + k];
		value[g] += avl_cross_entropy(row, b->n, (int)g, b->scale, row_slope);
		for (size_t k = 0; k < n; k++)
			grad[pictures ? k * n + g : g * n + k] = row_slope[k];
	}
	for (size_t i = 0; i < maps; i++) {
		const double factor = slope_of_log(grad[i], logit[i]);
		for (size_t x = 0; x < area; x++)
			slope[i * area + x] = factor * over[i * area + x];
	}
	for (size_t g = 0; g < n; g++)
		backward_among(b, g * group, stride, among, slope);
	for (size_t i = 0; i < maps; i++) {
		const double factor = slope_of_log(grad[i], logit[i]);
		for (size_t x = 0; x < area; x++)
			slope[i * area + x] = factor * among[i * area + x];
		avl_softmax_backward(over + i * area, slope + i * area, b->area, b->tau,
				     b->grad_score + i * area);
	}
}

static void run(const struct avl_loss_batch *b, double *value)
{
	const size_t n = (size_t)b->n, area = (size_t)b->area;
	double *const over = b->scratch;
	memset(b->grad_score, 0, n * n * area * sizeof *b->grad_score);
	memset(value, 0, n * sizeof *value);
	for (size_t i = 0; i < n * n; i++)
		avl_softmax(b->score + i * area, b->area, b->tau, over + i * area);
	add_direction(b, over, 0, value);
	add_direction(b, over, 1, value);
}

const struct avl_loss avl_loss_slavc = {.name = "slavc",
					.kind = AVL_LOSS_PAIRS,
					.margin = NAN,
					.tau = 0.03,
					.scratch = scratch,
					.run = run};
