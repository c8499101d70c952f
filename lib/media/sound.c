/* SPDX-License-Identifier: MIT */
#include "media/sound.h"

#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/demux.h"
#include "media/mono.h"

/* Time stamps are rounded to ticks and jitter; sound that is this much off its place was cut. It
 * is less than a packet of any common codec and more than a tick of any container. */
#define GAP_S 0.015

/* The time stamps FFmpeg gives to Vorbis are off by half the difference of a long and a short block
 * wherever the two meet (896 samples for 2048 and 256), and right again after it. */
#define VORBIS_GAP_S 0.1

/* What is held of a sound may not grow without bound: 2^28 samples are 1 GiB. */
#define SAMPLES_MAX ((int64_t)1 << 28)

/* No time stamp counts for more: 2^52 samples are 3000 years. */
#define POSITION_MAX 0x1p52

enum { SILENCE_SAMPLES = 4096 };

struct avl_sound {
	struct avl_demux demux;
	AVCodecContext *decoder;
	AVFrame *frame;
	SwrContext *resampler; /* NULL where the rates agree */
	int in_rate_hz, rate_hz;
	int channels; /* that are mixed, 0: all */
	double origin_s;
	int64_t position; /* input samples passed on so far, counted from time 0 */
	int64_t skipped;  /* <= 0: how far before POSITION the frames dropped so far end */
	bool placed;      /* POSITION + SKIPPED follows from a time stamp */
	bool pending;     /* FRAME, which lies at FRAME_AT, has not been used yet */
	int64_t frame_at;
	bool drained, ended;
	float *mono; /* one frame */
	size_t mono_room;
	float *held; /* samples FIRST .. FIRST + COUNT of the output */
	size_t room;
	int64_t first, count;
	int64_t wanted; /* what lies before this need not be held */
};

static int reserve(float **samples, size_t *room, size_t n, struct avl_err *err)
{
	if (n <= *room)
		return 0;
	const size_t more = n > 2 * *room ? n : 2 * *room;
	float *const grown = realloc(*samples, more * sizeof *grown);
	if (!grown)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	*samples = grown;
	*room = more;
	return 0;
}

static int resampler_open(struct avl_sound *sound, struct avl_err *err)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	swr_free(&sound->resampler);
	if (sound->in_rate_hz == sound->rate_hz)
		return 0;
	if (swr_alloc_set_opts2(&sound->resampler, &mono, AV_SAMPLE_FMT_FLT, sound->rate_hz, &mono,
				AV_SAMPLE_FMT_FLT, sound->in_rate_hz, 0, NULL) < 0 ||
	    av_opt_set_int(sound->resampler, "filter_size", 64, 0) < 0 ||
	    av_opt_set_double(sound->resampler, "cutoff", 0.97, 0) < 0 ||
	    swr_init(sound->resampler) < 0)
		return avl_fail(err, AVL_EFORMAT, "its sound at %d Hz cannot be resampled to %d Hz",
				sound->in_rate_hz, sound->rate_hz);
	return 0;
}

/* Takes N more samples of input (NULL: no more will come) to the output. */
static int pass_on(struct avl_sound *sound, const float *mono, int n, struct avl_err *err)
{
	const int most = sound->resampler ? swr_get_out_samples(sound->resampler, n) + 64 : n;
	if (most < 0 || sound->count + most > SAMPLES_MAX)
		return avl_fail(err, AVL_ELIMIT, "a sound over %lld samples cannot be held",
				(long long)SAMPLES_MAX);
	const int rc = reserve(&sound->held, &sound->room, (size_t)(sound->count + most), err);
	if (rc)
		return rc;
	float *const to = sound->held + sound->count;
	if (!sound->resampler) {
		if (n)
			memcpy(to, mono, (size_t)n * sizeof *to);
		sound->count += n;
	} else {
		uint8_t *out = (uint8_t *)to;
		const uint8_t *in = (const uint8_t *)mono;
		const int got = swr_convert(sound->resampler, &out, most, mono ? &in : NULL, n);
		if (got < 0)
			return avl_fail_av(err, got, "its sound cannot be resampled");
		/* the filter overshoots at full scale */
		for (int i = 0; i < got; i++)
			to[i] = to[i] > -1 ? (to[i] < 1 ? to[i] : 1) : -1;
		sound->count += got;
	}
	sound->position += n;
	return 0;
}

