/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "media/mono.h"

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

bool avl_mono_mix(const AVFrame *frame, int channels, int first, int n, float *mono)
{
	const enum AVSampleFormat format =
	    av_get_packed_sample_fmt((enum AVSampleFormat)frame->format);
	const int there = frame->ch_layout.nb_channels;
	if (format == AV_SAMPLE_FMT_NONE || there < 1)
		return false;
	const int taken = channels > 0 && channels < there ? channels : there;
	const bool planar = av_sample_fmt_is_planar((enum AVSampleFormat)frame->format);
	for (int i = 0; i < n; i++) {
		double sum = 0;
		for (int c = 0; c < taken; c++)
			sum += planar ? sample_at(frame->extended_data[c], format, first + i)
				      : sample_at(frame->extended_data[0], format,
						  (int64_t)(first + i) * there + c);
		mono[i] = clip(sum / taken);
	}
	return true;
}
