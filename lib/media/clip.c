/* SPDX-License-Identifier: MIT */
#include "media/media.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/intact.h"
#include "media/picture.h"
#include "media/sound.h"
#include "media/source.h"
#include "media/window.h"

/* Times of a video, at most: 8 bytes each are held. */
#define TIMES_MAX (1 << 26)

struct avl_clip {
	struct avl_clip_options options;
	struct avl_source picture_source, sound_source; /* the second only where it has its own */
	struct avl_picture *picture;                    /* or NULL */
	struct avl_sound *sound;                        /* or NULL */
	bool still;
	struct avl_err damage;          /* .code is not 0: why the files end before they should */
	struct avl_picture_frame frame; /* the last */
	double *times;                  /* of a video */
	size_t ntimes;
	int64_t next; /* number of the time that comes next */
	int beyond;
	double beyond_first_s;
	float *padded; /* a window part of which lies behind the end of the sound */
	size_t padded_room;
};

/* A file that is cut off is good up to there. */
static int open_source(struct avl_clip *clip, struct avl_source *source, const char *path,
		       struct avl_err *err)
{
	const int rc = avl_source_open(source, path, err);
	if (rc)
		return rc;
	const int cut = avl_intact_check(source, err);
	if (cut != AVL_EFORMAT)
		return cut;
	clip->damage = *err;
	return 0;
}

/* End of the moving picture. */
static double video_end(const struct avl_clip *clip)
{
	const struct avl_scan *const scan = avl_picture_scan(clip->picture);
	return avl_scan_seconds(scan, scan->end);
}

/* The times of a video are known from the start. */
static size_t list_times(struct avl_clip *clip, double *times)
{
	const struct avl_clip_options *const options = &clip->options;
	const struct avl_scan *const scan = avl_picture_scan(clip->picture);
	const double end_s = video_end(clip);
	size_t n = 0;
	if (clip->still) {
		times[n++] = 0;
	} else if (options->mode == AVL_CLIP_RATE) {
		const int64_t count = avl_time_count(end_s, options->rate);
		while ((int64_t)n < count) {
			times[n] = avl_time_sampled((int64_t)n, options->rate);
			n++;
		}
		/* where a damaged clip would have its middle is not known */
		if (times[0] >= end_s && clip->damage.code)
			n = 0;
		else if (times[0] >= end_s)
			times[0] = end_s / 2;
	} else if (options->mode == AVL_CLIP_KEYS) {
		for (size_t i = 0; i < scan->n; i++)
			if (scan->packet[i].flags & AVL_PACKET_KEY &&
			    !(scan->packet[i].flags & AVL_PACKET_HIDDEN) &&
			    scan->packet[i].pts >= 0)
				times[n++] = avl_scan_seconds(scan, scan->packet[i].pts);
	} else {
		for (int i = 0; i < options->ntimes; i++) {
			if (options->times[i] < end_s - 1e-9)
				times[n++] = options->times[i];
			else if (!clip->beyond++)
				clip->beyond_first_s = options->times[i];
		}
	}
	return n;
}

static int plan_once(struct avl_clip *clip, struct avl_err *err)
{
	const struct avl_scan *const scan = avl_picture_scan(clip->picture);
	size_t most = scan->n;
	if (clip->options.mode == AVL_CLIP_TIMES)
		most = (size_t)clip->options.ntimes;
	else if (clip->options.mode == AVL_CLIP_RATE)
		most = (size_t)avl_time_count(video_end(clip), clip->options.rate);
	if (most > TIMES_MAX)
		return avl_fail(err, AVL_ELIMIT, "would give more than %d records", TIMES_MAX);
	free(clip->times);
	clip->times = malloc((most + 1) * sizeof *clip->times);
	if (!clip->times)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	clip->beyond = 0;
	clip->ntimes = list_times(clip, clip->times);
	return avl_picture_plan(clip->picture, clip->times, clip->ntimes, err);
}