/* Where the frame lies, in input samples from time 0: behind the last one, unless its time stamp
 * tells that something is missing between them. */
static int64_t frame_position(struct avl_sound *sound)
{
	const int64_t behind = sound->position + sound->skipped;
	if (sound->frame->pts == AV_NOPTS_VALUE)
		return behind;
	const double time_s = (double)sound->frame->pts * av_q2d(sound->demux.stream->time_base);
	if (isnan(sound->origin_s))
		sound->origin_s = time_s;
	const double position = (time_s - sound->origin_s) * sound->in_rate_hz;
	const bool vorbis = sound->decoder->codec_id == AV_CODEC_ID_VORBIS;
	const double gap_s = vorbis ? VORBIS_GAP_S : GAP_S;
	if (sound->placed && fabs(position - (double)behind) <= gap_s * sound->in_rate_hz)
		return behind;
	return llround(fmin(fmax(position, -POSITION_MAX), POSITION_MAX));
}

static int accept_frame(struct avl_sound *sound, struct avl_err *err)
{
	if (sound->frame->sample_rate != sound->in_rate_hz)
		return avl_fail(err, AVL_EFORMAT, "its sound changes from %d to %d Hz",
				sound->in_rate_hz, sound->frame->sample_rate);
	sound->frame_at = frame_position(sound);
	sound->placed = true;
	sound->pending = true;
	return 0;
}

/* Passes a part of the silence before the pending frame on, or else the frame itself, less what
 * lies before time 0 or where there is sound already. */
static int use_frame(struct avl_sound *sound, struct avl_err *err)
{
	static const float silence[SILENCE_SAMPLES];
	const AVFrame *const frame = sound->frame;
	const int64_t gap = sound->frame_at - sound->position;
	if (gap > 0)
		return pass_on(sound, silence, gap < SILENCE_SAMPLES ? (int)gap : SILENCE_SAMPLES,
			       err);
	sound->pending = false;
	if (-gap >= frame->nb_samples) {
		sound->skipped = frame->nb_samples + gap;
		return 0;
	}
	sound->skipped = 0;
	const int n = frame->nb_samples + (int)gap;
	const int rc = reserve(&sound->mono, &sound->mono_room, (size_t)n, err);
	if (rc)
		return rc;
	if (!avl_mono_mix(frame, sound->channels, (int)-gap, n, sound->mono))
		return avl_fail(err, AVL_EFORMAT, "its sound has an unknown sample format");
	return pass_on(sound, sound->mono, n, err);
}

static int feed(struct avl_sound *sound, struct avl_err *err)
{
	const int more = avl_demux_read(&sound->demux, err);
	if (more < 0)
		return more;
	sound->drained = !more;
	return avl_decoder_send(sound->decoder, more ? sound->demux.packet : NULL, err);
}

static int decode_frame(struct avl_sound *sound, struct avl_err *err)
{
	const int rc = avl_decoder_receive(sound->decoder, sound->frame, err);
	if (rc < 0)
		return rc;
	if (!rc || (rc == AVL_DECODER_HUNGRY && sound->drained)) {
		sound->ended = true;
		return sound->resampler ? pass_on(sound, NULL, 0, err) : 0;
	}
	return rc == AVL_DECODER_HUNGRY ? feed(sound, err) : accept_frame(sound, err);
}

static void drop_unwanted(struct avl_sound *sound)
{
	int64_t drop = sound->wanted - sound->first;
	if (drop > sound->count)
		drop = sound->count;
	/* moving what stays costs as much as decoding it: only now and then */
	if (drop <= 0 || (drop < sound->count && drop < sound->rate_hz))
		return;
	memmove(sound->held, sound->held + drop,
		(size_t)(sound->count - drop) * sizeof *sound->held);
	sound->first += drop;
	sound->count -= drop;
}

int avl_sound_decode(struct avl_sound *sound, int64_t upto, struct avl_err *err)
{
	while (!sound->ended && sound->first + sound->count < upto) {
		const int rc = sound->pending ? use_frame(sound, err) : decode_frame(sound, err);
		if (rc)
			return rc;
		drop_unwanted(sound);
	}
	return 0;
}

