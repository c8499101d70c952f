/* SPDX-License-Identifier: MIT */
#include "cmd/train_session.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/train_files.h"
#include "cmd/train_options.h"
#include "cmd/train_settings.h"

/* --- settings that a checkpoint must agree with --- */

/* The digest of the model at the start; at --resume without -m the checkpoint's word for it. */
static char *name_init(const struct session *s)
{
	struct avl_err err;
	struct avl_safetensors *file = NULL;
	const char *digest = avl_safetensors_meta(s->init, "avl.digest");
	if (s->resumed && train.model && avl_safetensors_open(&file, train.model, &err))
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

static const char *score_name(const struct avl_trainer_options *o)
{
	static const char *const kinds[] = {"dot", "relu", "cosine", "cosine-relu"};
	return kinds[o->score];
}

static struct avl_json *make_settings(const struct session *s)
{
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
	    {"negatives", train.negatives},
	    {"by-source", train.by_source ? 1 : NAN},
	    {"fresh", train.fresh},
	    {"units", s->networks.heads.units},
	    {"middle", s->networks.heads.middle ? s->networks.heads.middle : NAN},
	    {"hidden", s->networks.heads.hidden},
	    {"batch", train.batch},
	    {"lr", train.rate},
	    {"decay", train.decay},
	    {"momentum", train.momentum},
	    {"clip", train.clip},
	    {"augment", o->augment},
	    {"image-dropout", o->dropout},
	    {"follow", o->follow},
	    {"bn", train.bn},
	    {"warmup", train.warmup},
	    {"drop-every", (double)s->schedule.every},
	    {"gamma", train.gamma},
	    {"seed", train.seed},
	    {"every", train.every},
	    {"epochs", train.schedule == AVL_SCHEDULE_COSINE ? train.epochs : NAN},
	    {"hold-out", train.hold_out},
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
		 avl_json_set_string(settings, "score", score_name(o)) ||
		 avl_json_set_string(settings, "freeze", train.freeze ? train.freeze : "") ||
		 avl_json_set_string(settings, "optim", optims[train.optim]) ||
		 avl_json_set_string(settings, "schedule", schedules[train.schedule]);
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
	struct avl_tensors made;
	avl_tensors_init(&made);
	networks_save(&s->networks, &made);
	if (avl_checkpoint_write(output.fd, s->init, s->contract_text, s->networks.drops_names,
				 &made, &s->training, &err))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, err.text);
	avl_output_commit(&output);
	avl_tensors_release(&made);
}