/* Where there can be no plan the decoder may find that time 0 is elsewhere, and then stays with
 * that. */
static int plan_times(struct avl_clip *clip, struct avl_err *err)
{
	const int64_t origin = avl_picture_scan(clip->picture)->origin;
	const int rc = plan_once(clip, err);
	const bool stays = avl_picture_scan(clip->picture)->origin == origin;
	return rc || stays ? rc : plan_once(clip, err);
}

static int open_picture(struct avl_clip *clip, const char *path, struct avl_err *err)
{
	const struct avl_picture_options options = {clip->options.width, clip->options.height,
						    clip->options.threads, clip->options.serial};
	int rc = open_source(clip, &clip->picture_source, path, err);
	if (rc)
		return rc;
	rc = avl_picture_open(&clip->picture, &clip->picture_source, &options, err);
	if (rc)
		return rc;
	clip->still = avl_picture_still(clip->picture);
	if (!clip->damage.code)
		clip->damage = avl_picture_scan(clip->picture)->damage;
	if (clip->still && clip->damage.code) {
		*err = clip->damage;
		return err->code;
	}
	return plan_times(clip, err);
}

/* The sound a video comes with, or a file that is all sound. */
static int open_own_sound(struct avl_clip *clip, int picture_rc, struct avl_err *err)
{
	if (picture_rc && picture_rc != AVL_ENONE)
		return picture_rc;
	if (clip->still)
		return 0;
	const int rc = avl_sound_open(&clip->sound, &clip->picture_source,
				      clip->picture ? avl_picture_demux(clip->picture) : NULL,
				      clip->picture ? avl_picture_origin(clip->picture) : NAN,
				      clip->options.rate_hz, err);
	if (!rc)
		avl_sound_take(clip->sound, clip->options.channels);
	if (rc != AVL_ENONE)
		return rc;
	if (!clip->picture)
		return avl_fail(err, AVL_ENONE, "has neither picture nor sound");
	return 0;
}

static int open_files(struct avl_clip *clip, const char *picture, const char *sound,
		      struct avl_err *err)
{
	int rc = 0;
	if (picture) {
		rc = open_picture(clip, picture, err);
		if (!sound)
			return open_own_sound(clip, rc, err);
		if (rc)
			return rc;
	}
	rc = open_source(clip, &clip->sound_source, sound, err);
	if (!rc)
		rc = avl_sound_open(&clip->sound, &clip->sound_source, NULL, NAN,
				    clip->options.rate_hz, err);
	if (!rc)
		avl_sound_take(clip->sound, clip->options.channels);
	return rc && picture ? avl_fail_prefix(err, sound) : rc;
}

int avl_clip_open(struct avl_clip **out, const char *picture, const char *sound,
		  const struct avl_clip_options *options, struct avl_err *err)
{
	struct avl_clip *clip = calloc(1, sizeof *clip);
	*out = clip;
	if (!clip)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	clip->options = *options;
	clip->picture_source.fd = clip->sound_source.fd = -1;
	int rc = open_files(clip, picture, sound, err);
	if (rc) {
		/* that it is cut off explains more than what came of it */
		if (clip->damage.code && rc != AVL_ENOMEM)
			*err = clip->damage;
		avl_clip_close(clip);
		*out = NULL;
	}
	return rc;
}

void avl_clip_close(struct avl_clip *clip)
{
	if (!clip)
		return;
	avl_picture_close(clip->picture);
	avl_sound_close(clip->sound);
	avl_source_close(&clip->picture_source);
	avl_source_close(&clip->sound_source);
	free(clip->padded);
	free(clip->times);
	free(clip);
}

bool avl_clip_still(const struct avl_clip *clip)
{
	return clip->still;
}

/* Whether TIME_S lies inside a clip of which the sound says how long it is; -1 after an error. The
 * sound is decoded up to there, no further. */