/* How much later, in seconds, the sound's time stamps should be than they are. */
static double stamp_error(const struct avl_sound *sound)
{
	const AVStream *const stream = sound->demux.stream;
	const AVCodecParameters *const codec = stream->codecpar;
	const char *const container = sound->demux.format->iformat->name;
	if (!strcmp(container, "avi")) {
		/* AVI knows no codec delay, so the usual ones: the encoder's 1024 samples of AAC,
		 * and of MP3 the encoder's 576 and the decoder's 529 */
		const int delay = codec->codec_id == AV_CODEC_ID_AAC   ? 1024
				  : codec->codec_id == AV_CODEC_ID_MP3 ? 1105
								       : 0;
		return -(double)delay / codec->sample_rate;
	}
	if (!strncmp(container, "matroska", 8) && codec->codec_id == AV_CODEC_ID_OPUS) {
		/* CodecDelay is to be taken off a block's time stamp, and the demuxer does. FFmpeg
		 * up to 5.1 wrote blocks without it: the first at 0, and the video moved on by
		 * it. */
		const AVDictionaryEntry *const writer =
		    av_dict_get(sound->demux.format->metadata, "encoder", NULL, 0);
		const double tick = av_q2d(stream->time_base);
		const double delay = (double)codec->initial_padding / codec->sample_rate;
		if (writer && !strncmp(writer->value, "Lavf", 4) &&
		    fabs((double)stream->start_time * tick + delay) < tick &&
		    sound->origin_s > delay - tick)
			return delay;
	}
	return 0;
}

static int open_demux(struct avl_sound *sound, const struct avl_source *source,
		      const struct avl_demux *other, struct avl_err *err)
{
	if (other)
		return avl_demux_open_like(&sound->demux, other, source, AVMEDIA_TYPE_AUDIO, err);
	return avl_demux_open(&sound->demux, source, AVMEDIA_TYPE_AUDIO, err);
}

int avl_sound_open(struct avl_sound **out, const struct avl_source *source,
		   const struct avl_demux *other, double origin_s, int rate_hz, struct avl_err *err)
{
	struct avl_sound *sound = calloc(1, sizeof *sound);
	*out = sound;
	if (!sound)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	sound->origin_s = origin_s;
	sound->frame = av_frame_alloc();
	int rc = sound->frame ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc || (rc = open_demux(sound, source, other, err)) ||
	    (rc = avl_demux_decoder(&sound->demux, 1, &sound->decoder, err)))
		goto fail;
	sound->in_rate_hz = sound->demux.stream->codecpar->sample_rate;
	sound->rate_hz = rate_hz ? rate_hz : sound->in_rate_hz;
	if (sound->in_rate_hz < 100 || sound->in_rate_hz > 1000000) {
		rc = avl_fail(err, AVL_EFORMAT, "its sound has a rate of %d Hz", sound->in_rate_hz);
		goto fail;
	}
	sound->origin_s -= stamp_error(sound);
	rc = resampler_open(sound, err);
	if (rc)
		goto fail;
	return 0;
fail:
	avl_sound_close(sound);
	*out = NULL;
	return rc;
}

void avl_sound_close(struct avl_sound *sound)
{
	if (!sound)
		return;
	swr_free(&sound->resampler);
	avcodec_free_context(&sound->decoder);
	av_frame_free(&sound->frame);
	avl_demux_close(&sound->demux);
	free(sound->mono);
	free(sound->held);
	free(sound);
}

void avl_sound_take(struct avl_sound *sound, int channels)
{
	sound->channels = channels;
}

int avl_sound_rate(const struct avl_sound *sound)
{
	return sound->rate_hz;
}

int64_t avl_sound_length(const struct avl_sound *sound, bool *ended)
{
	*ended = sound->ended;
	return sound->first + sound->count;
}

void avl_sound_forget(struct avl_sound *sound, int64_t first)
{
	if (first > sound->wanted)
		sound->wanted = first;
	drop_unwanted(sound);
}

const float *avl_sound_samples(const struct avl_sound *sound, int64_t first)
{
	return sound->held + (first - sound->first);
}