void session_write(const struct session *s, bool regular, bool best)
{
	const struct train_files files = {
	    .path = avl_common.output,
	    .every = train.every,
	    .keep = regular ? train.keep : 0,
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
	s->resumed = train.resume && !access(avl_common.output, F_OK);
	if (s->resumed)
		path = strdup(avl_common.output);
	else
		path = train.model ? strdup(train.model) : avl_model_path();
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
	s->networks = (struct networks){
	    .contract = &s->contract,
	    .init = s->init,
	    .resumed = s->resumed,
	    .par = s->par,
	};
	networks_open(&s->networks, o);
	s->contract_text =
	    avl_checkpoint_contract(s->init, score_name(o), o->temperature, s->networks.drops_names,
				    s->resumed ? 0 : train.layers);
	if (!s->contract_text)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
}

static void open_data(struct session *s, int files, char **file)
{
	struct avl_err err;
	const struct avl_sample_shape shape = {.channels = s->networks.heads.seen,
					       .features = s->networks.heads.features};
	if (!files || !strcmp(file[0], "-")) {
		feed_open(&s->feed, NULL, 0, 0, &shape, 0);
	} else {
		if (avl_dataset_open(&s->data, file, files, &err))
			avl_die_err(&err);
		const int64_t all = avl_dataset_count(s->data);
		const int64_t held = (int64_t)ceil(train.hold_out * (double)all);
		if (all < 2)
			avl_die(AVL_EXIT_FAILURE, "'%s': %s: there is nothing to compare with",
				file[0], all ? "one record" : "no record");
		feed_open(&s->feed, s->data, 0, all - held, &shape, 0);
		if (train.batch > all - held)
			avl_die(AVL_EXIT_FAILURE,
				"--batch %d is larger than the data: %" PRId64 " records",
				train.batch, all - held);
		if (s->feed.known == 0 && train.sup >= 0)
			avl_die(AVL_EXIT_FAILURE, "--sup: no record has boxes.npy or mask.npy that "
						  "shows a source (avl-truth adds them)");
		if (held)
			feed_open(&s->valid, s->data, all - held, held, &s->feed.shape,
				  s->feed.rate_hz);
	}
	feed_prepare(&s->feed, train.batch, (uint64_t)train.seed);
	if (train.valid) {
		char *const path = strdup(train.valid);
		if (!path)
			avl_die(AVL_EXIT_FAILURE, "out of memory");
		if (avl_dataset_open(&s->valid_data, &path, 1, &err))
			avl_die_err(&err);
		free(path);
		feed_open(&s->valid, s->valid_data, 0, avl_dataset_count(s->valid_data),
			  &s->feed.shape, s->feed.rate_hz);
	}
	s->validates = s->valid.count > 0;
	if ((train.valid || train.hold_out > 0) && s->valid.count < 2)
		avl_die(AVL_EXIT_FAILURE, "validation needs two records at least");
	if (s->validates)
		feed_prepare(&s->valid,
			     s->valid.count < train.batch ? (int)s->valid.count : train.batch, 0);
}

/* The networks of what the records do not have the features of. */
static void open_networks(struct session *s, const struct avl_trainer_options *o)
{
	const struct avl_sample_shape *const shape = &s->feed.shape;
	const int of_picture = AVL_AUGMENT_CROP | AVL_AUGMENT_FLIP;
	if ((o->augment & of_picture) && shape->picture != AVL_ORIGIN_RAW)
		avl_usage("--augment: the records have v.npy; there are no pictures to vary");
	if ((o->augment & AVL_AUGMENT_WINDOW) && shape->sound != AVL_ORIGIN_RAW)
		avl_usage("--augment: the records have fs.npy; there are no sounds to vary");
	feed_peek(&s->feed);
	networks_add(&s->networks, &s->feed.shape, &s->feed.sample[0]);
	s->valid.shape = s->feed.shape;
	if (avl_common.verbose && networks_bytes(&s->networks))
		avl_warn("networks take %.0f MiB of memory for batches of %d",
			 (double)networks_bytes(&s->networks) / (1 << 20), train.batch);
}

static void open_trainer(struct session *s, const struct avl_trainer_options *o)
{
	struct avl_err err;
	const int64_t per_epoch = s->feed.dataset ? feed_batches(&s->feed) : 0;
	s->total = (int64_t)train.epochs * per_epoch;
	train.every = train.every ? train.every : per_epoch ? (int)per_epoch : 100;
	s->schedule = (struct avl_schedule){
	    .kind = (enum avl_schedule_kind)train.schedule,
	    .rate = train.rate,
	    .gamma = train.gamma,
	    .warmup = train.warmup,
	    .every = train.drop_every ? train.drop_every : 10 * (per_epoch ? per_epoch : 100),
	    .total = s->total,
	};
	const struct avl_trainer_parts parts = networks_parts(&s->networks);
	if (avl_trainer_init(&s->trainer, o, &parts, train.batch, s->feed.shape.rows,
			     s->feed.shape.cols, s->par, &err))
		avl_die_err(&err);
	if (!s->trainer.nparams)
		avl_usage("%s", train.freeze ? "--freeze: all parameters are frozen"
					     : "nothing learns: the records have the features, and "
					       "the model no layers behind them");
	struct avl_json *const settings = make_settings(s);
	if (s->resumed) {
		train_settings_compare(avl_common.output, s->training.settings, settings);
		networks_resume(&s->networks);
		avl_json_free(settings);
	} else {
		s->training.settings = settings;
	}
}

void session_open(struct session *s, int files, char **file)
{
	open_init(s);
	const struct avl_trainer_options o = train_options_read(&s->contract);
	open_heads(s, &o);
	open_data(s, files, file);
	open_networks(s, &o);
	open_trainer(s, &o);
	s->log = train_log_open(train.log, s->resumed, s->training.step);
}

void session_close(struct session *s)
{
	train_log_close(s->log);
	avl_trainer_release(&s->trainer);
	networks_close(&s->networks);
	feed_close(&s->feed);
	feed_close(&s->valid);
	avl_dataset_close(s->data);
	avl_dataset_close(s->valid_data);
	avl_json_free(s->training.settings);
	avl_safetensors_close(s->init);
	free(s->contract_text);
}
