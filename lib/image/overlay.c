/* SPDX-License-Identifier: MIT */
#include "image/overlay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "image/colormap.h"
#include "image/resize.h"

#define FLAT  1e-6F
#define BLOCK 16 /* rows a work item takes */

struct avl_overlay {
	int height, width;    /* of the picture */
	int y, x, rows, cols; /* the region in it, in pixels */
	struct avl_resize *enlarge;
	float *heat; /* rows x cols */
};

struct job {
	const struct avl_overlay *overlay;
	const struct avl_overlay_look *look;
	const struct avl_picture *picture;
	float level;
	const uint8_t *rgb;
	int thickness;
};

struct avl_heat_range avl_heat_range(const float *score, size_t n)
{
	struct avl_heat_range range = {n ? score[0] : 0, n ? score[0] : 0};
	for (size_t i = 1; i < n; i++) {
		range.low = score[i] < range.low ? score[i] : range.low;
		range.high = score[i] > range.high ? score[i] : range.high;
	}
	range.low = range.low < 0 ? 0 : range.low;
	if (range.high <= 0 || range.high - range.low <= FLAT * range.high)
		return (struct avl_heat_range){0, 0};
	return range;
}

void avl_heat_scale(const float *score, size_t n, struct avl_heat_range range, float *heat)
{
	/* In double: the span of two finite floats may be none. */
	const double span = (double)range.high - (double)range.low;
	for (size_t i = 0; i < n; i++) {
		const double value = span > 0 ? ((double)score[i] - (double)range.low) / span : 0;
		heat[i] = (float)(value < 0 ? 0 : value > 1 ? 1 : value);
	}
}

static int to_pixel(double fraction, int length)
{
	return (int)lround(fraction * length);
}

/* FROM..TO of LENGTH pixels, at least one of them. */
static void to_pixels(double from, double to, int length, int *first, int *count)
{
	const int end = to_pixel(to, length);
	*first = to_pixel(from, length);
	if (*first >= length)
		*first = length - 1;
	*count = end > *first ? end - *first : 1;
}

int avl_overlay_new(struct avl_overlay **out, int height, int width, int rows, int cols,
		    const double region[4], struct avl_err *err)
{
	struct avl_resize_spec spec;
	struct avl_overlay *overlay;
	int rc;
	*out = NULL;
	if (!(region[0] >= 0 && region[1] >= 0 && region[2] <= 1 && region[3] <= 1 &&
	      region[0] < region[2] && region[1] < region[3]))
		return avl_fail(err, AVL_ESHAPE, "the region %g %g %g %g is no part of a frame",
				region[0], region[1], region[2], region[3]);
	overlay = calloc(1, sizeof(*overlay));
	if (!overlay)
		return avl_fail(err, AVL_ENOMEM, "out of memory for an overlay");
	overlay->height = height;
	overlay->width = width;
	to_pixels(region[0], region[2], width, &overlay->x, &overlay->cols);
	to_pixels(region[1], region[3], height, &overlay->y, &overlay->rows);
	spec =
	    avl_resize_stretch(rows, cols, overlay->rows, overlay->cols, AVL_FILTER_LINEAR_POINT);
	rc = avl_resize_new(&overlay->enlarge, &spec, err);
	if (rc < 0)
		goto fail;
	overlay->heat =
	    avl_alloc((size_t)overlay->rows * (size_t)overlay->cols, sizeof(*overlay->heat));
	if (!overlay->heat) {
		rc = avl_fail(err, AVL_ENOMEM, "out of memory for an overlay");
		goto fail;
	}
	*out = overlay;
	return 0;
fail:
	avl_overlay_free(overlay);
	return rc;
}

void avl_overlay_free(struct avl_overlay *overlay)
{
	if (!overlay)
		return;
	avl_resize_free(overlay->enlarge);
	free(overlay->heat);
	free(overlay);
}

void avl_overlay_spread(struct avl_overlay *overlay, const float *heat, struct avl_par *par)
{
	avl_resize_map(overlay->enlarge, heat, overlay->heat, par);
}

