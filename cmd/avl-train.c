/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/train_feed.h"
#include "cmd/train_files.h"
#include "cmd/train_log.h"
#include "cmd/train_settings.h"
#include "kern/kern.h"
#include "train/checkpoint.h"

static const char *model_path, *freeze, *valid_path, *log_path, *cpu = "auto";
static int unsup = -1, sup = -1, score = -1, negatives, optim, schedule;
static int epochs = 10, batch = 32, seed = 1, warmup, drop_every, every, keep, units, hidden = 512,
	   threads;
static double lambda = 1, temperature = NAN, tau = NAN, margin = NAN, rate = 1e-3, decay,
	      momentum = 0.9, clip, gamma_factor = 0.1, hold_out;
static bool fresh, resume;

#define UNSUP_NAMES "triplet|hinge|nce|lvs|margin-nce|slavc"
#define SUP_NAMES   "kl|ce|l2"

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Loss (one of the first two, or both)", NULL, 0, 0},
    {0, "unsup", AVL_OPT_CHOICE, &unsup, "NAME", "learn from which sound belongs to which picture",
     UNSUP_NAMES, 0, 0},
    {0, "sup", AVL_OPT_CHOICE, &sup, "NAME", "learn from boxes and masks (avl-truth)", SUP_NAMES, 0,
     0},
    {0, "lambda", AVL_OPT_NUMBER, &lambda, "W", "weight of --sup beside --unsup", NULL, 0, 1e6},
    {0, "score", AVL_OPT_CHOICE, &score, "KIND",
     "how maps are scored (default: as the model says; cosine with --unsup)", "dot|relu|cosine", 0,
     0},
    {0, "temperature", AVL_OPT_NUMBER, &temperature, "T",
     "of the softmax over positions\n(default: as the model says, else 1; cosine 0.1)", NULL, 1e-4,
     1e4},
    {0, "tau", AVL_OPT_NUMBER, &tau, "T",
     "of nce, margin-nce and slavc (default: 0.03) and lvs (0.07)", NULL, 1e-4, 1e4},
    {0, "margin", AVL_OPT_NUMBER, &margin, "M", "of hinge (default: 0.5), margin-nce (-0.2)", NULL,
     -100, 100},
    {0, "negatives", AVL_OPT_CHOICE, &negatives, "KIND",
     "triplet and hinge: which other sound of the batch is the wrong one", "random|hardest", 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Model", NULL, 0, 0},
    {'m', "model", AVL_OPT_TEXT, &model_path, "INIT",
     "start from this model (default: $AVL_MODEL, or the one that comes with avl)", NULL, 0, 0},
    {0, "fresh", AVL_OPT_FLAG, &fresh, NULL, "its fully connected layers start at random", NULL, 0,
     0},
    {0, "units", AVL_OPT_INT, &units, "N",
     "--fresh: units of the sound's first layer (default: as INIT)", NULL, 1, 65536},
    {0, "hidden", AVL_OPT_INT, &hidden, "N", "units of the picture's first layer, where it is new",
     NULL, 1, 65536},
    {0, "freeze", AVL_OPT_TEXT, &freeze, "PREFIX[,PREFIX]",
     "leave the tensors as they are whose names begin so", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Learning", NULL, 0, 0},
    {0, "epochs", AVL_OPT_INT, &epochs, "N", "times that every record is seen", NULL, 1, 1000000},
    {0, "batch", AVL_OPT_INT, &batch, "N", "records of a step", NULL, 1, 65536},
    {0, "lr", AVL_OPT_NUMBER, &rate, "X", "learning rate", NULL, 0, 1e6},
    {0, "optim", AVL_OPT_CHOICE, &optim, "NAME", "what turns gradients into steps",
     "adam|adamw|sgd", 0, 0},
    {0, "decay", AVL_OPT_NUMBER, &decay, "X", "weight decay", NULL, 0, 1e6},
    {0, "momentum", AVL_OPT_NUMBER, &momentum, "X", "of sgd", NULL, 0, 1},
    {0, "clip", AVL_OPT_NUMBER, &clip, "X", "shorten longer gradients to X; 0: never", NULL, 0,
     1e9},
    {0, "schedule", AVL_OPT_CHOICE, &schedule, "NAME", "how the learning rate goes on",
     "constant|cosine|step", 0, 0},
    {0, "warmup", AVL_OPT_INT, &warmup, "N", "steps over which it rises at first", NULL, 0,
     1000000000},
    {0, "drop-every", AVL_OPT_INT, &drop_every, "N",
     "--schedule step: steps between drops (default: 10 epochs)", NULL, 1, 1000000000},
    {0, "gamma", AVL_OPT_NUMBER, &gamma_factor, "X", "--schedule step: factor of a drop", NULL,
     1e-9, 1},
    {0, "seed", AVL_OPT_INT, &seed, "N", "of all that is random", NULL, 0, 2147483647},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Validation", NULL, 0, 0},
    {0, "valid", AVL_OPT_TEXT, &valid_path, "FILE", "records to measure with, not to learn from",
     NULL, 0, 0},
    {0, "hold-out", AVL_OPT_NUMBER, &hold_out, "SHARE",
     "the last SHARE of the records are for that", NULL, 0, 0.9},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    {'o', "output", AVL_OPT_TEXT, &avl_common.output, "CKPT", "the checkpoint, which is a model",
     NULL, 0, 0},
    {0, "every", AVL_OPT_INT, &every, "N",
     "steps between checkpoints and validations (default: an epoch)", NULL, 1, 1000000000},
    {0, "keep", AVL_OPT_INT, &keep, "N", "keep the last N checkpoints by their step as well", NULL,
     0, 1000000},
    {0, "resume", AVL_OPT_FLAG, &resume, NULL, "go on from CKPT, or begin where there is none",
     NULL, 0, 0},
    {0, "log", AVL_OPT_TEXT, &log_path, "TSV", "a table with a row for each step", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Running", NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &threads, "N", "threads (default: one a processor)", NULL, 1,
     256},
    {0, "cpu", AVL_OPT_TEXT, &cpu, "LEVEL", "portable, avx2, avx512, or auto: the best", NULL, 0,
     0},
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-train",
    .synopsis = "[--unsup NAME] [--sup NAME] [--lambda W] [-m INIT] [--epochs N] "
		"[--batch N] [--lr X] [--seed N] [--freeze PREFIX] [--resume] "
		"[--log TSV] -o CKPT FILE...",
    .summary = "Trains a model's fully connected layers on records of avl-embed.",
    .options = options,
};

/* All that a run consists of. */
struct session {
	struct avl_safetensors
	    *init; /* the model at the start, or the checkpoint that is resumed */
	struct avl_contract contract;
	char *contract_text;
	struct avl_heads heads;
	struct avl_trainer trainer;
	struct avl_schedule schedule;
	struct avl_training training;
	struct avl_par *par;
	struct avl_dataset *data, *valid_data;
	struct feed feed, valid;
	bool validates, resumed;
	bool drops_names; /* the checkpoint leaves out what names INIT's units */
	int64_t total;    /* steps; 0: unknown */
	struct train_log *log;
};

static volatile sig_atomic_t stop_signal;

static void on_stop(int number)
{
	stop_signal = number;
}

/* Before the first output is opened, whose own handlers then leave these alone. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, old;
	sigemptyset(&action.sa_mask);
	static const int signals[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

/* --- what was asked for --- */

static const struct avl_loss *loss_of(const char *names, int choice)
{
	char name[32];
	if (choice < 0)
		return NULL;
	for (; choice > 0; choice--)
		names = strchr(names, '|') + 1;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(names, "|"), names);
	return avl_loss_find(name);
}

