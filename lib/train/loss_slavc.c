/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "train/loss.h"
#include "train/softmax.h"

/* A direction looks at the maps PICK of one head and OVER of the other:
 * l_nm = log sum_x b a, with a = softmax_x(OVER_nm(x) / tau), where picture n attends to sound m,
 * and b the softmax of PICK / tau among the sounds (or the pictures) of the batch at that position.
 */
struct direction {
	const struct avl_loss_batch *b;
	const float *pick, *over;
	float *grad_pick, *grad_over;
	int pictures; /* among these, and their rows are the answers */
	double *a, *among, *slope, *logit, *grad, *row;
};

static size_t scratch(const struct avl_loss_batch *b)
{
	const size_t n = (size_t)b->n;
	return 3 * n * n * (size_t)b->area + 2 * n * n + 2 * n;
}

/* B[.., k, .., x] over k, which steps by STRIDE from START, among what record OWN goes with. */
static void softmax_among(const struct direction *d, size_t own, size_t start, size_t stride)
{
	const size_t n = (size_t)d->b->n, area = (size_t)d->b->area;
	for (size_t x = 0; x < area; x++) {
		double largest = -INFINITY, sum = 0;
		for (size_t k = 0; k < n; k++)
			largest = fmax(largest, (double)d->pick[start + k * stride + x]);
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			d->among[at] = avl_loss_leaves_out(d->b, own, k)
					   ? 0
					   : exp(((double)d->pick[at] - largest) / d->b->tau);
			sum += d->among[at];
		}
		for (size_t k = 0; k < n; k++)
			d->among[start + k * stride + x] /= sum;
	}
}

/* The gradient through softmax_among: b (slope - sum_k b slope) / tau, added. */
static void backward_among(const struct direction *d, size_t start, size_t stride)
{
	const size_t n = (size_t)d->b->n, area = (size_t)d->b->area;
	for (size_t x = 0; x < area; x++) {
		double mean = 0;
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			mean += d->among[at] * d->slope[at];
		}
		for (size_t k = 0; k < n; k++) {
			const size_t at = start + k * stride + x;
			d->grad_pick[at] +=
			    (float)(d->among[at] * (d->slope[at] - mean) / d->b->tau);
		}
	}
}

/* l, its cross entropies added to VALUE, and the gradient of l. */
static void score_rows(const struct direction *d, double *value)
{
	const size_t n = (size_t)d->b->n, area = (size_t)d->b->area;
	double *const row = d->row, *const row_slope = row + n;
	for (size_t i = 0; i < n * n; i++) {
		double sum = 0;
		for (size_t x = 0; x < area; x++)
			sum += d->a[i * area + x] * d->among[i * area + x];
		d->logit[i] = log(sum);
	}
	for (size_t g = 0; g < n; g++) {
		memset(row_slope, 0, n * sizeof *row_slope);
		for (size_t k = 0; k < n; k++)
			row[k] = d->logit[d->pictures ? k * n + g : g * n + k];
		value[g] += avl_cross_entropy(row, d->b->n, (int)g, d->b->scale, row_slope);
		for (size_t k = 0; k < n; k++)
			d->grad[d->pictures ? k * n + g : g * n + k] = row_slope[k];
	}
}

/* The slope of log x where it is LOGIT, times GRAD; what is left out has neither. */
static double slope_of_log(double grad, double logit)
{
	return grad == 0 ? 0 : grad / exp(logit);
}

/* SLOPE: the gradient of one factor, the other being FACTOR. */
static void fill_slopes(const struct direction *d, const double *factor)
{
	const size_t maps = (size_t)d->b->n * (size_t)d->b->n, area = (size_t)d->b->area;
	for (size_t i = 0; i < maps; i++) {
		const double by = slope_of_log(d->grad[i], d->logit[i]);
		for (size_t x = 0; x < area; x++)
			d->slope[i * area + x] = by * factor[i * area + x];
	}
}

static void run_direction(const struct direction *d, double *value)
{
	const size_t n = (size_t)d->b->n, area = (size_t)d->b->area;
	const size_t stride = d->pictures ? n * area : area, group = d->pictures ? area : n * area;
	for (size_t i = 0; i < n * n; i++)
		avl_softmax(d->over + i * area, d->b->area, d->b->tau, d->a + i * area);
	for (size_t g = 0; g < n; g++)
		softmax_among(d, g, g * group, stride);
	score_rows(d, value);
	fill_slopes(d, d->a);
	for (size_t g = 0; g < n; g++)
		backward_among(d, g * group, stride);
	fill_slopes(d, d->among);
	for (size_t i = 0; i < n * n; i++)
		avl_softmax_backward(d->a + i * area, d->slope + i * area, d->b->area, d->b->tau,
				     d->grad_over + i * area);
}

static void clear(const struct avl_loss_batch *b, float *grad)
{
	if (grad)
		memset(grad, 0, (size_t)b->n * (size_t)b->n * (size_t)b->area * sizeof *grad);
}

static void run(const struct avl_loss_batch *b, double *value)
{
	const size_t n = (size_t)b->n, maps = n * n, floats = maps * (size_t)b->area;
	struct direction d = {
	    .b = b,
	    .pick = b->score,
	    .over = b->over ? b->over : b->score,
	    .grad_pick = b->grad_score,
	    .grad_over = b->over ? b->grad_over : b->grad_score,
	    .a = b->scratch,
	    .among = b->scratch + floats,
	    .slope = b->scratch + 2 * floats,
	    .logit = b->scratch + 3 * floats,
	    .grad = b->scratch + 3 * floats + maps,
	    .row = b->scratch + 3 * floats + 2 * maps,
	};
	float *const grads[] = {b->grad_score, b->grad_over, b->grad_back, b->grad_back_over};
	for (int i = 0; i < 4; i++)
		clear(b, grads[i]);
	memset(value, 0, n * sizeof *value);
	run_direction(&d, value);
	d.pictures = !b->back;
	if (b->back) {
		d.pick = b->back;
		d.over = b->back_over;
		d.grad_pick = b->grad_back;
		d.grad_over = b->grad_back_over;
	}
	run_direction(&d, value);
}

const struct avl_loss avl_loss_slavc = {.name = "slavc",
					.kind = AVL_LOSS_PAIRS,
					.margin = NAN,
					.tau = 0.03,
					.scratch = scratch,
					.run = run};
