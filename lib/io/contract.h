/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_CONTRACT_H
#define AVL_IO_CONTRACT_H

#include <stddef.h>

#include "base/err.h"
#include "io/safetensors.h"

/* What a model asks of its input and how its score is formed: the JSON text in the metadata entry
 * "avl.contract" of a model file (avl-model(5)). It stands here, below the networks, so that a
 * command that only prepares input can read it without linking them. */

enum avl_fit {
	AVL_FIT_STRETCH, /* "stretch": both sides are resized */
	AVL_FIT_CROP,    /* "crop": the short side is resized, the middle is kept */
};

/* Pillow's antialiased filters. */
enum avl_contract_kernel {
	AVL_KERNEL_BOX,
	AVL_KERNEL_BILINEAR,
	AVL_KERNEL_BICUBIC,
	AVL_KERNEL_LANCZOS,
};

/* In what the resizing is done. */
enum avl_arithmetic {
	AVL_ARITHMETIC_BYTES,  /* "bytes": rounded to 0..255, as Pillow does */
	AVL_ARITHMETIC_FLOATS, /* "floats": neither rounded nor clipped, as torch does */
};

enum avl_anchor {
	AVL_ANCHOR_CENTRE, /* the window's middle lies at the record's time */
	AVL_ANCHOR_START,  /* the window begins at the record's time */
	AVL_ANCHOR_WHOLE,  /* the whole sound */
};

/* What stands where a sound is shorter than the window. */
enum avl_fill { AVL_FILL_ZERO, AVL_FILL_TILE };

/* What becomes of several channels. */
enum avl_channel {
	AVL_CHANNEL_MIX,   /* "mix": their mean */
	AVL_CHANNEL_FIRST, /* "first": the first alone */
};

/* What turns the sound network's feature f_s into the embedding h. */
enum avl_head_kind {
	AVL_HEAD_FC,     /* "fc": two fully connected layers or three, activations between them */
	AVL_HEAD_LINEAR, /* "linear": one; the picture's feature goes through a 1x1 convolution */
	AVL_HEAD_NONE,   /* "none": h is f_s */
};

#define AVL_HEADS_MAX 4

enum avl_activation {
	AVL_ACTIVATION_NONE,
	AVL_ACTIVATION_RELU,
	AVL_ACTIVATION_SIGMOID,
	AVL_ACTIVATION_TANH,
};

enum avl_contract_pool { AVL_POOL_MAX, AVL_POOL_MEAN };

enum avl_score {
	AVL_SCORE_DOT,
	AVL_SCORE_RELU,
	AVL_SCORE_COSINE,
	AVL_SCORE_CLASS,
	AVL_SCORE_COSINE_RELU, /* "cosine-relu": negative cosines dropped */
	AVL_SCORES,
};

struct avl_contract {
	char arch[64];   /* "IMAGE+SOUND" */
	char preset[32]; /* "" where the file names none */
	struct {
		int height, width; /* pixels the image network takes, 1..8192 */
		enum avl_fit fit;
		enum avl_contract_kernel kernel;
		enum avl_arithmetic arithmetic;
		float mean[3], std[3]; /* of R, G, B in 0..255: (pixel - mean) / std; std > 0 */
	} frame;
	struct {
		char front_end[32];
		int rate_hz;     /* 0: the rate the sound has; else 1000..384000 */
		double window_s; /* 0: the whole sound; at most 3600 */
		enum avl_anchor anchor;
		enum avl_fill fill;
		enum avl_channel channel;
	} sound;
	struct {
		enum avl_head_kind kind;
		int count;  /* of heads, whose scores are averaged: 1..AVL_HEADS_MAX */
		int layers; /* of AVL_HEAD_FC, 2, or 3 with a ReLU before the last; else 0 */
		enum avl_activation activation; /* behind the first of them */
		double floor;                   /* activations at or below it count as 0 */
		enum avl_contract_pool pool;    /* over the patches of one sound */
	} head;
	enum avl_score score;
	/* What scores are divided by before a softmax, in training: maps are not. Above 0. */
	double temperature;
};

/* Reads the N bytes of JSON text. "arch", "frame" and "sound" are required, with all of their
 * members but frame.arithmetic (bytes) and sound.channel (mix); "preset", "head" (fc, 1, 2, none,
 * 0, mean), "score" (dot) and "temperature" (1) have defaults. AVL_EFORMAT where a member is
 * missing, of another type, unknown by name, or out of its range. */
int avl_contract_parse(struct avl_contract *contract, const char *text, size_t n,
		       struct avl_err *err);

/* The JSON text of CONTRACT, which reads back as the same contract; members that hold their default
 * and came to the format late (arithmetic, channel, kind, count, layers, temperature) are left out.
 * Malloc'd, NULL when memory is exhausted. */
char *avl_contract_write(const struct avl_contract *contract);

/* The contract of an open model file; AVL_ENONE where the file carries none. */
int avl_contract_read(struct avl_contract *contract, const struct avl_safetensors *file,
		      struct avl_err *err);

/* The name by which a value stands in the JSON text. */
const char *avl_fit_name(enum avl_fit fit);
const char *avl_contract_kernel_name(enum avl_contract_kernel kernel);
const char *avl_arithmetic_name(enum avl_arithmetic arithmetic);
const char *avl_channel_name(enum avl_channel channel);
const char *avl_head_kind_name(enum avl_head_kind kind);
const char *avl_anchor_name(enum avl_anchor anchor);
const char *avl_fill_name(enum avl_fill fill);
const char *avl_activation_name(enum avl_activation activation);
const char *avl_contract_pool_name(enum avl_contract_pool pool);
const char *avl_score_name(enum avl_score score);

/* Where the default model lies: $AVL_MODEL if that is set and not empty, else
 * default.safetensors in the first of these directories that has it: ../share/avl and
 * ../../../lib/share beside the running program (an installed and an uninstalled tree), then the
 * share directory named at build time. Where none has it, the text is the last of these.
 * Malloc'd, NULL when memory is exhausted. */
char *avl_model_path(void);

#endif
