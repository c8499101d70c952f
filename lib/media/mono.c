/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>

#include "media/mono.h"

enum { CHANNELS_MAX = 64 }; /* of FFmpeg 5.1; of more, the first */

/* Samples that are mixed at a time. */
enum { STRETCH = 512 };

#define ADD(type, from, scale)                                                                     \
	for (int i = 0; i < n; i++)                                                                \
	sum[i] += weight * ((double)(((const type *)plane)[at + i * step] - (from)) / (scale))

/* Adds N samples of one channel, from AT on and STEP apart, to SUM. */
static void add_channel(const void *plane, enum AVSampleFormat format, ptrdiff_t at, int step,
			int n, double weight, double *sum)
{
	switch (format) {
	case AV_SAMPLE_FMT_U8:
		ADD(uint8_t, 128, 128.0);
		break;
	case AV_SAMPLE_FMT_S16:
		ADD(int16_t, 0, 32768.0);
		break;
	case AV_SAMPLE_FMT_S32:
		ADD(int32_t, 0, 2147483648.0);
		break;
	case AV_SAMPLE_FMT_S64:
		ADD(int64_t, 0, 9223372036854775808.0);
		break;
	case AV_SAMPLE_FMT_FLT:
		ADD(float, 0, 1);
		break;
	default:
		ADD(double, 0, 1);
	}
}

static float clip(double value)
{
	/* a NaN fails both comparisons and becomes silence */
	if (value >= -1 && value <= 1)
		return (float)value;
	return value > 1 ? 1.0f : value < -1 ? -1.0f : 0.0f;
}

static double weight_of(enum AVChannel channel)
{
	switch (channel) {
	case AV_CHAN_FRONT_CENTER:
		return 1;
	case AV_CHAN_FRONT_LEFT:
	case AV_CHAN_FRONT_RIGHT:
	case AV_CHAN_FRONT_LEFT_OF_CENTER:
	case AV_CHAN_FRONT_RIGHT_OF_CENTER:
		return sqrt(0.5);
	case AV_CHAN_LOW_FREQUENCY:
	case AV_CHAN_LOW_FREQUENCY_2:
		return 0;
	default:
		return 0.5;
	}
}

/* Weights of the first TAKEN channels of the layout. Returns their sum. */
static double weigh(const AVChannelLayout *layout, int taken, double *weight)
{
	double sum = 0;
	const bool is_placed =
	    taken > 2 && taken == layout->nb_channels && layout->order == AV_CHANNEL_ORDER_NATIVE;
	for (int c = 0; is_placed && c < taken; c++)
		sum += weight[c] =
		    weight_of(av_channel_layout_channel_from_index(layout, (unsigned)c));
	if (sum > 0)
		return sum;
	for (int c = 0; c < taken; c++)
		weight[c] = 1;
	return taken;
}

bool avl_mono_mix(const AVFrame *frame, int channels, int first, int n, float *mono)
{
	const enum AVSampleFormat format =
	    av_get_packed_sample_fmt((enum AVSampleFormat)frame->format);
	const int there = frame->ch_layout.nb_channels;
	double weight[CHANNELS_MAX];
	if (format == AV_SAMPLE_FMT_NONE || there < 1)
		return false;
	const int wanted = channels > 0 && channels < there ? channels : there;
	const int taken = wanted < CHANNELS_MAX ? wanted : CHANNELS_MAX;
	const double total = weigh(&frame->ch_layout, taken, weight);
	const bool planar = av_sample_fmt_is_planar((enum AVSampleFormat)frame->format);
	for (int from = 0; from < n; from += STRETCH) {
		const int some = n - from < STRETCH ? n - from : STRETCH;
		const ptrdiff_t at = first + from;
		double sum[STRETCH] = {0};
		for (int c = 0; c < taken; c++)
			add_channel(frame->extended_data[planar ? c : 0], format,
				    planar ? at : at * there + c, planar ? 1 : there, some,
				    weight[c], sum);
		for (int i = 0; i < some; i++)
			mono[from + i] = clip(sum[i] / total);
	}
	return true;
}