static int is_inside(struct avl_clip *clip, double time_s, struct avl_err *err)
{
	bool ended;
	if (!clip->sound)
		return time_s == 0;
	const double sample = time_s * avl_sound_rate(clip->sound);
	if (sample >= 0x1p52)
		return 0;
	const int rc = avl_sound_decode(clip->sound, (int64_t)sample + 1, err);
	if (rc)
		return -1;
	return sample < (double)avl_sound_length(clip->sound, &ended);
}

static int next_of_video(struct avl_clip *clip, double *time_s)
{
	if ((size_t)clip->next == clip->ntimes)
		return 0;
	*time_s = clip->times[clip->next++];
	return 1;
}

/* Of a sound, or of a still: one record, at 0. */
static int next_sampled(struct avl_clip *clip, double *time_s, struct avl_err *err)
{
	const int64_t k = clip->next++;
	bool ended;
	if (clip->still) {
		*time_s = 0;
		return k == 0;
	}
	*time_s = avl_time_sampled(k, clip->options.rate);
	const int inside = is_inside(clip, *time_s, err);
	if (inside || k || clip->damage.code)
		return inside;
	const int64_t length = avl_sound_length(clip->sound, &ended);
	*time_s = (double)length / avl_sound_rate(clip->sound) / 2;
	return length > 0;
}

static int next_listed(struct avl_clip *clip, double *time_s, struct avl_err *err)
{
	while (clip->next < clip->options.ntimes) {
		*time_s = clip->options.times[clip->next++];
		const int inside = is_inside(clip, *time_s, err);
		if (inside)
			return inside;
		if (!clip->beyond++)
			clip->beyond_first_s = *time_s;
	}
	return 0;
}

/* 1: *TIME_S is the next time. 0: no more. Negative: error, also where a damaged file has no
 * more. */
static int next_time(struct avl_clip *clip, double *time_s, struct avl_err *err)
{
	int rc;
	if (clip->picture && !clip->still)
		rc = next_of_video(clip, time_s);
	else if (clip->options.mode == AVL_CLIP_TIMES)
		rc = next_listed(clip, time_s, err);
	else if (clip->options.mode == AVL_CLIP_KEYS && !clip->still)
		rc = 0;
	else
		rc = next_sampled(clip, time_s, err);
	if (!rc && clip->damage.code) {
		*err = clip->damage;
		return err->code;
	}
	return rc < 0 ? err->code : rc;
}

static int whole_sound(struct avl_clip *clip, struct avl_window *window, struct avl_err *err)
{
	bool ended;
	const int rc = avl_sound_decode(clip->sound, INT64_MAX, err);
	if (rc)
		return rc;
	if (clip->damage.code) {
		*err = clip->damage;
		return err->code;
	}
	*window = (struct avl_window){0, avl_sound_length(clip->sound, &ended)};
	return 0;
}

/* Copies WINDOW with zeros for what lies behind the sound's end at LENGTH. */
static int pad(struct avl_clip *clip, struct avl_window window, int64_t length,
	       const float **samples, struct avl_err *err)
{
	const size_t n = (size_t)window.n;
	if (n > clip->padded_room) {
		float *const grown = realloc(clip->padded, n * sizeof *grown);
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		clip->padded = grown;
		clip->padded_room = n;
	}
	const size_t there = window.start < length ? (size_t)(length - window.start) : 0;
	if (there)
		memcpy(clip->padded, avl_sound_samples(clip->sound, window.start),
		       there * sizeof(float));
	memset(clip->padded + there, 0, (n - there) * sizeof(float));
	*samples = clip->padded;
	return 0;
}

/* The window of LENGTH_S around TIME_S, decoded. What a damaged file lacks may not be moved or
 * filled: then the record would not be what it is in the whole file. */
