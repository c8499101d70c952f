/* SPDX-License-Identifier: MIT */
#include "image/y4m.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char frame_header[] = "FRAME\n";
#define FRAME_HEADER (sizeof(frame_header) - 1)

struct avl_frame_rate avl_frame_rate(double fps)
{
	const double whole = round(fps), film = round(fps * 1.001), period = round(1 / fps);
	unsigned number = (unsigned)lround(fps * 1000), divisor = 1000;
	if (whole >= 1 && fabs(fps - whole) <= 1e-4 * whole)
		return (struct avl_frame_rate){(unsigned)whole, 1};
	if (period >= 1 && fabs(1 / fps - period) <= 1e-4 * period)
		return (struct avl_frame_rate){1, (unsigned)period};
	if (film >= 1 && fabs(fps * 1.001 - film) <= 1e-4 * film)
		return (struct avl_frame_rate){(unsigned)film * 1000, 1001};
	for (unsigned p = 2; p <= 5; p += 3)
		while (number % p == 0 && divisor % p == 0) {
			number /= p;
			divisor /= p;
		}
	return (struct avl_frame_rate){number, divisor};
}

size_t avl_y4m_header(char text[128], int height, int width, struct avl_frame_rate rate,
		      enum avl_chroma chroma)
{
	return (size_t)snprintf(
	    text, 128, "YUV4MPEG2 W%d H%d F%u:%u Ip A1:1 C%s XCOLORRANGE=LIMITED\n", width, height,
	    rate.number, rate.divisor, chroma == AVL_CHROMA_420 ? "420jpeg" : "444");
}

size_t avl_y4m_size(int height, int width, enum avl_chroma chroma)
{
	const size_t h = (size_t)height, w = (size_t)width;
	const size_t plane = chroma == AVL_CHROMA_420 ? (h + 1) / 2 * ((w + 1) / 2) : h * w;
	return FRAME_HEADER + h * w + 2 * plane;
}

/* BT.601 times 2^16. A row of chroma sums to 0, so that grey has none. */
static const int32_t to_y[3] = {16829, 33039, 6416};
static const int32_t to_cb[3] = {-9714, -19070, 28784};
static const int32_t to_cr[3] = {28784, -24103, -4681};

/* SUM: of 2^SHIFT pixels. */
static uint8_t convert(const int32_t sum[3], const int32_t weight[3], int offset, int shift)
{
	const int32_t value = weight[0] * sum[0] + weight[1] * sum[1] + weight[2] * sum[2];
	const int32_t scale = INT32_C(1) << (16 + shift);
	return (uint8_t)((value + offset * scale + scale / 2) >> (16 + shift));
}

static void sum_pixels(const struct avl_picture *picture, int y, int x, int step, int32_t sum[3])
{
	const int beside = x + step < picture->width ? step : 0;
	const int below = y + step < picture->height ? step : 0;
	for (int c = 0; c < 3; c++) {
		sum[c] = avl_picture_at(picture, y, x)[c];
		if (step)
			sum[c] += avl_picture_at(picture, y, x + beside)[c] +
				  avl_picture_at(picture, y + below, x)[c] +
				  avl_picture_at(picture, y + below, x + beside)[c];
	}
}

void avl_y4m_frame(const struct avl_picture *picture, enum avl_chroma chroma, uint8_t *out)
{
	const int step = chroma == AVL_CHROMA_420 ? 1 : 0;
	const size_t pixels = (size_t)picture->height * (size_t)picture->width;
	uint8_t *cb, *cr;
	int32_t sum[3];
	memcpy(out, frame_header, FRAME_HEADER);
	out += FRAME_HEADER;
	for (int y = 0; y < picture->height; y++)
		for (int x = 0; x < picture->width; x++) {
			sum_pixels(picture, y, x, 0, sum);
			*out++ = convert(sum, to_y, 16, 0);
		}
	cb = out;
	cr = cb +
	     (avl_y4m_size(picture->height, picture->width, chroma) - FRAME_HEADER - pixels) / 2;
	for (int y = 0; y < picture->height; y += 1 + step)
		for (int x = 0; x < picture->width; x += 1 + step) {
			sum_pixels(picture, y, x, step, sum);
			*cb++ = convert(sum, to_cb, 128, 2 * step);
			*cr++ = convert(sum, to_cr, 128, 2 * step);
		}
}