static double usual(double given, double otherwise)
{
	return isnan(given) ? otherwise : given;
}

static struct avl_trainer_options read_options(const struct avl_contract *contract)
{
	const enum avl_attention by_score[] = {
	    [AVL_SCORE_DOT] = AVL_ATTENTION_DOT,
	    [AVL_SCORE_RELU] = AVL_ATTENTION_RELU,
	    [AVL_SCORE_COSINE] = AVL_ATTENTION_COSINE,
	    [AVL_SCORE_CLASS] = AVL_ATTENTION_DOT,
	};
	struct avl_trainer_options o = {
	    .unsup = loss_of(UNSUP_NAMES, unsup),
	    .sup = loss_of(SUP_NAMES, sup),
	    .lambda = lambda,
	    .score = score >= 0 ? (enum avl_attention)score : by_score[contract->score],
	    .hardest = negatives == 1,
	    .clip = clip,
	    .optim = {.kind = (enum avl_optim_kind)optim,
		      .beta1 = 0.9,
		      .beta2 = 0.999,
		      .eps = 1e-8,
		      .momentum = momentum,
		      .decay = decay},
	    .seed = (uint64_t)seed,
	};
	if (score < 0 && o.unsup)
		o.score = AVL_ATTENTION_COSINE;
	const double usual_of_score = o.score == AVL_ATTENTION_COSINE ? 0.1 : 1;
	o.temperature =
	    usual(temperature, contract->temperature != 1 ? contract->temperature : usual_of_score);
	if (o.unsup) {
		o.margin = usual(margin, o.unsup->margin);
		o.tau = usual(tau, o.unsup->tau);
		if (o.unsup->kind == AVL_LOSS_PAIRS && o.score != AVL_ATTENTION_COSINE)
			avl_usage("--unsup %s compares cosines: --score must be cosine",
				  o.unsup->name);
		if (isnan(o.unsup->margin) && !isnan(margin))
			avl_usage("--unsup %s has no --margin", o.unsup->name);
		if (isnan(o.unsup->tau) && !isnan(tau))
			avl_usage("--unsup %s has no --tau", o.unsup->name);
	}
	return o;
}

