/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_MODEL_H
#define AVL_NET_MODEL_H

#include "base/par.h"
#include "io/contract.h"
#include "net/class_map.h"
#include "net/graph.h"
#include "net/sound_head.h"
#include "ops/ops.h"

/* The two-stream model (Senocak et al. 2018, section 3): an image network gives v, a sound network
 * f_s, two fully connected layers make f_s the embedding h, and the score map is the product of h
 * with v at each position. Which networks, front ends and activations: the model file's contract.
 *
 * A model remembers one picture and one sound. Set each, run its network, then ask for scores. */
struct avl_model;

/* Reads the model file at PATH; PRECISION: of its networks. PAR is borrowed, may be NULL. */
int avl_model_open(struct avl_model **model, const char *path, enum avl_precision precision,
		   struct avl_par *par, struct avl_err *err);
/* The same, but the file's digest may be left to avl_model_verify, before which nothing may be made
 * public that came of the model. After both networks have run this takes hardly any time: they have
 * summed the weights up as they read them. */
int avl_model_open_unverified(struct avl_model **model, const char *path,
			      enum avl_precision precision, struct avl_par *par,
			      struct avl_err *err);
/* AVL_EFORMAT: the file is damaged. Does nothing where that has been found out before. */
int avl_model_verify(struct avl_model *model, struct avl_err *err);
void avl_model_close(struct avl_model *model); /* NULL is allowed */

const struct avl_contract *avl_model_contract(const struct avl_model *model);

/* --- the picture --- */

/* Front end: RGB u1 (h, w, 3). REGION: the part of the frame that maps will cover, x0 y0 x1 y1. */
int avl_model_set_picture(struct avl_model *model, const uint8_t *rgb, int h, int w,
			  double region[4], struct avl_err *err);
/* Image network: v, blocked, 1 x c x rows x cols, the model's until the next run. */
const struct avl_map *avl_model_run_picture(struct avl_model *model);

/* The v of the last run. */
const struct avl_map *avl_model_features(const struct avl_model *model);

/* --- the sound --- */
struct avl_hearing {
	size_t patches;
	int features;    /* d */
	const float *fs; /* (patches, d): what the sound network gives */
	int units;       /* of the first fully connected layer; classes where those have names */
	const float *q;  /* (units): its activations, pooled over the patches; f_s without it */
	const float *h;  /* the embedding: as many values as v has channels, one head's after the
			    other's where there are several */
};

/* Front end: N samples at RATE_HZ, mono, -1..1, all finite. Memory may be taken where a model's
 * sounds differ in length. */
int avl_model_set_sound(struct avl_model *model, const float *samples, size_t n, int rate_hz,
			struct avl_err *err);
/* Sound network and fully connected layers; the hearing is the model's until the next run. */
int avl_model_run_sound(struct avl_model *model, struct avl_hearing *hearing, struct avl_err *err);

/* --- both --- */

/* Size of a map. */
void avl_model_map_size(const struct avl_model *model, int *rows, int *cols);

/* AVL_EUSAGE where the model cannot score that way (class: it has no classifier). */
int avl_model_can_score(const struct avl_model *model, enum avl_score score, struct avl_err *err);

/* MAP (rows x cols) of the remembered picture for the activations Q (units), which are
 * hearing.q or a part of it: the map is linear in Q for dot and class. The mean over heads where
 * there are several; not divided by the contract's temperature. */
void avl_model_score(struct avl_model *model, enum avl_score score, const float *q, float *map);

/* How likely the peak of MAP, which was scored by SCORE, lies on the source: net/certainty.h. */
double avl_model_sure(const struct avl_model *model, enum avl_score score, const float *map);

/* --- what the sound is called --- */

/* Name of unit I, NULL where the model names none. */
const char *avl_model_class(const struct avl_model *model, int i);

/* The fully connected layers, for parting a sound into its sources (net/sources.h). */
const struct avl_sound_head *avl_model_head(const struct avl_model *model);
const struct avl_class_map *avl_model_class_map(const struct avl_model *model); /* NULL: none */

#endif
