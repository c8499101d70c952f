/* SPDX-License-Identifier: MIT */
#include "train/match.h"

#include <string.h>

#include "kern/gemm.h"
#include "train/attend.h"

/* Channels that make one item of work when the gradient of h is summed over pictures. */
enum { CHANNEL_BLOCK = 128 };

static int blocks_of(const struct avl_match *m)
{
	return (m->channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

int avl_match_init(struct avl_match *m, int room, int channels, int area, int pairs, int cosine,
		   struct avl_par *par, struct avl_arena *arena, struct avl_err *err)
{
	*m = (struct avl_match){
	    .channels = channels,
	    .area = area,
	    .room = room,
	    .pairs = pairs,
	    .cosine = cosine,
	    .par = par,
	};
	const size_t n = (size_t)room, c = (size_t)channels, sounds = pairs ? n : 2;
	const struct {
		float **at;
		size_t floats;
	} block[] = {
	    {&m->unit, n * c},
	    {&m->length, n},
	    {&m->norm, n * (size_t)area},
	    {&m->score, n * sounds * (size_t)area},
	    {&m->grad_score, n * sounds * (size_t)area},
	    {&m->slope, n * (sounds + 1) * (size_t)area},
	    {&m->part, (size_t)blocks_of(m) * n * CHANNEL_BLOCK},
	};
	for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
		*block[i].at = avl_arena_alloc(arena, block[i].floats * sizeof(float));
		if (!*block[i].at)
			return avl_fail(err, AVL_ENOMEM, "no memory for batches of %d records",
					room);
	}
	return 0;
}

float *avl_match_map(const struct avl_match *m, const float *maps, int i, int k)
{
	const size_t at = (size_t)i * (size_t)m->sounds + (size_t)k;
	return (float *)maps + at * (size_t)m->area;
}

float *avl_match_own(const struct avl_match *m, const float *maps, int i)
{
	return avl_match_map(m, maps, i, m->pairs ? i : 0);
}

struct job {
	struct avl_match *match;
	const int *other;
	float *grad_h;
	float *const *grad_u;
};

static const float *sound_of(const struct avl_match *m, int i)
{
	return (m->cosine ? m->unit : m->h) + (size_t)i * (size_t)m->channels;
}

static float *norm_of(const struct avl_match *m, int i)
{
	return m->cosine ? m->norm + (size_t)i * (size_t)m->area : NULL;
}

/* SLOPE has one map more a picture than there are scores, for what avl_attend wants beside. */
static float *slope_of(const struct avl_match *m, int i)
{
	return m->slope + (size_t)i * (size_t)(m->sounds + 1) * (size_t)m->area;
}

static void score_item(void *arg, int i, int thread)
{
	const struct job *const job = arg;
	const struct avl_match *const m = job->match;
	(void)thread;
	if (m->cosine)
		avl_attend_norms(m->u[i], m->channels, m->area, norm_of(m, i));
	if (m->pairs) {
		avl_attend_score(m->u[i], m->channels, m->area, norm_of(m, i), sound_of(m, 0), m->n,
				 avl_match_map(m, m->score, i, 0));
		return;
	}
	avl_attend_score(m->u[i], m->channels, m->area, norm_of(m, i), sound_of(m, i), 1,
			 avl_match_map(m, m->score, i, 0));
	avl_attend_score(m->u[i], m->channels, m->area, norm_of(m, i), sound_of(m, job->other[i]),
			 1, avl_match_map(m, m->score, i, 1));
}

void avl_match_run(struct avl_match *m, int n, const float *const *u, const float *h,
		   const int *other)
{
	m->n = n;
	m->sounds = m->pairs ? n : 2;
	m->u = u;
	m->h = h;
	if (m->cosine)
		avl_unit(h, n, m->channels, m->unit, m->length);
	avl_par_for(m->par, n, score_item, &(struct job){.match = m, .other = other});
}

/* A picture scored for two sounds: what comes from the own one. */
static void own_item(void *arg, int i, int thread)
{
	const struct job *const job = arg;
	const struct avl_match *const m = job->match;
	const size_t at = (size_t)i * (size_t)m->channels;
	float *const slope = slope_of(m, i), *const spare = slope + m->area;
	(void)thread;
	avl_attend_score_backward(m->u[i], m->channels, m->area, norm_of(m, i),
				  avl_match_own(m, m->grad_score, i), 1, slope,
				  job->grad_h ? job->grad_h + at : NULL);
	if (job->grad_u)
		avl_attend_score_backward_v(m->u[i], m->channels, m->area, norm_of(m, i),
					    sound_of(m, i), avl_match_own(m, m->score, i), slope, 1,
					    spare, job->grad_u[i]);
}

/* A picture scored for all sounds: slopes, and the gradient of its features. */
static void pairs_item(void *arg, int i, int thread)
{
	const struct job *const job = arg;
	const struct avl_match *const m = job->match;
	float *const slope = slope_of(m, i);
	(void)thread;
	avl_attend_score_backward(m->u[i], m->channels, m->area, norm_of(m, i),
				  avl_match_map(m, m->grad_score, i, 0), m->n, slope, NULL);
	if (job->grad_u)
		avl_attend_score_backward_v(m->u[i], m->channels, m->area, norm_of(m, i),
					    sound_of(m, 0), avl_match_map(m, m->score, i, 0), slope,
					    m->n, slope + (size_t)m->n * (size_t)m->area,
					    job->grad_u[i]);
}

/* A block of channels of the gradients of all embeddings: the sum over pictures, in their order.
 * The rows of U for a block follow each other, so each picture gives one product. */
static void sum_item(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_match *const m = job->match;
	const size_t channels = (size_t)m->channels, first = (size_t)item * CHANNEL_BLOCK;
	const size_t width = channels - first < CHANNEL_BLOCK ? channels - first : CHANNEL_BLOCK;
	float *const part = m->part + (size_t)item * (size_t)m->room * CHANNEL_BLOCK;
	(void)thread;
	for (int i = 0; i < m->n; i++)
		avl_gemm(0, 1, m->n, (int)width, m->area, slope_of(m, i),
			 m->u[i] + first * (size_t)m->area, i ? 1 : 0, part);
	for (size_t i = 0; i < (size_t)m->n; i++)
		memcpy(job->grad_h + i * channels + first, part + i * width, width * sizeof *part);
}

void avl_match_backward(struct avl_match *m, float *grad_h, float *const *grad_u)
{
	struct job job = {.match = m, .grad_h = grad_h, .grad_u = grad_u};
	avl_par_for(m->par, m->n, m->pairs ? pairs_item : own_item, &job);
	if (grad_h && m->pairs)
		avl_par_for(m->par, blocks_of(m), sum_item, &job);
	if (grad_h && m->cosine)
		avl_unit_backward(m->unit, m->length, m->n, m->channels, grad_h);
}