static void check_usage(int files, char **file)
{
	if (unsup < 0 && sup < 0)
		avl_usage("name a loss: --unsup, --sup, or both");
	if (!avl_common.output || !strcmp(avl_common.output, "-"))
		avl_usage("-o CKPT is needed");
	bool streams = !files;
	for (int i = 0; i < files; i++)
		streams |= !strcmp(file[i], "-");
	if (streams && files > 1)
		avl_usage("'-' is one pass over standard input: no other file beside it");
	if (streams && resume)
		avl_usage("--resume: standard input cannot be read again");
	if (streams && hold_out > 0)
		avl_usage("--hold-out: standard input has no known length; use --valid FILE");
	if (streams && schedule == AVL_SCHEDULE_COSINE)
		avl_usage("--schedule cosine: standard input has no known length");
	if (valid_path && hold_out > 0)
		avl_usage("either --valid or --hold-out");
	if ((unsup >= 0 && batch < 2) || batch < 1)
		avl_usage("--batch: another sound to compare with is needed: at least 2");
	if (units && !fresh)
		avl_usage("--units is for --fresh");
}

/* --- settings that a checkpoint must agree with --- */

/* The digest of the model at the start; at --resume without -m the checkpoint's word for it. */
static char *name_init(const struct session *s)
{
	struct avl_err err;
	struct avl_safetensors *file = NULL;
	const char *digest = avl_safetensors_meta(s->init, "avl.digest");
	if (s->resumed && model_path && avl_safetensors_open(&file, model_path, &err))
		avl_die_err(&err);
	if (file)
		digest = avl_safetensors_meta(file, "avl.digest");
	else if (s->resumed)
		digest = avl_json_string(s->training.settings, "init", NULL);
	char *const copy = strdup(digest ? digest : "unknown");
	avl_safetensors_close(file);
	if (!copy)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	return copy;
}

static struct avl_json *make_settings(const struct session *s)
{
	static const char *const kinds[] = {"dot", "relu", "cosine"};
	static const char *const optims[] = {"adam", "adamw", "sgd"};
	static const char *const schedules[] = {"constant", "cosine", "step"};
	const struct avl_trainer_options *const o = &s->trainer.options;
	const struct {
		const char *name;
		double value;
	} number[] = {
	    {"lambda", o->lambda},
	    {"temperature", o->temperature},
	    {"tau", o->unsup ? o->tau : NAN},
	    {"margin", o->unsup ? o->margin : NAN},
	    {"negatives", negatives},
	    {"fresh", fresh},
	    {"units", s->heads.units},
	    {"hidden", s->heads.hidden},
	    {"batch", batch},
	    {"lr", rate},
	    {"decay", decay},
	    {"momentum", momentum},
	    {"clip", clip},
	    {"warmup", warmup},
	    {"drop-every", (double)s->schedule.every},
	    {"gamma", gamma_factor},
	    {"seed", seed},
	    {"every", every},
	    {"epochs", schedule == AVL_SCHEDULE_COSINE ? epochs : NAN},
	    {"hold-out", hold_out},
	    {"records", (double)s->feed.count},
	    {"data", s->feed.digest},
	    {"valid", s->validates ? (double)s->valid.digest : NAN},
	};
	struct avl_json *const settings = avl_json_object();
	char *const init = name_init(s);
	int rc = avl_json_set_string(settings, "arch", s->contract.arch) ||
		 avl_json_set_string(settings, "init", init) ||
		 avl_json_set_string(settings, "unsup", o->unsup ? o->unsup->name : "none") ||
		 avl_json_set_string(settings, "sup", o->sup ? o->sup->name : "none") ||
		 avl_json_set_string(settings, "score", kinds[o->score]) ||
		 avl_json_set_string(settings, "freeze", freeze ? freeze : "") ||
		 avl_json_set_string(settings, "optim", optims[optim]) ||
		 avl_json_set_string(settings, "schedule", schedules[schedule]);
	for (size_t i = 0; i < sizeof number / sizeof number[0] && !rc; i++)
		if (!isnan(number[i].value))
			rc = avl_json_set_number(settings, number[i].name, number[i].value);
	if (rc)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	free(init);
	return settings;
}