static int place_window(struct avl_clip *clip, double time_s, double length_s,
			struct avl_window *window, struct avl_err *err)
{
	const int rate_hz = avl_sound_rate(clip->sound);
	bool ended;
	if (length_s <= 0)
		return whole_sound(clip, window, err);
	/* a still has no time of its own: the middle of the sound stands for it */
	if (clip->still && clip->options.mode != AVL_CLIP_TIMES) {
		const int rc = whole_sound(clip, window, err);
		if (rc)
			return rc;
		time_s = clip->options.anchor * (double)window->n / rate_hz;
	}
	*window = avl_window_at(time_s, length_s, clip->options.anchor, rate_hz);
	/* at the end a window moves back as far as its own length before its time */
	avl_sound_forget(clip->sound, (int64_t)(time_s * rate_hz) - window->n - 1);
	if (window->start < 0)
		window->start = 0;
	const int rc = avl_sound_decode(clip->sound, window->start + window->n, err);
	if (rc)
		return rc;
	int64_t end = avl_sound_length(clip->sound, &ended);
	if (clip->damage.code && window->start + window->n > end) {
		*err = clip->damage;
		return err->code;
	}
	if (ended && clip->picture && !clip->still)
		end = (int64_t)fmax((double)end, round(video_end(clip) * rate_hz));
	*window = avl_window_inside(*window, end);
	return 0;
}

static int take_sound(struct avl_clip *clip, double time_s, struct avl_clip_record *record,
		      struct avl_err *err)
{
	struct avl_window window;
	bool ended;
	int rc =
	    place_window(clip, time_s, clip->still ? clip->options.still_s : clip->options.window_s,
			 &window, err);
	if (rc)
		return rc;
	if (window.n <= 0)
		return 0;
	const int64_t length = avl_sound_length(clip->sound, &ended);
	if (window.start + window.n > length) {
		rc = pad(clip, window, length, &record->audio, err);
		if (rc)
			return rc;
	} else {
		record->audio = avl_sound_samples(clip->sound, window.start);
	}
	record->samples = (size_t)window.n;
	record->rate_hz = avl_sound_rate(clip->sound);
	record->audio_start_s = (double)window.start / record->rate_hz;
	return 0;
}

/* A still is decoded once. */
static int next_frame(struct avl_clip *clip, struct avl_picture_frame *frame, struct avl_err *err)
{
	if (clip->still && clip->frame.rgb) {
		*frame = clip->frame;
		return 0;
	}
	const int rc = avl_picture_next(clip->picture, frame, err);
	if (!rc)
		clip->frame = *frame;
	return rc;
}

static int next_record(struct avl_clip *clip, struct avl_clip_record *record, struct avl_err *err)
{
	struct avl_picture_frame frame;
	double time_s = 0;
	int rc = next_time(clip, &time_s, err);
	if (rc <= 0)
		return rc;
	*record = (struct avl_clip_record){.time_s = time_s};
	if (clip->picture) {
		rc = next_frame(clip, &frame, err);
		if (rc)
			return rc;
		record->rgb = frame.rgb;
		record->width = frame.width;
		record->height = frame.height;
		record->frame_s = frame.time_s;
	}
	if (clip->sound) {
		rc = take_sound(clip, time_s, record, err);
		if (rc)
			return rc;
	}
	return 1;
}

int avl_clip_next(struct avl_clip *clip, struct avl_clip_record *record, struct avl_err *err)
{
	const int rc = next_record(clip, record, err);
	/* that it is cut off explains more than what came of it */
	if (rc == AVL_EFORMAT && clip->damage.code)
		*err = clip->damage;
	return rc;
}

int avl_clip_beyond(const struct avl_clip *clip, double *first_s, double *end_s)
{
	bool ended;
	*first_s = clip->beyond_first_s;
	*end_s = 0;
	if (clip->picture && !clip->still)
		*end_s = video_end(clip);
	else if (clip->sound)
		*end_s =
		    (double)avl_sound_length(clip->sound, &ended) / avl_sound_rate(clip->sound);
	return clip->beyond;
}

double avl_clip_expected(const struct avl_clip *clip)
{
	if (clip->still)
		return 1;
	if (clip->options.mode == AVL_CLIP_TIMES)
		return clip->options.ntimes;
	return clip->picture ? (double)clip->ntimes : 0;
}
