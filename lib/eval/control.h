/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_CONTROL_H
#define AVL_EVAL_CONTROL_H

#include <stdint.h>

#include "io/stream.h"

/* Controls: records whose sound says nothing about the picture, so that a map which looks as good
 * as with the right sound shows a model that does not listen. The seal's "control" names the kind.
 *
 *	silence    zeros
 *	noise      normal noise of deviation 1, cut to -1..1
 *	offscreen  a sound from outside the picture; whoever makes the record chooses it
 *	shuffled   the sound of another clip
 *
 * The truth of such a record is still the truth of its picture. */
enum avl_control {
	AVL_CONTROL_NONE,
	AVL_CONTROL_SILENCE,
	AVL_CONTROL_NOISE,
	AVL_CONTROL_OFFSCREEN,
	AVL_CONTROL_SHUFFLED,
	AVL_CONTROLS
};

const char *avl_control_name(enum avl_control control); /* "" for none */
/* The kind that the seal names; -1 for one that is not known. */
int avl_control_of(const struct avl_json *seal);

/* Makes controls of one kind out of ordinary records. */
struct avl_controller {
	enum avl_control kind;
	uint64_t seed;
	/* of shuffled: the sound of the clip before, and of this clip */
	struct avl_donor {
		char *source;
		float *sound;
		size_t n;
		double rate_hz;
	} before, now;
};

/* Replaces the sound of RECORD (audio.npy, f4 (n)) and writes "control" into its seal; "sound"
 * names the clip a shuffled sound is from. A record that holds a map already, or whose kind is
 * offscreen, is only marked. Shuffled takes the last sound of the clip before, so the records of
 * the first clip get none: AVL_ENONE, and the record is as it was. */
int avl_control_make(struct avl_controller *controller, struct avl_record *record,
		     struct avl_err *err);
void avl_controller_release(struct avl_controller *controller);

#endif
