/* SPDX-License-Identifier: MIT */
#include "media/media.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_le(unsigned char *at, unsigned value, int n)
{
	for (int i = 0; i < n; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* Writes a WAV of N stereo frames at 8 kHz: left counts up from 0, right is three times that. */
static void write_wav(char *name, int n)
{
	unsigned char head[44] =
	    "RIFF....WAVEfmt \20\0\0\0\1\0\2\0\100\37\0\0\0\175\0\0\4\0\20\0data";
	const int fd = mkstemp(name);
	cr_assert(fd >= 0);
	FILE *const file = fdopen(fd, "wb");
	put_le(head + 4, 36 + 4 * (unsigned)n, 4);
	put_le(head + 40, 4 * (unsigned)n, 4);
	fwrite(head, 1, sizeof head, file);
	for (int i = 0; i < n; i++) {
		unsigned char both[4];
		put_le(both, (unsigned)i, 2);
		put_le(both + 2, 3 * (unsigned)i, 2);
		fwrite(both, 1, 4, file);
	}
	cr_assert_eq(fclose(file), 0);
}

static struct avl_clip *open_sound(int n, const struct avl_clip_options *options)
{
	char name[] = "/tmp/avl-test-XXXXXX";
	struct avl_clip *clip;
	struct avl_err err;
	write_wav(name, n);
	cr_assert_eq(avl_clip_open(&clip, NULL, name, options, &err), 0, "%s", err.text);
	unlink(name);
	return clip;
}

Test(clip, cuts_the_window_that_was_asked_for)
{
	const double times[] = {0, 0.3, 0.5, 0.99};
	const int starts[] = {0, 1600, 3200, 6400};
	const struct avl_clip_options options = {.mode = AVL_CLIP_TIMES,
						 .times = times,
						 .ntimes = 4,
						 .window_s = 0.2,
						 .anchor = 0.5,
						 .threads = 1};
	struct avl_clip *const clip = open_sound(8000, &options);
	struct avl_clip_record record;
	struct avl_err err;
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(avl_clip_next(clip, &record, &err), 1);
		cr_assert(!record.rgb && record.rate_hz == 8000 && record.samples == 1600);
		cr_expect_float_eq(record.audio_start_s * 8000, starts[i], 1e-6);
		/* the mean of i and 3 i, less than a step of 16 bits off */
		for (int k = 0; k < 1600; k++)
			cr_assert_float_eq(record.audio[k], 2 * (starts[i] + k) / 32768.0, 1e-7);
	}
	cr_assert_eq(avl_clip_next(clip, &record, &err), 0);
	avl_clip_close(clip);
}

Test(clip, shorter_than_half_an_interval_gives_its_middle)
{
	const struct avl_clip_options options = {
	    .mode = AVL_CLIP_RATE, .rate = 1, .window_s = 5, .anchor = 0.5, .threads = 1};
	struct avl_clip *const clip = open_sound(2400, &options);
	struct avl_clip_record record;
	struct avl_err err;
	cr_assert_eq(avl_clip_next(clip, &record, &err), 1);
	cr_assert_float_eq(record.time_s, 0.15, 1e-9);
	cr_assert(record.samples == 2400 && record.audio_start_s == 0, "shorter where the clip is");
	cr_assert_eq(avl_clip_next(clip, &record, &err), 0);
	avl_clip_close(clip);
}

Test(clip, reports_times_at_or_past_the_end)
{
	const double times[] = {0.1, 1, 7};
	const struct avl_clip_options options = {.mode = AVL_CLIP_TIMES,
						 .times = times,
						 .ntimes = 3,
						 .window_s = 0.2,
						 .anchor = 0.5,
						 .threads = 1};
	struct avl_clip *const clip = open_sound(8000, &options);
	struct avl_clip_record record;
	struct avl_err err;
	double first_s, end_s;
	cr_assert_eq(avl_clip_next(clip, &record, &err), 1);
	cr_assert_eq(avl_clip_next(clip, &record, &err), 0);
	cr_assert_eq(avl_clip_beyond(clip, &first_s, &end_s), 2);
	cr_assert(first_s == 1 && end_s == 1);
	avl_clip_close(clip);
}

/* A tone below both Nyquist frequencies comes out of the resampler as it went in, and in place. */
Test(clip, resamples_without_moving_the_sound)
{
	const struct avl_clip_options options = {
	    .mode = AVL_CLIP_RATE, .rate = 1, .rate_hz = 11025, .threads = 1};
	struct avl_clip *const clip = open_sound(8000, &options);
	struct avl_clip_record record;
	struct avl_err err;
	cr_assert_eq(avl_clip_next(clip, &record, &err), 1);
	cr_assert(record.rate_hz == 11025 && labs((long)record.samples - 11025) <= 1);
	for (size_t i = 500; i < 10500; i++)
		cr_assert_float_eq(record.audio[i], 2 * (double)i * 8000 / 11025 / 32768, 2e-4);
	avl_clip_close(clip);
}

static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
	for (const unsigned char *p = bytes; n--; p++)
		h = (h ^ *p) * 1099511628211u;
	return h;
}

/* All that comes out of the demo clip, as one number. */
static uint64_t hash_demo(const char *path, struct avl_clip_options options, int *n)
{
	struct avl_clip *clip;
	struct avl_clip_record record;
	struct avl_err err;
	uint64_t h = 14695981039346656037u;
	int rc;
	cr_assert_eq(avl_clip_open(&clip, path, NULL, &options, &err), 0, "%s", err.text);
	for (*n = 0; (rc = avl_clip_next(clip, &record, &err)) > 0; ++*n) {
		h = hash(h, record.rgb, (size_t)record.width * (size_t)record.height * 3);
		h = hash(h, record.audio, record.samples * sizeof(float));
		h = hash(h, &record.frame_s, sizeof record.frame_s);
	}
	cr_assert_eq(rc, 0, "%s", err.text);
	avl_clip_close(clip);
	return h;
}

Test(clip, decodes_what_it_needs_as_if_it_decoded_all)
{
	const char *top = getenv("TOP");
	char path[4096];
	snprintf(path, sizeof path, "%s/tests/data/demo.mp4", top ? top : ".");
	if (access(path, R_OK))
		cr_skip_test("no demo.mp4");
	static const double rates[] = {0.5, 1, 3.7, 60};
	for (int i = 0; i < 5; i++) {
		struct avl_clip_options options = {.mode = i < 4 ? AVL_CLIP_RATE : AVL_CLIP_KEYS,
						   .rate = i < 4 ? rates[i] : 1,
						   .rate_hz = 16000,
						   .window_s = 1,
						   .anchor = 0.5,
						   .threads = 1};
		int pruned_n, full_n, beside_n;
		const uint64_t pruned = hash_demo(path, options, &pruned_n);
		options.threads = 3;
		const uint64_t beside = hash_demo(path, options, &beside_n);
		options.serial = true;
		const uint64_t full = hash_demo(path, options, &full_n);
		cr_expect(pruned_n > 0 && pruned_n == full_n && beside_n == full_n);
		cr_expect_eq(pruned, full, "round %d", i);
		cr_expect_eq(beside, full, "round %d", i);
	}
}
