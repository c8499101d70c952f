/* SPDX-License-Identifier: MIT */
#include "train/intake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int init_fronts(struct avl_intake *in, struct avl_err *err)
{
	const int threads = avl_par_threads(in->par);
	int code = 0;
	if (in->pictures)
		in->picture = calloc((size_t)threads, sizeof *in->picture);
	else
		in->sound = calloc((size_t)threads, sizeof *in->sound);
	if (!in->picture && !in->sound)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int i = 0; i < threads && !code; i++)
		code = in->pictures ? avl_picture_front_init(&in->picture[i], in->contract, err)
				    : avl_sound_front_init(&in->sound[i], in->contract, NULL, err);
	return code;
}

int avl_intake_init(struct avl_intake *in, int pictures, const struct avl_contract *contract,
		    int batch, struct avl_par *par, struct avl_err *err)
{
	*in = (struct avl_intake){
	    .contract = contract, .par = par, .pictures = pictures, .batch = batch};
	in->err = calloc((size_t)batch, sizeof *in->err);
	in->heard = calloc((size_t)batch, sizeof *in->heard);
	const int code = in->err && in->heard ? init_fronts(in, err)
					      : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (code)
		avl_intake_release(in);
	return code;
}

void avl_intake_release(struct avl_intake *in)
{
	for (int i = 0; i < avl_par_threads(in->par); i++) {
		if (in->picture)
			avl_picture_front_release(&in->picture[i]);
		if (in->sound)
			avl_sound_front_release(&in->sound[i]);
	}
	for (int i = 0; in->heard && i < in->batch; i++)
		free(in->heard[i].values);
	free(in->picture);
	free(in->sound);
	free(in->err);
	free(in->heard);
	*in = (struct avl_intake){0};
}

struct job {
	struct avl_intake *intake;
	struct avl_sample *sample;
	const struct avl_variation *variation;
	float *input;
};

/* The first record that failed, whatever the threads. */
static int gather(const struct avl_intake *in, const struct avl_sample *sample, int n,
		  struct avl_err *err)
{
	for (int i = 0; i < n; i++)
		if (in->err[i].code)
			return avl_fail(err, in->err[i].code, "record '%s': %s", sample[i].key,
					in->err[i].text);
	return 0;
}

static void see_item(void *arg, int i, int thread)
{
	static const struct avl_picture_view plain = {0};
	const struct job *const job = arg;
	struct avl_sample *const s = &job->sample[i];
	const struct avl_contract *const c = job->intake->contract;
	const size_t each = 3 * (size_t)c->frame.height * (size_t)c->frame.width;
	avl_picture_front_vary(&job->intake->picture[thread],
			       job->variation ? &job->variation[i].view : &plain, s->rgb, s->height,
			       s->width, job->input + (size_t)i * each, s->region, NULL,
			       &job->intake->err[i]);
}

int avl_intake_see(struct avl_intake *in, struct avl_sample *sample, int n,
		   const struct avl_variation *variation, float *input, struct avl_err *err)
{
	struct job job = {in, sample, variation, input};
	memset(in->err, 0, (size_t)n * sizeof *in->err);
	avl_par_for(in->par, n, see_item, &job);
	return gather(in, sample, n, err);
}

/* A window of the contract's length, where one is to be drawn and the sound is longer. */
static void find_window(const struct avl_contract *contract, const struct avl_sample *s,
			double place, const float **samples, size_t *n)
{
	const size_t window = (size_t)(contract->sound.window_s * s->rate_hz);
	*samples = s->audio;
	*n = s->samples;
	if (isnan(place) || !window || s->samples <= window)
		return;
	*samples += (size_t)(place * (double)(s->samples - window + 1));
	*n = window;
}

/* A waveform is repeated past the least that its network takes, and a batch needs one length: what
 * is more than that and the window is cut off. */
static void fix_length(const struct avl_sound_front *front, struct avl_heard *heard, int rate_hz)
{
	const double window = front->contract->sound.window_s * rate_hz;
	const double least = (double)front->kind->tiled_samples;
	const int wanted = (int)fmin(fmax(window, least), 1 << 30);
	if (front->kind->is_waveform && window > 0 && heard->cols > wanted)
		heard->cols = wanted;
}

static int grow(struct avl_heard *heard, size_t need, struct avl_err *err)
{
	if (need <= heard->room)
		return 0;
	free(heard->values);
	heard->room = 0;
	heard->values = malloc(need * sizeof *heard->values);
	if (!heard->values)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	heard->room = need;
	return 0;
}

static void hear_item(void *arg, int i, int thread)
{
	const struct job *const job = arg;
	const struct avl_sample *const s = &job->sample[i];
	struct avl_sound_front *const front = &job->intake->sound[thread];
	struct avl_heard *const heard = &job->intake->heard[i];
	struct avl_err *const err = &job->intake->err[i];
	const float *samples, *values;
	size_t n;
	int hop;
	find_window(job->intake->contract, s, job->variation ? job->variation[i].window : NAN,
		    &samples, &n);
	if (avl_sound_front_run(front, samples, n, (int)s->rate_hz, &values, &heard->patches, err))
		return;
	avl_sound_front_patch(front, &heard->rows, &heard->cols, &hop);
	const int rate_hz = front->contract->sound.rate_hz;
	fix_length(front, heard, rate_hz ? rate_hz : (int)s->rate_hz);
	const size_t each = (size_t)heard->rows * (size_t)heard->cols;
	const size_t step = (size_t)hop * (size_t)heard->cols;
	if (grow(heard, heard->patches * each, err))
		return;
	for (size_t p = 0; p < heard->patches; p++)
		memcpy(heard->values + p * each, values + p * step, each * sizeof *values);
}

int avl_intake_hear(struct avl_intake *in, struct avl_sample *sample, int n,
		    const struct avl_variation *variation, struct avl_err *err)
{
	struct job job = {in, sample, variation, NULL};
	memset(in->err, 0, (size_t)n * sizeof *in->err);
	avl_par_for(in->par, n, hear_item, &job);
	const int code = gather(in, sample, n, err);
	if (code)
		return code;
	for (int i = 1; i < n; i++)
		if (in->heard[i].cols != in->heard[0].cols)
			return avl_fail(
			    err, AVL_ESHAPE,
			    "record '%s': its sound is %d columns long for the network, "
			    "that of record '%s' %d; a batch needs one length",
			    sample[i].key, in->heard[i].cols, sample[0].key, in->heard[0].cols);
	for (int i = 0; i < n; i++)
		sample[i].patches = (int)in->heard[i].patches;
	return 0;
}
