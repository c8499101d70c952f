/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>

#include "media/mono.h"

enum { CHANNELS_MAX = 64 }; /* of FFmpeg 5.1; of more, the first */

static double sample_at(const uint8_t *plane, enum AVSampleFormat format, int64_t i)
{
	const void *const p = plane;
	switch (format) {
	case AV_SAMPLE_FMT_U8:
		return (((const uint8_t *)p)[i] - 128) / 128.0;
	case AV_SAMPLE_FMT_S16:
		return ((const int16_t *)p)[i] / 32768.0;
	case AV_SAMPLE_FMT_S32:
		return ((const int32_t *)p)[i] / 2147483648.0;
	case AV_SAMPLE_FMT_S64:
		return (double)((const int64_t *)p)[i] / 9223372036854775808.0;
	case AV_SAMPLE_FMT_FLT:
		return ((const float *)p)[i];
	default:
		return ((const double *)p)[i];
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
	for (int i = 0; i < n; i++) {
		double sum = 0;
		for (int c = 0; c < taken; c++)
			sum += weight[c] *
			       (planar ? sample_at(frame->extended_data[c], format, first + i)
				       : sample_at(frame->extended_data[0], format,
						   (int64_t)(first + i) * there + c));
		mono[i] = clip(sum / total);
	}
	return true;
}