static void write_model(const void *arg, const char *path)
{
	const struct session *const s = arg;
	struct avl_err err;
	struct avl_output output;
	avl_output_open(&output, path, false);
	if (avl_checkpoint_write(output.fd, s->init, s->contract_text, s->drops_names,
				 s->heads.param, AVL_HEAD_PARAMS, &s->training, &err))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, err.text);
	avl_output_commit(&output);
}

static void write_checkpoint(const struct session *s, bool regular, bool best)
{
	const struct train_files files = {
	    .path = avl_common.output,
	    .every = every,
	    .keep = regular ? keep : 0,
	    .best = best,
	    .write = write_model,
	    .arg = s,
	};
	train_files_write(&files, s->training.step);
}

/* --- beginning --- */

static void open_init(struct session *s)
{
	struct avl_err err;
	char *path = NULL;
	s->resumed = resume && !access(avl_common.output, F_OK);
	if (s->resumed)
		path = strdup(avl_common.output);
	else
		path = model_path ? strdup(model_path) : avl_model_path();
	if (!path)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (avl_safetensors_open(&s->init, path, &err))
		avl_die_err(&err);
	if (avl_contract_read(&s->contract, s->init, &err))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, err.text);
	if (s->resumed && avl_training_read(&s->training, s->init, &err))
		avl_die(AVL_EXIT_FAILURE, "--resume: '%s' %s", path, err.text);
	free(path);
}

static void open_heads(struct session *s, const struct avl_trainer_options *o)
{
	struct avl_err err;
	const struct avl_heads_options options_of_heads = {
	    .fresh = fresh && !s->resumed,
	    .units = units,
	    .image = o->unsup && o->unsup->kind == AVL_LOSS_EMBED,
	    .hidden = hidden,
	    .freeze = freeze,
	    .moments = o->optim.kind == AVL_OPTIM_SGD ? 1 : 2,
	    .seed = (uint64_t)seed,
	};
	static const char *const kinds[] = {"dot", "relu", "cosine"};
	const int code = avl_heads_init(&s->heads, &s->contract, s->init, &options_of_heads, &err);
	if (code == AVL_EUSAGE)
		avl_usage("--freeze: %s", err.text);
	if (code)
		avl_die_err(&err);
	s->drops_names = options_of_heads.fresh;
	s->contract_text =
	    avl_checkpoint_contract(s->init, kinds[o->score], o->temperature, s->drops_names);
	if (!s->contract_text)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
}

static void open_data(struct session *s, int files, char **file)
{
	struct avl_err err;
	struct avl_sample_shape shape = {.channels = s->heads.channels,
					 .features = s->heads.features};
	if (!files || !strcmp(file[0], "-")) {
		feed_open(&s->feed, NULL, 0, 0, &shape, 0);
	} else {
		if (avl_dataset_open(&s->data, file, files, &err))
			avl_die_err(&err);
		const int64_t all = avl_dataset_count(s->data);
		const int64_t held = (int64_t)ceil(hold_out * (double)all);
		if (all < 2)
			avl_die(AVL_EXIT_FAILURE, "'%s': %s: there is nothing to compare with",
				file[0], all ? "one record" : "no record");
		feed_open(&s->feed, s->data, 0, all - held, &shape, 0);
		if (batch > all - held)
			avl_die(AVL_EXIT_FAILURE,
				"--batch %d is larger than the data: %" PRId64 " records", batch,
				all - held);
		if (s->feed.known == 0 && sup >= 0)
			avl_die(AVL_EXIT_FAILURE, "--sup: no record has boxes.npy or mask.npy that "
						  "shows a source (avl-truth adds them)");
		if (held)
			feed_open(&s->valid, s->data, all - held, held, &s->feed.shape,
				  s->feed.rate_hz);
	}
	if (valid_path) {
		char *const path = strdup(valid_path);
		if (!path)
			avl_die(AVL_EXIT_FAILURE, "out of memory");
		if (avl_dataset_open(&s->valid_data, &path, 1, &err))
			avl_die_err(&err);
		free(path);
		feed_open(&s->valid, s->valid_data, 0, avl_dataset_count(s->valid_data),
			  s->feed.dataset ? &s->feed.shape : &shape, s->feed.rate_hz);
	}
	s->validates = s->valid.count > 0;
	if ((valid_path || hold_out > 0) && s->valid.count < 2)
		avl_die(AVL_EXIT_FAILURE, "validation needs two records at least");
	feed_prepare(&s->feed, batch, (uint64_t)seed);
	if (s->validates)
		feed_prepare(&s->valid, s->valid.count < batch ? (int)s->valid.count : batch, 0);
}

