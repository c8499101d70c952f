/* SPDX-License-Identifier: MIT */
#include "image/y4m.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(y4m, writes_a_whole_header)
{
	char text[128];
	const size_t n =
	    avl_y4m_header(text, 48, 65, (struct avl_frame_rate){30000, 1001}, AVL_CHROMA_420);
	cr_expect_str_eq(text,
			 "YUV4MPEG2 W65 H48 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n");
	cr_expect_eq(n, strlen(text));
	avl_y4m_header(text, 1, 1, (struct avl_frame_rate){1, 1}, AVL_CHROMA_444);
	cr_expect_str_eq(text, "YUV4MPEG2 W1 H1 F1:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\n");
}

Test(y4m, finds_the_rate_that_is_meant)
{
	const struct {
		double fps;
		unsigned number, divisor;
	} rows[] = {{1, 1, 1},
		    {25, 25, 1},
		    {24.9999, 25, 1},
		    {0.5, 1, 2},
		    {0.001, 1, 1000},
		    {1000, 1000, 1},
		    {12.5, 25, 2},
		    {1 / 0.033367, 30000, 1001},
		    {23.976, 24000, 1001},
		    {59.94, 60000, 1001},
		    {19.62, 981, 50},
		    {0.3, 3, 10},
		    {1 / 3.0, 1, 3}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct avl_frame_rate rate = avl_frame_rate(rows[i].fps);
		cr_expect(rate.number == rows[i].number && rate.divisor == rows[i].divisor,
			  "%g: %u/%u", rows[i].fps, rate.number, rate.divisor);
	}
}

/* BT.601, 8 bits, limited range, in double. */
static void reference(const double rgb[3], double yuv[3])
{
	const double y = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
	yuv[0] = 16 + 219 * y / 255;
	yuv[1] = 128 + 112 * (rgb[2] - y) / (1 - 0.114) / 255;
	yuv[2] = 128 + 112 * (rgb[0] - y) / (1 - 0.299) / 255;
}

static void check(const struct avl_picture *p, enum avl_chroma chroma)
{
	const int step = chroma == AVL_CHROMA_420 ? 2 : 1;
	const int ch = (p->height + step - 1) / step, cw = (p->width + step - 1) / step;
	const size_t size = avl_y4m_size(p->height, p->width, chroma);
	uint8_t *const frame = malloc(size + 1);
	double yuv[3];
	cr_assert_eq(size, 6 + (size_t)(p->height * p->width + 2 * ch * cw));
	frame[size] = 0x5a;
	avl_y4m_frame(p, chroma, frame);
	cr_expect_eq(frame[size], 0x5a);
	cr_expect_arr_eq(frame, "FRAME\n", 6);
	const uint8_t *at = frame + 6;
	for (int i = 0; i < p->height * p->width; i++, at++) {
		const double rgb[3] = {p->rgb[3 * i], p->rgb[3 * i + 1], p->rgb[3 * i + 2]};
		reference(rgb, yuv);
		cr_expect_float_eq(*at, yuv[0], 0.51);
	}
	for (int plane = 1; plane < 3; plane++)
		for (int y = 0; y < ch; y++)
			for (int x = 0; x < cw; x++, at++) {
				double rgb[3] = {0, 0, 0}, n = 0;
				for (int j = y * step; j < (y + 1) * step && j < p->height; j++)
					for (int i = x * step; i < (x + 1) * step && i < p->width;
					     i++, n++)
						for (int c = 0; c < 3; c++)
							rgb[c] += avl_picture_at(p, j, i)[c];
				for (int c = 0; c < 3; c++)
					rgb[c] /= n;
				reference(rgb, yuv);
				cr_expect_float_eq(*at, yuv[plane], 0.52, "%d: %d %d", plane, x, y);
			}
	free(frame);
}

Test(y4m, converts_colours_by_bt_601_at_even_and_odd_sizes)
{
	const int sizes[][2] = {{1, 1}, {2, 2}, {3, 7}, {16, 5}, {1, 8}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t rgb[300];
		const struct avl_picture picture = {sizes[i][0], sizes[i][1], rgb};
		for (int p = 0; p < 300; p++)
			rgb[p] = (uint8_t)(p % 7 == 0 ? 255 : p % 5 == 0 ? 0 : p * 77);
		check(&picture, AVL_CHROMA_420);
		check(&picture, AVL_CHROMA_444);
	}
}
