/* SPDX-License-Identifier: MIT */
#include "image/png.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "base/arena.h"

#define SIDE_MAX  65535
#define CHUNK_MAX (1 << 20) /* of an ancillary chunk */
#define ROOM_MIN  65536

/* libpng leaves a failed call by longjmp; this is what both sides of the jump share. */
struct failure {
	jmp_buf back;
	struct avl_err *err;
	const char *doing;
	int code;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct failure *const failure = png_get_error_ptr(png);
	failure->code =
	    avl_fail(failure->err, failure->code, "cannot %s PNG: %s", failure->doing, text);
	longjmp(failure->back, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void append(png_structp png, png_bytep bytes, size_t n)
{
	struct avl_png *const out = png_get_io_ptr(png);
	if (n > out->capacity - out->size) {
		const size_t more = out->capacity > n ? out->capacity : n;
		const size_t capacity = out->capacity + more + ROOM_MIN;
		unsigned char *const grown = realloc(out->bytes, capacity);
		if (!grown)
			png_error(png, "out of memory");
		out->bytes = grown;
		out->capacity = capacity;
	}
	memcpy(out->bytes + out->size, bytes, n);
	out->size += n;
}

static void flush(png_structp png)
{
	(void)png;
}

static void encode(png_structp png, png_infop info, const struct avl_picture *picture,
		   struct failure *failure)
{
	if (setjmp(failure->back) != 0)
		return;
	png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
		     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
	/* Of all filters, levels and strategies, on overlays of photographs of 1280 x 720: as fast
	 * as the fastest that compress (38 ms), and 3 % smaller than level 1; level 6 takes 119 ms
	 * for 5 % less. */
	png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
	png_set_compression_strategy(png, Z_RLE);
	png_write_info(png, info);
	for (int y = 0; y < picture->height; y++)
		png_write_row(png, avl_picture_at(picture, y, 0));
	png_write_end(png, NULL);
	failure->code = 0;
}

int avl_png_encode(struct avl_png *out, const struct avl_picture *picture, struct avl_err *err)
{
	struct failure failure = {.err = err, .doing = "write", .code = AVL_ENOMEM};
	png_structp png =
	    png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	out->size = 0;
	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return avl_fail(err, AVL_ENOMEM, "out of memory for a PNG");
	}
	png_set_user_limits(png, SIDE_MAX, SIDE_MAX);
	png_set_write_fn(png, out, append, flush);
	encode(png, info, picture, &failure);
	png_destroy_write_struct(&png, &info);
	return failure.code;
}

void avl_png_release(struct avl_png *png)
{
	free(png->bytes);
	*png = (struct avl_png){0};
}

struct source {
	const unsigned char *at;
	size_t left;
};

static void take(png_structp png, png_bytep bytes, size_t n)
{
	struct source *const source = png_get_io_ptr(png);
	if (n > source->left)
		png_error(png, "cut off");
	memcpy(bytes, source->at, n);
	source->at += n;
	source->left -= n;
}

static void set_format(png_structp png, png_infop info, int channels)
{
	const int type = png_get_color_type(png, info);
	const int is_colour = (type & PNG_COLOR_MASK_COLOR) != 0;
	png_set_expand(png);
	png_set_strip_16(png);
	png_set_strip_alpha(png);
	if (channels == 1 && is_colour)
		png_set_rgb_to_gray(png, PNG_ERROR_ACTION_NONE, PNG_RGB_TO_GRAY_DEFAULT,
				    PNG_RGB_TO_GRAY_DEFAULT);
	if (channels == 3 && !is_colour)
		png_set_gray_to_rgb(png);
}

/* What a decoder has got hold of when it is left by a jump. */
struct decoded {
	uint8_t *pixels;
	png_bytep *row;
	int height, width;
};

/* Reads the header and gets memory for what follows. */
static void prepare(png_structp png, png_infop info, int channels, uint64_t max_pixels,
		    struct decoded *out, struct failure *failure)
{
	png_read_info(png, info);
	const uint64_t height = png_get_image_height(png, info);
	const uint64_t width = png_get_image_width(png, info);
	failure->code = AVL_ELIMIT;
	if (height * width > max_pixels)
		png_error(png, "too many pixels");
	failure->code = AVL_EFORMAT;
	set_format(png, info, channels);
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
	const size_t stride = (size_t)width * (size_t)channels;
	if (png_get_rowbytes(png, info) != stride)
		png_error(png, "rows of unexpected size");
	out->height = (int)height;
	out->width = (int)width;
	out->pixels = avl_alloc((size_t)height, stride);
	out->row = avl_alloc((size_t)height, sizeof(*out->row));
	failure->code = AVL_ENOMEM;
	if (!out->pixels || !out->row)
		png_error(png, "out of memory");
	failure->code = AVL_EFORMAT;
	for (size_t y = 0; y < (size_t)height; y++)
		out->row[y] = out->pixels + y * stride;
}

static void decode(png_structp png, png_infop info, int channels, uint64_t max_pixels,
		   struct decoded *out, struct failure *failure)
{
	if (setjmp(failure->back) != 0)
		return;
	prepare(png, info, channels, max_pixels, out, failure);
	png_read_image(png, out->row);
	png_read_end(png, NULL);
	failure->code = 0;
}

int avl_png_decode(const void *bytes, size_t n, int channels, uint64_t max_pixels, uint8_t **pixels,
		   int *height, int *width, struct avl_err *err)
{
	struct failure failure = {.err = err, .doing = "read", .code = AVL_EFORMAT};
	struct source source = {bytes, n};
	struct decoded out = {0};
	png_structp png =
	    png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	*pixels = NULL;
	if (!info) {
		png_destroy_read_struct(&png, NULL, NULL);
		return avl_fail(err, AVL_ENOMEM, "out of memory for a PNG");
	}
	png_set_user_limits(png, SIDE_MAX, SIDE_MAX);
	png_set_chunk_malloc_max(png, CHUNK_MAX);
	png_set_read_fn(png, &source, take);
	decode(png, info, channels, max_pixels, &out, &failure);
	png_destroy_read_struct(&png, &info, NULL);
	free(out.row);
	if (failure.code < 0) {
		free(out.pixels);
		return failure.code;
	}
	*pixels = out.pixels;
	*height = out.height;
	*width = out.width;
	return 0;
}