/* Low heat should not veil the picture. */
static double ramp(int step)
{
	return step >= 128 ? 1 : step / 128.0;
}

struct avl_overlay_look avl_overlay_look_table(const uint8_t (*table)[3], double alpha,
					       int is_solid)
{
	struct avl_overlay_look look;
	memcpy(look.colour, table, sizeof(look.colour));
	for (int i = 0; i < 256; i++) {
		look.opacity[i] = (uint16_t)lround(256 * alpha * (is_solid ? 1 : ramp(i)));
	}
	return look;
}

struct avl_overlay_look avl_overlay_look_plain(const uint8_t rgb[3], double alpha)
{
	struct avl_overlay_look look;
	for (int i = 0; i < 256; i++) {
		memcpy(look.colour[i], rgb, 3);
		look.opacity[i] = (uint16_t)lround(256 * alpha * ramp(i));
	}
	return look;
}

static void blend_pixel(uint8_t *pixel, const uint8_t *colour, unsigned opacity)
{
	for (int c = 0; c < 3; c++)
		pixel[c] = (uint8_t)((pixel[c] * (256 - opacity) + colour[c] * opacity + 128) >> 8);
}

static void blend_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_overlay *const overlay = job->overlay;
	const int last = (item + 1) * BLOCK;
	const int end = last < overlay->rows ? last : overlay->rows;
	(void)thread;
	for (int y = item * BLOCK; y < end; y++) {
		const float *const heat = overlay->heat + (size_t)y * (size_t)overlay->cols;
		uint8_t *const row = avl_picture_at(job->picture, overlay->y + y, overlay->x);
		for (int x = 0; x < overlay->cols; x++) {
			const int step = avl_colormap_step(heat[x]);
			blend_pixel(row + (size_t)x * 3, job->look->colour[step],
				    job->look->opacity[step]);
		}
	}
}

void avl_overlay_blend(const struct avl_overlay *overlay, const struct avl_overlay_look *look,
		       const struct avl_picture *picture, struct avl_par *par)
{
	struct job job = {.overlay = overlay, .look = look, .picture = picture};
	avl_par_for(par, (overlay->rows + BLOCK - 1) / BLOCK, blend_block, &job);
}

static int is_below(const struct avl_overlay *overlay, int y, int x, float level)
{
	if (y < 0 || x < 0 || y >= overlay->rows || x >= overlay->cols)
		return 0;
	return overlay->heat[(size_t)y * (size_t)overlay->cols + (size_t)x] < level;
}

static int is_on_contour(const struct avl_overlay *overlay, int y, int x, float level, int t)
{
	return !is_below(overlay, y, x, level) &&
	       (is_below(overlay, y - t, x, level) || is_below(overlay, y + t, x, level) ||
		is_below(overlay, y, x - t, level) || is_below(overlay, y, x + t, level));
}

static void contour_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_overlay *const overlay = job->overlay;
	const int last = (item + 1) * BLOCK;
	const int end = last < overlay->rows ? last : overlay->rows;
	(void)thread;
	for (int y = item * BLOCK; y < end; y++)
		for (int x = 0; x < overlay->cols; x++)
			if (is_on_contour(overlay, y, x, job->level, job->thickness))
				memcpy(avl_picture_at(job->picture, overlay->y + y, overlay->x + x),
				       job->rgb, 3);
}

void avl_overlay_contour(const struct avl_overlay *overlay, double level, const uint8_t rgb[3],
			 const struct avl_picture *picture, struct avl_par *par)
{
	const int side = overlay->height < overlay->width ? overlay->height : overlay->width;
	struct job job = {.overlay = overlay,
			  .picture = picture,
			  .level = (float)level,
			  .rgb = rgb,
			  .thickness = (side + 299) / 300};
	avl_par_for(par, (overlay->rows + BLOCK - 1) / BLOCK, contour_block, &job);
}
