/* SPDX-License-Identifier: MIT */
#include "image/draw.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "image/font.h"

#define GUARD 64

/* A grey picture with guard bytes around it, which free_guarded checks. */
static struct avl_picture guarded(int height, int width)
{
	const size_t n = (size_t)height * (size_t)width * 3;
	uint8_t *const block = malloc(n + 2 * GUARD);
	memset(block, 0xee, n + 2 * GUARD);
	memset(block + GUARD, 200, n);
	return (struct avl_picture){height, width, block + GUARD};
}

static void free_guarded(const struct avl_picture *picture)
{
	const size_t n = (size_t)picture->height * (size_t)picture->width * 3;
	uint8_t *const block = picture->rgb - GUARD;
	for (size_t i = 0; i < GUARD; i++) {
		cr_expect_eq(block[i], 0xee);
		cr_expect_eq(block[GUARD + n + i], 0xee);
	}
	free(block);
}

static int touched(const struct avl_picture *picture)
{
	int n = 0;
	for (int i = 0; i < picture->height * picture->width; i++)
		n += picture->rgb[3 * i] != 200;
	return n;
}

Test(draw, stays_inside_pictures_of_any_size)
{
	const int sizes[][2] = {{1, 1},    {3, 7},     {7, 3},     {12, 200},
				{300, 20}, {448, 448}, {900, 1600}};
	const double boxes[][4] = {
	    {0, 0, 1, 1}, {0.9, 0.9, 1, 1}, {0.5, 0.5, 0.5, 0.5}, {0, 0, 0.01, 1}};
	const uint8_t red[3] = {255, 0, 0};
	const struct avl_label labels[] = {
	    {"Dog 0.72", NULL},
	    {"A very long description of what was heard, far wider than pictures", red}};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
		for (size_t b = 0; b < sizeof(boxes) / sizeof(*boxes); b++) {
			struct avl_picture picture = guarded(sizes[s][0], sizes[s][1]);
			avl_draw_box(&picture, boxes[b], red);
			avl_draw_cross(&picture, boxes[b] + 2, red);
			avl_draw_labels(&picture, labels, 2, boxes[b]);
			avl_draw_labels(&picture, labels, 1, NULL);
			cr_expect(touched(&picture) > 0, "size %zu box %zu", s, b);
			free_guarded(&picture);
		}
}

/* The letter as the font has it, dot by dot, on a darkened ground. */
Test(draw, writes_the_letters_of_the_font)
{
	const struct avl_label label = {"Rg", NULL};
	struct avl_picture picture = guarded(60, 80);
	avl_draw_labels(&picture, &label, 1, NULL);
	for (int i = 0; i < 2; i++)
		for (int row = 0; row < AVL_FONT_ROWS; row++)
			for (int col = 0; col < AVL_FONT_COLUMNS; col++) {
				const int lit = avl_font_glyph("Rg"[i])[row] >> (4 - col) & 1;
				const uint8_t *const p = avl_picture_at(
				    &picture, 2 + row, 2 + i * AVL_FONT_ADVANCE + col);
				cr_expect_eq(*p, lit ? 255 : 50, "%d: %d %d", i, row, col);
			}
	cr_expect_eq(*avl_picture_at(&picture, 30, 5), 200, "below the label");
	cr_expect_eq(*avl_picture_at(&picture, 5, 40), 200, "beside the label");
	free_guarded(&picture);
}

/* Where the darkened ground begins. */
static int top_of_label(const struct avl_picture *picture)
{
	for (int y = 0; y < picture->height; y++)
		for (int x = 0; x < picture->width; x++)
			if (*avl_picture_at(picture, y, x) == 50)
				return y;
	return -1;
}

Test(draw, puts_the_label_above_the_box_or_inside)
{
	const struct avl_label label = {"Dog", NULL};
	const double low[4] = {0.2, 0.5, 0.8, 0.9}, high[4] = {0.2, 0.02, 0.8, 0.9};
	struct avl_picture picture = guarded(100, 100);
	avl_draw_labels(&picture, &label, 1, low);
	int top = top_of_label(&picture);
	cr_expect(top > 20 && top < 50, "%d", top);
	free_guarded(&picture);
	picture = guarded(100, 100);
	avl_draw_labels(&picture, &label, 1, high);
	top = top_of_label(&picture);
	cr_expect(top >= 2 && top < 10, "%d", top);
	free_guarded(&picture);
}

Test(draw, leaves_out_a_label_that_cannot_be_read)
{
	const struct avl_label label = {"Dog", NULL};
	const int sizes[][2] = {{5, 200}, {200, 12}, {1, 1}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct avl_picture picture = guarded(sizes[i][0], sizes[i][1]);
		avl_draw_labels(&picture, &label, 1, NULL);
		cr_expect_eq(touched(&picture), 0, "size %zu", i);
		free_guarded(&picture);
	}
}

Test(draw, has_a_different_glyph_for_every_printable_character)
{
	for (char a = ' '; a <= '~'; a++)
		for (char b = ' '; b < a; b++)
			cr_expect(memcmp(avl_font_glyph(a), avl_font_glyph(b), AVL_FONT_ROWS) != 0,
				  "'%c' and '%c'", a, b);
	cr_expect_eq(avl_font_glyph('\n'), avl_font_glyph('?'));
	cr_expect_eq(avl_font_glyph((char)0xe9), avl_font_glyph('?'));
}
