/* SPDX-License-Identifier: MIT */
#include "image/draw.h"

#include <math.h>
#include <string.h>

#include "image/font.h"

static const uint8_t dark[3] = {16, 16, 16};
static const uint8_t light[3] = {255, 255, 255};

/* Pixels x0 <= x < x1, y0 <= y < y1. */
struct area {
	int x0, y0, x1, y1;
};

static int clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

static struct area clip(const struct avl_picture *picture, struct area area)
{
	return (struct area){clamp(area.x0, 0, picture->width), clamp(area.y0, 0, picture->height),
			     clamp(area.x1, 0, picture->width), clamp(area.y1, 0, picture->height)};
}

static void fill(const struct avl_picture *picture, struct area area, const uint8_t rgb[3])
{
	area = clip(picture, area);
	for (int y = area.y0; y < area.y1; y++)
		for (int x = area.x0; x < area.x1; x++)
			memcpy(avl_picture_at(picture, y, x), rgb, 3);
}

/* Leaves a quarter of what was there. */
static void darken(const struct avl_picture *picture, struct area area)
{
	area = clip(picture, area);
	for (int y = area.y0; y < area.y1; y++) {
		uint8_t *const row = avl_picture_at(picture, y, 0);
		for (int i = area.x0 * 3; i < area.x1 * 3; i++)
			row[i] = (uint8_t)(row[i] / 4);
	}
}

/* Width of a stroke, and of a dot of the font: about a 180th of the shorter side. */
static int stroke(const struct avl_picture *picture)
{
	const int side = picture->height < picture->width ? picture->height : picture->width;
	return clamp((side + 120) / 180, 1, 16);
}

static void frame(const struct avl_picture *picture, struct area a, int width, const uint8_t rgb[3])
{
	fill(picture, (struct area){a.x0, a.y0, a.x1, a.y0 + width}, rgb);
	fill(picture, (struct area){a.x0, a.y1 - width, a.x1, a.y1}, rgb);
	fill(picture, (struct area){a.x0, a.y0, a.x0 + width, a.y1}, rgb);
	fill(picture, (struct area){a.x1 - width, a.y0, a.x1, a.y1}, rgb);
}

static int to_pixel(double fraction, int length)
{
	return clamp((int)lround(fraction * length), 0, length);
}

static struct area to_area(const struct avl_picture *picture, const double box[4])
{
	return (struct area){to_pixel(box[0], picture->width), to_pixel(box[1], picture->height),
			     to_pixel(box[2], picture->width), to_pixel(box[3], picture->height)};
}

static struct area grow(struct area area, int by)
{
	return (struct area){area.x0 - by, area.y0 - by, area.x1 + by, area.y1 + by};
}

void avl_draw_box(const struct avl_picture *picture, const double box[4], const uint8_t rgb[3])
{
	const int width = stroke(picture), rim = (width + 1) / 2;
	struct area area = to_area(picture, box);
	/* At the picture's edge the rim outside would be lost: there the box steps inside. */
	area.x0 = area.x0 < rim ? rim : area.x0;
	area.y0 = area.y0 < rim ? rim : area.y0;
	area.x1 = area.x1 > picture->width - rim ? picture->width - rim : area.x1;
	area.y1 = area.y1 > picture->height - rim ? picture->height - rim : area.y1;
	frame(picture, grow(area, rim), width + 2 * rim, dark);
	frame(picture, area, width, rgb);
}

void avl_draw_cross(const struct avl_picture *picture, const double point[2], const uint8_t rgb[3])
{
	const int width = stroke(picture), rim = (width + 1) / 2, arm = 4 * width;
	const int x = clamp((int)floor(point[0] * picture->width), 0, picture->width - 1);
	const int y = clamp((int)floor(point[1] * picture->height), 0, picture->height - 1);
	const int x0 = x - width / 2, y0 = y - width / 2;
	const struct area across = {x0 - arm, y0, x0 + width + arm, y0 + width};
	const struct area down = {x0, y0 - arm, x0 + width, y0 + width + arm};
	fill(picture, grow(across, rim), dark);
	fill(picture, grow(down, rim), dark);
	fill(picture, across, rgb);
	fill(picture, down, rgb);
}

