/* SPDX-License-Identifier: MIT */
#include "image/png.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS_MAX (1 << 20)

static struct avl_picture noise(int height, int width)
{
	struct avl_picture picture = {height, width, malloc((size_t)height * (size_t)width * 3)};
	for (int i = 0; i < height * width * 3; i++)
		picture.rgb[i] = (uint8_t)((unsigned)i * 2654435761u >> 13);
	return picture;
}

Test(png, reads_back_what_it_wrote)
{
	const int sizes[][2] = {{1, 1}, {3, 7}, {1, 1000}, {1000, 1}, {255, 257}};
	struct avl_png png = {0};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct avl_picture picture = noise(sizes[i][0], sizes[i][1]);
		uint8_t *pixels;
		int height, width;
		cr_assert_eq(avl_png_encode(&png, &picture, NULL), 0);
		cr_assert_eq(avl_png_decode(png.bytes, png.size, 3, PIXELS_MAX, &pixels, &height,
					    &width, NULL),
			     0);
		cr_expect_eq(height, sizes[i][0]);
		cr_expect_eq(width, sizes[i][1]);
		cr_expect_arr_eq(pixels, picture.rgb, (size_t)height * (size_t)width * 3);
		free(pixels);
		free(picture.rgb);
	}
	avl_png_release(&png);
}

Test(png, writes_the_same_bytes_again_and_says_srgb)
{
	struct avl_picture picture = noise(20, 30);
	struct avl_png one = {0}, other = {0};
	int has_srgb = 0;
	cr_assert_eq(avl_png_encode(&one, &picture, NULL), 0);
	cr_assert_eq(avl_png_encode(&other, &picture, NULL), 0);
	cr_assert_eq(one.size, other.size);
	cr_expect_arr_eq(one.bytes, other.bytes, one.size);
	for (size_t i = 0; i + 4 <= one.size; i++)
		has_srgb |= memcmp(one.bytes + i, "sRGB", 4) == 0;
	cr_expect(has_srgb);
	avl_png_release(&one);
	avl_png_release(&other);
	free(picture.rgb);
}

Test(png, reads_grey_from_colour)
{
	uint8_t rgb[] = {10, 10, 10, 250, 250, 250};
	struct avl_picture picture = {1, 2, rgb};
	struct avl_png png = {0};
	uint8_t *pixels;
	int height, width;
	cr_assert_eq(avl_png_encode(&png, &picture, NULL), 0);
	cr_assert_eq(avl_png_decode(png.bytes, png.size, 1, 100, &pixels, &height, &width, NULL),
		     0);
	cr_expect_eq(pixels[0], 10);
	cr_expect_eq(pixels[1], 250);
	free(pixels);
	avl_png_release(&png);
}

/* One bit of grey: 2 x 2, black, white / white, black. */
Test(png, widens_small_depths)
{
	static const unsigned char bits[] = {
	    0x89, 0x50, 0x4e, 0x47, 0xd,  0xa,  0x1a, 0xa,  0x0,  0x0,  0x0,  0xd,  0x49, 0x48,
	    0x44, 0x52, 0x0,  0x0,  0x0,  0x2,  0x0,  0x0,  0x0,  0x2,  0x1,  0x0,  0x0,  0x0,
	    0x0,  0x5a, 0xcd, 0x30, 0x89, 0x0,  0x0,  0x0,  0xc,  0x49, 0x44, 0x41, 0x54, 0x78,
	    0x9c, 0x63, 0x70, 0x60, 0x72, 0x0,  0x0,  0x1,  0x8,  0x0,  0x83, 0x18, 0x86, 0x8b,
	    0xce, 0x0,  0x0,  0x0,  0x0,  0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
	uint8_t *pixels;
	int height, width;
	struct avl_err err = {0};
	cr_assert_eq(avl_png_decode(bits, sizeof(bits), 1, 100, &pixels, &height, &width, &err), 0,
		     "%s", err.text);
	cr_expect(height == 2 && width == 2);
	cr_expect(pixels[0] == 0 && pixels[1] == 255 && pixels[2] == 255 && pixels[3] == 0);
	free(pixels);
}

Test(png, refuses_damage_of_every_byte_or_reads_on_without_harm)
{
	struct avl_picture picture = noise(9, 11);
	struct avl_png png = {0};
	cr_assert_eq(avl_png_encode(&png, &picture, NULL), 0);
	for (size_t i = 0; i < png.size; i++)
		for (int cut = 0; cut < 2; cut++) {
			uint8_t *pixels;
			int height, width;
			struct avl_err err = {0};
			png.bytes[i] ^= 0x40;
			const int rc = avl_png_decode(png.bytes, cut ? i : png.size, 3, 99, &pixels,
						      &height, &width, &err);
			png.bytes[i] ^= 0x40;
			if (cut)
				cr_expect(rc < 0, "cut at %zu", i);
			cr_expect((rc == 0) == (pixels != NULL));
			cr_expect(rc == 0 || err.text[0]);
			free(pixels);
		}
	avl_png_release(&png);
	free(picture.rgb);
}

Test(png, refuses_more_pixels_than_allowed)
{
	struct avl_picture picture = noise(10, 10);
	struct avl_png png = {0};
	struct avl_err err = {0};
	uint8_t *pixels;
	int height, width;
	cr_assert_eq(avl_png_encode(&png, &picture, NULL), 0);
	cr_expect_eq(avl_png_decode(png.bytes, png.size, 3, 99, &pixels, &height, &width, &err),
		     AVL_ELIMIT);
	cr_expect_str_eq(err.text, "cannot read PNG: too many pixels");
	cr_expect_eq(avl_png_decode("", 0, 3, 99, &pixels, &height, &width, &err), AVL_EFORMAT);
	avl_png_release(&png);
	free(picture.rgb);
}
