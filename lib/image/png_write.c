/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "image/deflate.h"
#include "image/png.h"
#include "image/png_filter.h"

/* On overlays of photographs of 1280 x 720, general compressors gain nothing by searching for what
 * repeats: libpng at level 1 takes five times as long, libdeflate twice, both for larger files. */

#define IDAT_MAX   ((size_t)1 << 30) /* a chunk's length has 31 bits */
#define BAND_BYTES ((size_t)1 << 17) /* of filtered rows, in a block with codes of their own */
#define CHOOSING   8                 /* rows between which the filter stays the same */

enum { SIGNATURE = 8, CHUNK_FRAME = 12, HEAD_BYTES = SIGNATURE + 2 * CHUNK_FRAME + 13 + 1 };

static unsigned char *put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (24 - 8 * i));
	return at + 4;
}

/* Frames the N bytes of data that lie 8 behind AT: length and type before them, the sum of type and
 * data behind. */
static unsigned char *close_chunk(unsigned char *at, const char *type, size_t n)
{
	put32(at, (uint32_t)n);
	memcpy(at + 4, type, 4);
	return put32(at + 8 + n, libdeflate_crc32(0, at + 4, n + 4));
}

static unsigned char *put_head(unsigned char *at, const struct avl_picture *picture)
{
	static const unsigned char signature[SIGNATURE] = {0x89, 'P',  'N',  'G',
							   0x0d, 0x0a, 0x1a, 0x0a};
	/* 8 bits, RGB, deflate, filters, not interlaced */
	static const unsigned char kind[5] = {8, 2, 0, 0, 0};
	memcpy(at, signature, sizeof signature);
	at += sizeof signature;
	put32(at + 8, (uint32_t)picture->width);
	put32(at + 12, (uint32_t)picture->height);
	memcpy(at + 16, kind, sizeof kind);
	at = close_chunk(at, "IHDR", 13);
	at[8] = 0; /* perceptual */
	return close_chunk(at, "sRGB", 1);
}

/* What stays the same over the bands of a picture. ROWS: a band, and behind it a row of zeros and
 * one of scratch. */
struct filtering {
	const struct avl_picture *picture;
	size_t stride;
	int band; /* rows */
	uint8_t *rows;
	enum avl_png_filter filter; /* of the last row */
};

/* The rows from FIRST to END, each behind the number of its filter. Returns their bytes. */
static size_t filter_band(struct filtering *f, int first, int end)
{
	const size_t n = f->stride;
	const uint8_t *const zeros = f->rows + (size_t)f->band * (n + 1);
	uint8_t *const scratch = f->rows + (size_t)f->band * (n + 1) + n;
	uint8_t *out = f->rows;
	for (int y = first; y < end; y++, out += n + 1) {
		const uint8_t *const row = f->picture->rgb + (size_t)y * n;
		const uint8_t *const above = y ? row - n : zeros;
		if (y % CHOOSING == 0)
			f->filter = avl_png_filter_choose(row, above, n, scratch);
		*out = (uint8_t)f->filter;
		avl_png_filter_row(f->filter, row, above, n, out + 1);
	}
	return (size_t)(out - f->rows);
}

/* A zlib stream (RFC 1950) of the filtered picture at AT. Returns what is behind it. */
static unsigned char *put_data(unsigned char *at, struct filtering *f)
{
	static const unsigned char zlib_head[2] = {0x78, 0x01};
	const int height = f->picture->height;
	uint32_t sum = 1;
	memcpy(at, zlib_head, sizeof zlib_head);
	struct avl_deflate out = {.at = at + sizeof zlib_head};
	memset(f->rows + (size_t)f->band * (f->stride + 1), 0, f->stride);
	for (int y = 0; y < height; y += f->band) {
		const int end = height - y < f->band ? height : y + f->band;
		const size_t n = filter_band(f, y, end);
		sum = libdeflate_adler32(sum, f->rows, n);
		avl_deflate_block(&out, f->rows, n, end == height);
	}
	return put32(out.at, sum);
}

/* N bytes of data, which lie where the first chunk's belongs, become chunks. */
static unsigned char *close_data(unsigned char *at, size_t n)
{
	while (n > IDAT_MAX) {
		memmove(at + 8 + IDAT_MAX + CHUNK_FRAME, at + 8 + IDAT_MAX, n - IDAT_MAX);
		at = close_chunk(at, "IDAT", IDAT_MAX);
		n -= IDAT_MAX;
	}
	return close_chunk(at, "IDAT", n);
}

static int reserve(unsigned char **bytes, size_t *room, size_t n)
{
	if (n <= *room)
		return 1;
	free(*bytes);
	*bytes = malloc(n);
	*room = *bytes ? n : 0;
	return *bytes != NULL;
}

int avl_png_encode(struct avl_png *png, const struct avl_picture *picture, struct avl_err *err)
{
	const size_t stride = (size_t)picture->width * 3;
	const int fit = stride < BAND_BYTES ? (int)(BAND_BYTES / (stride + 1)) : 1;
	const int band = fit < picture->height ? fit : picture->height;
	const size_t bands = (size_t)((picture->height + band - 1) / band);
	const size_t bound = bands * avl_deflate_bound((size_t)band * (stride + 1)) + 6;
	const size_t frames = HEAD_BYTES + (bound / IDAT_MAX + 2) * CHUNK_FRAME + 8;
	png->size = 0;
	if (!reserve(&png->rows, &png->rows_room, (size_t)band * (stride + 1) + 2 * stride) ||
	    !reserve(&png->bytes, &png->capacity, bound + frames))
		return avl_fail(err, AVL_ENOMEM, "out of memory for a PNG");
	struct filtering filtering = {picture, stride, band, png->rows, AVL_PNG_UP};
	unsigned char *at = put_head(png->bytes, picture);
	at = close_data(at, (size_t)(put_data(at + 8, &filtering) - (at + 8)));
	at = close_chunk(at, "IEND", 0);
	png->size = (size_t)(at - png->bytes);
	return 0;
}

void avl_png_release(struct avl_png *png)
{
	free(png->rows);
	free(png->bytes);
	*png = (struct avl_png){0};
}