static void draw_text(const struct avl_picture *picture, const char *text, int n, int x, int y,
		      int dot)
{
	for (int i = 0; i < n; i++, x += AVL_FONT_ADVANCE * dot) {
		const uint8_t *const glyph = avl_font_glyph(text[i]);
		for (int row = 0; row < AVL_FONT_ROWS; row++)
			for (int col = 0; col < AVL_FONT_COLUMNS; col++) {
				const int left = x + col * dot, top = y + row * dot;
				if (glyph[row] >> (AVL_FONT_COLUMNS - 1 - col) & 1)
					fill(picture,
					     (struct area){left, top, left + dot, top + dot},
					     light);
			}
	}
}

/* Sizes of a block of labels, in dots of the font. */
enum {
	MARGIN = 2,
	LINE = AVL_FONT_ROWS + 1,
	SQUARE = AVL_FONT_ASCENT,
	INDENT = SQUARE + 3, /* of the text behind a square */
	LETTERS_MIN = 3,
	TEXT_MAX = 4096
};

struct block {
	int dot, width, height;
};

static int text_width(const struct avl_label *label)
{
	const int n = (int)strnlen(label->text, TEXT_MAX);
	return (label->rgb ? INDENT : 0) + n * AVL_FONT_ADVANCE - 1;
}

/* The block at the largest size that fits; dot 0 where none does. */
static struct block measure(const struct avl_picture *picture, const struct avl_label *label, int n)
{
	struct block block = {stroke(picture), 0, n * LINE - 1 + 2 * MARGIN};
	const int least = 2 * MARGIN + INDENT + LETTERS_MIN * AVL_FONT_ADVANCE;
	for (int i = 0; i < n; i++) {
		const int width = text_width(&label[i]) + 2 * MARGIN;
		block.width = width > block.width ? width : block.width;
	}
	while (block.dot > 1 && (block.dot * block.width > picture->width ||
				 block.dot * block.height > picture->height))
		block.dot--;
	if (block.height * block.dot > picture->height || least > picture->width)
		block.dot = 0;
	block.width = clamp(block.width * block.dot, 0, picture->width);
	block.height *= block.dot;
	return block;
}

/* Draws a line, and cuts its text at RIGHT. */
static void draw_line(const struct avl_picture *picture, const struct avl_label *label, int x,
		      int y, int right, int dot)
{
	int n = (int)strnlen(label->text, TEXT_MAX);
	if (label->rgb) {
		fill(picture, (struct area){x, y, x + SQUARE * dot, y + SQUARE * dot}, label->rgb);
		x += INDENT * dot;
	}
	const int room = (right - x) / dot + 1; /* the last needs no gap behind it */
	n = n < room / AVL_FONT_ADVANCE ? n : room / AVL_FONT_ADVANCE;
	draw_text(picture, label->text, n, x, y, dot);
}

void avl_draw_labels(const struct avl_picture *picture, const struct avl_label *label, int n,
		     const double near[4])
{
	const struct block block = measure(picture, label, n);
	struct area area = {0};
	if (block.dot == 0 || n == 0)
		return;
	if (near) {
		const struct area box = to_area(picture, near);
		const int rim = 2 * block.dot;
		area.x0 = box.x0 - rim;
		area.y0 = box.y0 - rim - block.height;
		if (area.y0 < 0)
			area.y0 = box.y0 + rim;
	}
	area.x0 = clamp(area.x0, 0, picture->width - block.width);
	area.y0 = clamp(area.y0, 0, picture->height - block.height);
	area.x1 = area.x0 + block.width;
	area.y1 = area.y0 + block.height;
	darken(picture, area);
	const int left = area.x0 + MARGIN * block.dot, right = area.x1 - MARGIN * block.dot;
	for (int i = 0; i < n; i++)
		draw_line(picture, &label[i], left, area.y0 + (MARGIN + i * LINE) * block.dot,
			  right, block.dot);
}