static void open_trainer(struct session *s, const struct avl_trainer_options *o)
{
	struct avl_err err;
	const int64_t per_epoch = s->feed.dataset ? feed_batches(&s->feed) : 0;
	s->total = (int64_t)epochs * per_epoch;
	every = every ? every : per_epoch ? (int)per_epoch : 100;
	s->schedule = (struct avl_schedule){
	    .kind = (enum avl_schedule_kind)schedule,
	    .rate = rate,
	    .gamma = gamma_factor,
	    .warmup = warmup,
	    .every = drop_every ? drop_every : 10 * (per_epoch ? per_epoch : 100),
	    .total = s->total,
	};
	if (avl_trainer_init(&s->trainer, o, &s->heads, batch, s->feed.shape.rows,
			     s->feed.shape.cols, s->par, &err))
		avl_die_err(&err);
	struct avl_json *const settings = make_settings(s);
	if (s->resumed) {
		train_settings_compare(avl_common.output, s->training.settings, settings);
		if (avl_moments_read(s->heads.param, AVL_HEAD_PARAMS, s->init, &err))
			avl_die(AVL_EXIT_FAILURE, "--resume: '%s': %s", avl_common.output,
				err.text);
		avl_json_free(settings);
	} else {
		s->training.settings = settings;
	}
}

/* --- learning --- */

static struct avl_result validate(struct session *s)
{
	struct avl_result all = {.grad_norm = NAN, .bad = -1}, one;
	struct avl_err err;
	struct avl_rng rng;
	for (int64_t i = 0; i < feed_batches(&s->valid); i++) {
		feed_look(&s->valid, i);
		avl_rng_init(&rng, (uint64_t)seed, AVL_STREAM_VALID + (uint64_t)i);
		if (avl_trainer_look(&s->trainer, s->valid.sample, s->valid.batch, &rng, 0, &one,
				     &err))
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

static void learn(struct session *s)
{
	static char unit[64] = "records";
	struct avl_err err;
	struct avl_result result;
	const int64_t before = s->training.step;
	bool written = s->resumed;
	avl_progress_start(unit, (double)(s->total - before) * batch);
	while (s->total == 0 || s->training.step < s->total) {
		const int64_t step = s->training.step + 1;
		const double now = avl_schedule_rate(&s->schedule, step);
		if (!feed_step(&s->feed, step))
			break;
		if (avl_trainer_step(&s->trainer, s->feed.sample, batch, step, now, &result, &err))
			avl_die_err(&err);
		check_result(s, &result, step);
		s->training.step = step;
		snprintf(unit, sizeof unit, "records, loss %.4g", result.loss);
		avl_progress((double)(step - before) * batch);
		const bool regular = step % every == 0, last = step == s->total;
		written = regular || last || stop_signal;
		if (regular || last) {
			const bool best = take_stock(s, &result, now);
			write_checkpoint(s, regular, best);
		} else {
			train_log_row(s->log, step, epoch_of(s, step), &result, now, NULL);
			if (stop_signal)
				write_checkpoint(s, false, false);
		}
		if (stop_signal)
			end_by_signal(s);
	}
	avl_progress_end();
	if (!written)
		write_checkpoint(s, false, false);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct session s = {0};
	struct avl_err err;
	check_usage(argc - first, argv + first);
	if (avl_kern_use(cpu, &err))
		avl_usage("%s", err.text);
	if (avl_par_new(&s.par, threads > 0 ? threads : avl_par_processors(), &err))
		avl_die_err(&err);
	catch_signals();
	open_init(&s);
	const struct avl_trainer_options o = read_options(&s.contract);
	open_heads(&s, &o);
	open_data(&s, argc - first, argv + first);
	open_trainer(&s, &o);
	s.log = train_log_open(log_path, s.resumed, s.training.step);
	learn(&s);
	train_log_close(s.log);
	avl_trainer_release(&s.trainer);
	avl_heads_release(&s.heads);
	feed_close(&s.feed);
	feed_close(&s.valid);
	avl_dataset_close(s.data);
	avl_dataset_close(s.valid_data);
	avl_json_free(s.training.settings);
	avl_safetensors_close(s.init);
	avl_par_free(s.par);
	free(s.contract_text);
	return avl_finish();
}
