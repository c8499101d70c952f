/* SPDX-License-Identifier: MIT */
#include "image/png.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/arena.h"

#define SIDE_MAX  65535
#define CHUNK_MAX (1 << 20) /* of an ancillary chunk */

/* libpng leaves a failed call by longjmp; this is what both sides of the jump share. */
struct failure {
	jmp_buf back;
	struct avl_err *err;
	int code;
};

static void on_error(png_structp png, png_const_charp text)
{
	struct failure *const failure = png_get_error_ptr(png);
	failure->code = avl_fail(failure->err, failure->code, "cannot read PNG: %s", text);
	longjmp(failure->back, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
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
	struct failure failure = {.err = err, .code = AVL_EFORMAT};
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
