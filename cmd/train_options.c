/* SPDX-License-Identifier: MIT */
#include "cmd/train_options.h"

#include <math.h>
#include <string.h>

#include "train/param.h"

struct train_options train = {
    .cpu = "auto",
    .unsup = -1,
    .sup = -1,
    .score = -1,
    .epochs = 10,
    .batch = 32,
    .seed = 1,
    .hidden = 512,
    .lambda = 1,
    .temperature = NAN,
    .tau = NAN,
    .margin = NAN,
    .rate = 1e-3,
    .momentum = 0.9,
    .gamma = 0.1,
    .follow = NAN,
};

#define UNSUP_NAMES "triplet|hinge|nce|attended-nce|lvs|margin-nce|slavc"
#define SUP_NAMES   "kl|ce|l2"

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Loss (one of the first two, or both)", NULL, 0, 0},
    {0, "unsup", AVL_OPT_CHOICE, &train.unsup, "NAME",
     "learn from which sound belongs to which picture", UNSUP_NAMES, 0, 0},
    {0, "sup", AVL_OPT_CHOICE, &train.sup, "NAME", "learn from boxes and masks (avl-truth)",
     SUP_NAMES, 0, 0},
    {0, "lambda", AVL_OPT_NUMBER, &train.lambda, "W", "weight of --sup beside --unsup", NULL, 0,
     1e6},
    {0, "score", AVL_OPT_CHOICE, &train.score, "KIND",
     "how maps are scored (default: as the model says; cosine with --unsup)",
     "dot|relu|cosine|cosine-relu", 0, 0},
    {0, "temperature", AVL_OPT_NUMBER, &train.temperature, "T",
     "of the softmax over positions\n(default: as the model says, else 1; cosine 0.1)", NULL, 1e-4,
     1e4},
    {0, "tau", AVL_OPT_NUMBER, &train.tau, "T",
     "of nce, margin-nce and slavc (default: 0.03), lvs (0.07) and attended-nce (0.1)", NULL, 1e-4,
     1e4},
    {0, "margin", AVL_OPT_NUMBER, &train.margin, "M", "of hinge (default: 0.5), margin-nce (-0.2)",
     NULL, -100, 100},
    {0, "negatives", AVL_OPT_CHOICE, &train.negatives, "KIND",
     "triplet and hinge: which other sound of the batch is the wrong one", "random|hardest", 0, 0},
    {0, "by-source", AVL_OPT_FLAG, &train.by_source, NULL,
     "wrong sounds are those of another file, not any other sound", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Model", NULL, 0, 0},
    {'m', "model", AVL_OPT_TEXT, &train.model, "INIT",
     "start from this model (default: $AVL_MODEL, or the one that comes with avl)", NULL, 0, 0},
    {0, "fresh", AVL_OPT_FLAG, &train.fresh, NULL, "its fully connected layers start at random",
     NULL, 0, 0},
    {0, "layers", AVL_OPT_INT, &train.layers, "N",
     "--fresh: the sound's layers, 2 or 3 (default: as INIT)", NULL, 2, 3},
    {0, "units", AVL_OPT_INT, &train.units, "N",
     "--fresh: units of the sound's layers but the last (default: as INIT)", NULL, 1, 65536},
    {0, "hidden", AVL_OPT_INT, &train.hidden, "N",
     "units of the picture's first layer, where it is new", NULL, 1, 65536},
    {0, "freeze", AVL_OPT_TEXT, &train.freeze, "PREFIX[,PREFIX]",
     "leave the tensors as they are whose names begin so", NULL, 0, 0},
    {0, "bn", AVL_OPT_CHOICE, &train.bn, "KIND",
     "batch norms that learn: by the batch, or by their stored statistics", "batch|stored", 0, 0},
    {0, "follow", AVL_OPT_NUMBER, &train.follow, "X",
     "slavc: networks that keep X of themselves at each step give the targets\n(default: 0.999 "
     "where "
     "the model has two heads; 0: none)",
     NULL, 0, 1},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Learning", NULL, 0, 0},
    {0, "augment", AVL_OPT_TEXT, &train.augment, "KIND[,KIND]",
     "vary what the networks get: crop, flip, window (default: none)", NULL, 0, 0},
    {0, "image-dropout", AVL_OPT_NUMBER, &train.dropout, "P",
     "drop a share of the picture's features", NULL, 0, 0.99},
    {0, "epochs", AVL_OPT_INT, &train.epochs, "N", "times that every record is seen", NULL, 1,
     1000000},
    {0, "batch", AVL_OPT_INT, &train.batch, "N", "records of a step", NULL, 1, 65536},
    {0, "lr", AVL_OPT_NUMBER, &train.rate, "X", "learning rate", NULL, 0, 1e6},
    {0, "optim", AVL_OPT_CHOICE, &train.optim, "NAME", "what turns gradients into steps",
     "adam|adamw|sgd", 0, 0},
    {0, "decay", AVL_OPT_NUMBER, &train.decay, "X", "weight decay", NULL, 0, 1e6},
    {0, "momentum", AVL_OPT_NUMBER, &train.momentum, "X", "of sgd", NULL, 0, 1},
    {0, "clip", AVL_OPT_NUMBER, &train.clip, "X", "shorten longer gradients to X; 0: never", NULL,
     0, 1e9},
    {0, "schedule", AVL_OPT_CHOICE, &train.schedule, "NAME", "how the learning rate goes on",
     "constant|cosine|step", 0, 0},
    {0, "warmup", AVL_OPT_INT, &train.warmup, "N", "steps over which it rises at first", NULL, 0,
     1000000000},
    {0, "drop-every", AVL_OPT_INT, &train.drop_every, "N",
     "--schedule step: steps between drops (default: 10 epochs)", NULL, 1, 1000000000},
    {0, "gamma", AVL_OPT_NUMBER, &train.gamma, "X", "--schedule step: factor of a drop", NULL, 1e-9,
     1},
    {0, "seed", AVL_OPT_INT, &train.seed, "N", "of all that is random", NULL, 0, 2147483647},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Validation", NULL, 0, 0},
    {0, "valid", AVL_OPT_TEXT, &train.valid, "FILE", "records to measure with, not to learn from",
     NULL, 0, 0},
    {0, "hold-out", AVL_OPT_NUMBER, &train.hold_out, "SHARE",
     "the last SHARE of the records are for that", NULL, 0, 0.9},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    {'o', "output", AVL_OPT_TEXT, &avl_common.output, "CKPT", "the checkpoint, which is a model",
     NULL, 0, 0},
    {0, "every", AVL_OPT_INT, &train.every, "N",
     "steps between checkpoints and validations (default: an epoch)", NULL, 1, 1000000000},
    {0, "keep", AVL_OPT_INT, &train.keep, "N", "keep the last N checkpoints by their step as well",
     NULL, 0, 1000000},
    {0, "resume", AVL_OPT_FLAG, &train.resume, NULL,
     "go on from CKPT, or begin where there is none", NULL, 0, 0},
    {0, "log", AVL_OPT_TEXT, &train.log, "TSV", "a table with a row for each step", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Running", NULL, 0, 0},
    {'p', "precision", AVL_OPT_CHOICE, &train.precision, "TYPE",
     "of the networks' maps; bf16 takes half the memory and is less exact (default: fp32)",
     "fp32|bf16", 0, 0},
    {'j', "threads", AVL_OPT_INT, &train.threads, "N", "threads (default: one a processor)", NULL,
     1, 256},
    {0, "cpu", AVL_OPT_TEXT, &train.cpu, "LEVEL",
     "portable, avx2, avx512, avx512bf16, or auto: the best", NULL, 0, 0},
    AVL_COMMON_OPTIONS,
    {0},
};

const struct avl_command train_command = {
    .name = "avl-train",
    .synopsis = "[--unsup NAME] [--sup NAME] [--lambda W] [-m INIT] [--epochs N] "
		"[--batch N] [--lr X] [--seed N] [--freeze PREFIX] [-p fp32|bf16] "
		"[--resume] [--log TSV] -o CKPT FILE...",
    .summary = "Trains a model, or its layers behind the networks, on records.",
    .options = options,
};

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

static int augment_of(const char *names)
{
	static const char *const kinds[] = {"crop", "flip", "window"};
	int sum = 0;
	for (const char *at = names; at && *at && strcmp(names, "none");) {
		const size_t n = strcspn(at, ",");
		int i = 0;
		while (i < 3 && (strlen(kinds[i]) != n || strncmp(kinds[i], at, n)))
			i++;
		if (i == 3)
			avl_usage("--augment: '%.*s' is not one of crop, flip, window, none",
				  (int)n, at);
		sum |= 1 << i;
		at += n + (at[n] == ',');
	}
	return sum;
}

static double follow_of(const struct avl_contract *contract, const struct avl_loss *unsup)
{
	const bool is_slavc = unsup == &avl_loss_slavc;
	if (!is_slavc && !isnan(train.follow))
		avl_usage("--follow is for --unsup slavc");
	if (is_slavc && contract->head.count > 2)
		avl_usage("--unsup slavc is for one head or two, the model has %d",
			  contract->head.count);
	return !is_slavc ? 0 : usual(train.follow, contract->head.count == 2 ? 0.999 : 0);
}

struct avl_trainer_options train_options_read(const struct avl_contract *contract)
{
	const enum avl_attention by_score[] = {
	    [AVL_SCORE_DOT] = AVL_ATTENTION_DOT,
	    [AVL_SCORE_RELU] = AVL_ATTENTION_RELU,
	    [AVL_SCORE_COSINE] = AVL_ATTENTION_COSINE,
	    [AVL_SCORE_CLASS] = AVL_ATTENTION_DOT,
	    [AVL_SCORE_COSINE_RELU] = AVL_ATTENTION_COSINE_RELU,
	};
	struct avl_trainer_options o = {
	    .unsup = loss_of(UNSUP_NAMES, train.unsup),
	    .sup = loss_of(SUP_NAMES, train.sup),
	    .lambda = train.lambda,
	    .score = train.score >= 0 ? (enum avl_attention)train.score : by_score[contract->score],
	    .hardest = train.negatives == 1,
	    .by_source = train.by_source,
	    .clip = train.clip,
	    .optim = {.kind = (enum avl_optim_kind)train.optim,
		      .beta1 = 0.9,
		      .beta2 = 0.999,
		      .eps = 1e-8,
		      .momentum = train.momentum,
		      .decay = train.decay},
	    .augment = augment_of(train.augment),
	    .dropout = train.dropout,
	    .seed = (uint64_t)train.seed,
	};
	const bool is_cosine =
	    o.score == AVL_ATTENTION_COSINE || o.score == AVL_ATTENTION_COSINE_RELU;
	if (train.score < 0 && o.unsup && (!is_cosine || o.unsup->kind == AVL_LOSS_PAIRS))
		o.score = AVL_ATTENTION_COSINE;
	const double usual_of_score = o.score == AVL_ATTENTION_COSINE ? 0.1 : 1;
	o.follow = follow_of(contract, o.unsup);
	o.temperature = usual(train.temperature,
			      contract->temperature != 1 ? contract->temperature : usual_of_score);
	if (o.unsup) {
		o.margin = usual(train.margin, o.unsup->margin);
		o.tau = usual(train.tau, o.unsup->tau);
		if (o.unsup->kind == AVL_LOSS_PAIRS && o.score != AVL_ATTENTION_COSINE)
			avl_usage("--unsup %s compares cosines: --score must be cosine",
				  o.unsup->name);
		if (isnan(o.unsup->margin) && !isnan(train.margin))
			avl_usage("--unsup %s has no --margin", o.unsup->name);
		if (isnan(o.unsup->tau) && !isnan(train.tau))
			avl_usage("--unsup %s has no --tau", o.unsup->name);
	}
	return o;
}

void train_options_check(int files, char **file)
{
	if (train.unsup < 0 && train.sup < 0)
		avl_usage("name a loss: --unsup, --sup, or both");
	if (!avl_common.output || !strcmp(avl_common.output, "-"))
		avl_usage("-o CKPT is needed");
	bool streams = !files;
	for (int i = 0; i < files; i++)
		streams |= !strcmp(file[i], "-");
	if (streams && files > 1)
		avl_usage("'-' is one pass over standard input: no other file beside it");
	if (streams && train.resume)
		avl_usage("--resume: standard input cannot be read again");
	if (streams && train.hold_out > 0)
		avl_usage("--hold-out: standard input has no known length; use --valid FILE");
	if (streams && train.schedule == AVL_SCHEDULE_COSINE)
		avl_usage("--schedule cosine: standard input has no known length");
	if (train.valid && train.hold_out > 0)
		avl_usage("either --valid or --hold-out");
	if ((train.unsup >= 0 && train.batch < 2) || train.batch < 1)
		avl_usage("--batch: another sound to compare with is needed: at least 2");
	if (train.units && !train.fresh)
		avl_usage("--units is for --fresh");
	if (train.layers && !train.fresh)
		avl_usage("--layers is for --fresh");
	if (train.units && train.layers < 3 && avl_name_listed("sound_fc1.weight", train.freeze))
		avl_usage("--units: a frozen sound_fc1 keeps its units");
}
