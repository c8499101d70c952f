/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_EVALUATION_H
#define AVL_EVAL_EVALUATION_H

#include "eval/control.h"
#include "eval/mask_score.h"
#include "eval/score.h"
#include "io/stream.h"

/* A data set measured in one pass: a few numbers are kept of every record. */

struct avl_evaluation_options {
	struct avl_protocol protocol;
	int flat_counts; /* constant maps are judged as the official code does, not as misses */
	int align; /* maps of a crop are put where they belong; the official codes stretch them */
	int pairs; /* group records that share their picture (IS3); else if they are of IS3 */
	int resamples; /* of the bootstrap; 0: no intervals */
	uint64_t seed;
};

/* Why a record is no part of the numbers. */
enum avl_left_out {
	AVL_LEFT_NONE,
	AVL_LEFT_NO_MAP,
	AVL_LEFT_NO_TRUTH,
	AVL_LEFT_NEGATIVE, /* no visible source, and the protocol has no negatives */
	AVL_LEFT_CONTROL,  /* a control of a kind that is not known */
	AVL_LEFT_BAD,      /* a member of the wrong type or shape: an error as well */
	AVL_LEFT_KINDS
};

const char *avl_left_out_words(enum avl_left_out why);

enum avl_data_set {
	AVL_DATA_OTHER,
	AVL_DATA_VGGSS,
	AVL_DATA_FLICKR,
	AVL_DATA_IS3,
	AVL_DATA_SILENT,
	AVL_DATA_SETS
};

/* What is kept of a record. Shares are NaN where there is nothing to say. */
struct avl_result {
	uint64_t key, group; /* hashes of the key, and of the picture without its last part */
	double ciou, median_ciou;
	double area; /* sum g */
	double disc, full, ceiling, other_map;
	double universal_ciou, universal_share;
	double pointing, right_of_two; /* 0 or 1 */
	float confidence, largest;
	unsigned char control, data_set, visible, flat, finite, known, repeated, cropped;
	int boxes, clipped;
};

struct avl_evaluation {
	struct avl_evaluation_options options;
	struct avl_scorer *scorer;
	struct avl_mask_scorer masks;
	struct avl_truth_map truth, other;
	/* the last map, and the last of another picture than that one */
	struct avl_kept_map {
		struct avl_grid_map *map;
		uint64_t source;
		int is_set;
	} last, before;
	uint64_t last_heat; /* its hash */
	struct avl_result *result;
	int n, room;
	int left_out[AVL_LEFT_KINDS];
};

int avl_evaluation_new(struct avl_evaluation **evaluation,
		       const struct avl_evaluation_options *options, struct avl_err *err);
void avl_evaluation_free(struct avl_evaluation *evaluation); /* NULL is allowed */

/* Takes a record in. *WHY says whether it was left out. *RESULT and *SCORE are what was measured,
 * where it was not. An error (AVL_ESHAPE and AVL_EFORMAT: this record cannot be used, and was
 * counted; others end the run). */
int avl_evaluation_add(struct avl_evaluation *evaluation, const struct avl_record *record,
		       enum avl_left_out *why, struct avl_result *result, struct avl_score *score,
		       struct avl_err *err);

#endif
