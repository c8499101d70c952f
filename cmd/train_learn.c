/* SPDX-License-Identifier: MIT */
#include "cmd/train_learn.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "cmd/train_options.h"

static volatile sig_atomic_t stop_signal;

static void on_stop(int number)
{
	stop_signal = number;
}

void train_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, old;
	sigemptyset(&action.sa_mask);
	static const int signals[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

static struct avl_result validate(struct session *s)
{
	struct avl_result all = {.grad_norm = NAN, .bad = -1}, one;
	struct avl_err err;
	struct avl_rng rng;
	for (int64_t i = 0; i < feed_batches(&s->valid); i++) {
		feed_look(&s->valid, i);
		avl_rng_init(&rng, (uint64_t)train.seed, AVL_STREAM_VALID + (uint64_t)i);
		if (avl_trainer_look(&s->trainer, s->valid.sample, s->valid.batch, &rng,
				     AVL_LOOK_EVALUATE, &one, &err))
			avl_die_err(&err);
		avl_result_add(&all, &one);
	}
	return all;
}

static void check_result(const struct session *s, const struct avl_result *result, int64_t step)
{
	if (result->bad < 0)
		return;
	const char *const what = isfinite(result->loss) ? "the gradient" : "the loss";
	avl_die(AVL_EXIT_FAILURE,
		"step %" PRId64 ", record '%s': %s is not a finite number; the last checkpoint "
		"stands (a smaller --lr, or --clip, may help)",
		step, s->feed.sample[result->bad].key, what);
}

static double epoch_of(const struct session *s, int64_t step)
{
	return s->feed.dataset ? (double)step / (double)feed_batches(&s->feed) : 1;
}

/* What follows a step that ends an interval. Returns whether it was the best so far. */
static bool take_stock(struct session *s, const struct avl_result *result, double now)
{
	struct avl_result valid;
	bool best = false;
	if (s->validates) {
		valid = validate(s);
		best = s->training.best_step ? valid.loss < s->training.best_loss
					     : isfinite(valid.loss);
		if (best) {
			s->training.best_step = s->training.step;
			s->training.best_loss = valid.loss;
		}
		if (avl_common.verbose)
			avl_warn("step %" PRId64 ": loss %.5g; validation: loss %.5g, right %.3f%s",
				 s->training.step, result->loss, valid.loss, valid.right,
				 best ? ", the best so far" : "");
	} else if (avl_common.verbose) {
		avl_warn("step %" PRId64 ": loss %.5g, right %.3f", s->training.step, result->loss,
			 result->right);
	}
	train_log_row(s->log, s->training.step, epoch_of(s, s->training.step), result, now,
		      s->validates ? &valid : NULL);
	return best;
}

static _Noreturn void end_by_signal(const struct session *s)
{
	avl_progress_end();
	avl_warn("stopped at step %" PRId64 "; the checkpoint '%s' is written%s", s->training.step,
		 avl_common.output, s->feed.dataset ? " (--resume goes on)" : "");
	signal(stop_signal, SIG_DFL);
	raise(stop_signal);
	exit(AVL_EXIT_FAILURE);
}

void train_learn(struct session *s)
{
	static char unit[64] = "records";
	struct avl_err err;
	struct avl_result result;
	const int64_t before = s->training.step;
	bool written = s->resumed;
	avl_progress_start(unit, (double)(s->total - before) * train.batch);
	while (s->total == 0 || s->training.step < s->total) {
		const int64_t step = s->training.step + 1;
		const double now = avl_schedule_rate(&s->schedule, step);
		if (!feed_step(&s->feed, step))
			break;
		if (avl_trainer_step(&s->trainer, s->feed.sample, train.batch, step, now, &result,
				     &err))
			avl_die_err(&err);
		check_result(s, &result, step);
		s->training.step = step;
		snprintf(unit, sizeof unit, "records, loss %.4g", result.loss);
		avl_progress((double)(step - before) * train.batch);
		const bool regular = step % train.every == 0, last = step == s->total;
		written = regular || last || stop_signal;
		if (regular || last) {
			const bool best = take_stock(s, &result, now);
			session_write(s, regular, best);
		} else {
			train_log_row(s->log, step, epoch_of(s, step), &result, now, NULL);
			if (stop_signal)
				session_write(s, false, false);
		}
		if (stop_signal)
			end_by_signal(s);
	}
	avl_progress_end();
	if (!written)
		session_write(s, false, false);
}
