/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_SOUND_H
#define AVL_MEDIA_SOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

/* The sound of a source as one mono signal on the clock of the clip: sample 0 is time 0. What was
 * recorded before it (a codec's delay) is dropped; where the sound begins later or has gaps, there
 * are zeros. A stretch of it is held in memory.
 *
 * Mono is the mix of all channels, or the mean of the first few: media/mono.h. */
struct avl_sound;
struct avl_demux;

/* ORIGIN_S: time 0 on the clock of the file; NAN: its first sample. RATE_HZ 0: as it is.
 * AVL_ENONE where the source has no sound.
 * OTHER: another stream of the same source that is open, or NULL. SOURCE must outlive the sound. */
int avl_sound_open(struct avl_sound **sound, const struct avl_source *source,
		   const struct avl_demux *other, double origin_s, int rate_hz,
		   struct avl_err *err);
void avl_sound_close(struct avl_sound *sound);

/* Mixes the first CHANNELS channels only, 0: all. Before anything is decoded. */
void avl_sound_take(struct avl_sound *sound, int channels);

int avl_sound_rate(const struct avl_sound *sound);

/* Decodes until the samples before UPTO are held, or the sound ends. */
int avl_sound_decode(struct avl_sound *sound, int64_t upto, struct avl_err *err);

/* Decoded so far, and whether that is all. */
int64_t avl_sound_length(const struct avl_sound *sound, bool *ended);

/* Gives up the samples before FIRST. */
void avl_sound_forget(struct avl_sound *sound, int64_t first);

/* The samples from FIRST on, which must not have been given up. */
const float *avl_sound_samples(const struct avl_sound *sound, int64_t first);

#endif
