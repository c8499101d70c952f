/* SPDX-License-Identifier: MIT */
#include "train/optim.h"

#include <math.h>

/* Elements of an item of work. */
#define SPAN ((size_t)1 << 16)

struct work {
	const struct avl_optim *optim;
	const struct avl_param *param;
	int64_t step;
	double rate;
};

static void step_adam(const struct work *work, size_t from, size_t to)
{
	const struct avl_optim *const o = work->optim;
	const struct avl_param *const p = work->param;
	const double correct1 = 1 - pow(o->beta1, (double)work->step);
	const double correct2 = 1 - pow(o->beta2, (double)work->step);
	const int decoupled = o->kind == AVL_OPTIM_ADAMW;
	const float keep = decoupled ? (float)(1 - work->rate * o->decay) : 1;
	const float decay = decoupled ? 0 : (float)o->decay;
	const float b1 = (float)o->beta1, b2 = (float)o->beta2, eps = (float)o->eps;
	const float a1 = (float)(1 - o->beta1), a2 = (float)(1 - o->beta2);
	const float size = (float)(work->rate / correct1), root = (float)sqrt(correct2);
	for (size_t i = from; i < to; i++) {
		const float w = p->value[i] * keep, g = p->grad[i] + decay * w;
		p->first[i] = b1 * p->first[i] + a1 * g;
		p->second[i] = b2 * p->second[i] + a2 * g * g;
		p->value[i] = w - size * p->first[i] / (sqrtf(p->second[i]) / root + eps);
	}
}

static void step_sgd(const struct work *work, size_t from, size_t to)
{
	const struct avl_optim *const o = work->optim;
	const struct avl_param *const p = work->param;
	const float momentum = work->step == 1 ? 0 : (float)o->momentum, decay = (float)o->decay;
	for (size_t i = from; i < to; i++) {
		const float g = p->grad[i] + decay * p->value[i];
		p->first[i] = momentum * p->first[i] + g;
		p->value[i] -= (float)work->rate * p->first[i];
	}
}

static void step_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct work *const work = argument;
	const size_t from = (size_t)item * SPAN, left = work->param->count - from;
	const size_t to = from + (left < SPAN ? left : SPAN);
	if (work->optim->kind == AVL_OPTIM_SGD)
		step_sgd(work, from, to);
	else
		step_adam(work, from, to);
}

void avl_optim_step(const struct avl_optim *optim, struct avl_param *param, int nparams,
		    int64_t step, double rate)
{
	for (int i = 0; i < nparams; i++)
		if (!param[i].frozen)
			avl_par_for(optim->par, (int)((param[i].count + SPAN - 1) / SPAN),
				    step_item, &(struct work){optim, &param[i], step, rate});
}

/* Four sums, so that they need not wait for each other. */
static double sum_squares(const float *x, size_t n)
{
	double lane[4] = {0};
	size_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			lane[k] += (double)x[i + k] * (double)x[i + k];
	for (; i < n; i++)
		lane[0] += (double)x[i] * (double)x[i];
	return lane[0] + lane[1] + (lane[2] + lane[3]);
}

double avl_grad_norm(const struct avl_param *param, int nparams)
{
	double all = 0;
	for (int i = 0; i < nparams; i++)
		if (!param[i].frozen)
			all += sum_squares(param[i].grad, param[i].count);
	return sqrt(all);
}

void avl_grad_scale(struct avl_param *param, int nparams, double factor)
{
	for (int i = 0; i < nparams; i++)
		for (size_t k = 0; !param[i].frozen && k < param[i].count; k++)
			param[i].grad[k] *= (float)factor;
}

double avl_schedule_rate(const struct avl_schedule *s, int64_t step)
{
	if (step <= s->warmup)
		return s->rate * (double)step / (double)s->warmup;
	const double behind = (double)(step - 1 - s->warmup), left = (double)(s->total - s->warmup);
	switch (s->kind) {
	case AVL_SCHEDULE_COSINE:
		return left < 1 ? s->rate
				: s->rate / 2 *
				      (1 + cos(3.14159265358979323846 * fmin(1, behind / left)));
	case AVL_SCHEDULE_STEP:
		return s->rate * pow(s->gamma, floor(behind / (double)s->every));
	case AVL_SCHEDULE_CONSTANT:
		break;
	}
	return s->rate;
}
