/* SPDX-License-Identifier: MIT */
#include "media/pixels.h"

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "media/media.h"

struct avl_turn avl_turn_from_matrix(const int32_t *matrix)
{
	struct avl_turn turn = {0, 0};
	if (!matrix)
		return turn;
	/* the matrix maps (x, y) to (a x + c y, b x + d y), y downwards */
	double a = matrix[0], b = matrix[1];
	const double c = matrix[3], d = matrix[4];
	if (a * d - b * c == 0)
		return turn;
	if (a * d - b * c < 0) {
		turn.mirror = 1;
		a = -a;
		b = -b;
	}
	turn.quarters = (int)lround(atan2(b, a) / (M_PI / 2)) & 3;
	return turn;
}

void avl_turn_apply(struct avl_turn turn, const uint8_t *src, int width, int height, uint8_t *dst)
{
	const int out_width = turn.quarters & 1 ? height : width;
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			const int from = turn.mirror ? width - 1 - x : x;
			const uint8_t *const s =
			    src + 3 * ((size_t)y * (size_t)width + (size_t)from);
			int tx = x, ty = y;
			if (turn.quarters == 1) {
				tx = height - 1 - y;
				ty = x;
			} else if (turn.quarters == 2) {
				tx = width - 1 - x;
				ty = height - 1 - y;
			} else if (turn.quarters == 3) {
				tx = y;
				ty = width - 1 - x;
			}
			memcpy(dst + 3 * ((size_t)ty * (size_t)out_width + (size_t)tx), s, 3);
		}
	}
}

static int shorter_side(int side, int limit, int longest)
{
	const int fit = (int)lround((double)side * limit / longest);
	return fit > 0 ? fit : 1;
}

void avl_fit_size(int width, int height, int to_width, int to_height, int *fit_width,
		  int *fit_height)
{
	const int longest = width > height ? width : height;
	*fit_width = width;
	*fit_height = height;
	if (to_width > 0 && to_height > 0) {
		*fit_width = to_width;
		*fit_height = to_height;
	} else if (to_width > 0 && longest > to_width) {
		*fit_width = shorter_side(width, to_width, longest);
		*fit_height = shorter_side(height, to_width, longest);
	}
}

/* The scaler names full-range formats apart; it wants the plain ones and a flag. */
static enum AVPixelFormat plain_format(enum AVPixelFormat format, int *full)
{
	static const struct {
		enum AVPixelFormat full, plain;
	} pairs[] = {
	    {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P}, {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
	    {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P}, {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P},
	    {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (pairs[i].full != format)
			continue;
		*full = 1;
		return pairs[i].plain;
	}
	return format;
}

static int scaler_set(struct avl_pixels *pixels, const AVFrame *frame, int width, int height)
{
	const int flags =
	    SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
	int full = frame->color_range == AVCOL_RANGE_JPEG;
	const enum AVPixelFormat format = plain_format((enum AVPixelFormat)frame->format, &full);
	pixels->scaler =
	    sws_getCachedContext(pixels->scaler, frame->width, frame->height, format, width, height,
				 AV_PIX_FMT_RGB24, flags, NULL, NULL, NULL);
	if (!pixels->scaler)
		return -1;
	/* untagged pictures count as BT.601, as everywhere in FFmpeg */
	const int *const in = sws_getCoefficients(
	    frame->colorspace == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : frame->colorspace);
	const int *const out = sws_getCoefficients(SWS_CS_DEFAULT);
	/* RGB input takes no such details and says so */
	sws_setColorspaceDetails(pixels->scaler, in, full, out, 1, 0, 1 << 16, 1 << 16);
	return 0;
}

static int scale(struct avl_pixels *pixels, const AVFrame *frame, uint8_t *rgb, int width,
		 int height)
{
	uint8_t *const planes[4] = {rgb};
	const int strides[4] = {3 * width};
	if (scaler_set(pixels, frame, width, height))
		return -1;
	const int rows = sws_scale(pixels->scaler, (const uint8_t *const *)frame->data,
				   frame->linesize, 0, frame->height, planes, strides);
	return rows == height ? 0 : -1;
}

int avl_pixels_make(struct avl_pixels *pixels, const AVFrame *frame, struct avl_turn turn,
		    int to_width, int to_height, uint8_t **rgb, int *width, int *height,
		    struct avl_err *err)
{
	const int odd = turn.quarters & 1;
	avl_fit_size(odd ? frame->height : frame->width, odd ? frame->width : frame->height,
		     to_width, to_height, width, height);
	const int flat_width = odd ? *height : *width, flat_height = odd ? *width : *height;
	/* the scaler's vector code may write a little beyond the last row */
	const size_t size = (size_t)*width * (size_t)*height * 3 + 64;
	const bool turned = turn.quarters || turn.mirror;
	uint8_t *flat = malloc(size), *upright = NULL;
	if (!flat)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	if (scale(pixels, frame, flat, flat_width, flat_height)) {
		free(flat);
		return avl_fail(err, AVL_EFORMAT, "its pixel format '%s' cannot be converted",
				av_get_pix_fmt_name((enum AVPixelFormat)frame->format));
	}
	if (turned) {
		upright = malloc(size);
		if (!upright) {
			free(flat);
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		}
		avl_turn_apply(turn, flat, flat_width, flat_height, upright);
		free(flat);
		flat = upright;
	}
	*rgb = flat;
	return 0;
}

void avl_pixels_release(struct avl_pixels *pixels)
{
	sws_freeContext(pixels->scaler);
	pixels->scaler = NULL;
}
