/* SPDX-License-Identifier: MIT */
#include "image/heatmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "image/draw.h"
#include "image/region.h"

struct avl_heatmap {
	struct avl_heatmap_style style;
	struct avl_par *par;
	struct avl_overlay *overlay;
	int height, width, rows, cols; /* what the overlay was made for */
	double region[4];
	float *heat; /* rows x cols */
};

static int out_of_memory(struct avl_err *err)
{
	return avl_fail(err, AVL_ENOMEM, "out of memory for a heat map");
}

int avl_heatmap_new(struct avl_heatmap **heatmap, const struct avl_heatmap_style *style,
		    struct avl_par *par, struct avl_err *err)
{
	*heatmap = calloc(1, sizeof(**heatmap));
	if (!*heatmap)
		return out_of_memory(err);
	(*heatmap)->style = *style;
	(*heatmap)->par = par;
	return 0;
}

static void forget(struct avl_heatmap *heatmap)
{
	avl_overlay_free(heatmap->overlay);
	free(heatmap->heat);
	heatmap->overlay = NULL;
	heatmap->heat = NULL;
}

void avl_heatmap_free(struct avl_heatmap *heatmap)
{
	if (!heatmap)
		return;
	forget(heatmap);
	free(heatmap);
}

static int prepare(struct avl_heatmap *h, const struct avl_picture *picture, int rows, int cols,
		   const double region[4], struct avl_err *err)
{
	if (h->overlay && h->height == picture->height && h->width == picture->width &&
	    h->rows == rows && h->cols == cols && !memcmp(h->region, region, sizeof(h->region)))
		return 0;
	forget(h);
	h->height = picture->height;
	h->width = picture->width;
	h->rows = rows;
	h->cols = cols;
	memcpy(h->region, region, sizeof(h->region));
	h->heat = avl_alloc((size_t)rows * (size_t)cols, sizeof(*h->heat));
	if (!h->heat)
		return out_of_memory(err);
	return avl_overlay_new(&h->overlay, h->height, h->width, rows, cols, region, err);
}

static struct avl_heat_range range_of(const struct avl_heatmap *h, const float *score)
{
	if (h->style.range.low < h->style.range.high)
		return h->style.range;
	return avl_heat_range(score, (size_t)h->rows * (size_t)h->cols);
}

static void spread(struct avl_heatmap *h, const float *score, struct avl_heat_range range)
{
	avl_heat_scale(score, (size_t)h->rows * (size_t)h->cols, range, h->heat);
	avl_overlay_spread(h->overlay, h->heat, h->par);
}

/* RGB: NULL for the colour map. */
static void draw_heat(struct avl_heatmap *h, const float *score, const uint8_t *rgb,
		      const struct avl_picture *picture)
{
	const struct avl_heatmap_style *const style = &h->style;
	const struct avl_heat_range range = range_of(h, score);
	if (range.low >= range.high)
		return;
	const struct avl_overlay_look look =
	    rgb ? avl_overlay_look_plain(rgb, style->alpha)
		: avl_overlay_look_table(avl_colormap_table[style->colormap], style->alpha,
					 style->is_solid);
	spread(h, score, range);
	avl_overlay_blend(h->overlay, &look, picture, h->par);
}

/* The level is relative to 0, the heat to its range. TOP: the largest score. */
static void draw_contour(struct avl_heatmap *h, const float *score, struct avl_heat_range range,
			 double top, const uint8_t *rgb, const struct avl_picture *picture)
{
	const double span = (double)range.high - (double)range.low;
	const double level = (h->style.threshold * top - (double)range.low) / span;
	if (level <= 0)
		return;
	spread(h, score, range);
	avl_overlay_contour(h->overlay, level, rgb, picture, h->par);
}

static int draw_marks(struct avl_heatmap *h, const float *score, const uint8_t *rgb,
		      const struct avl_picture *picture, double box[4], struct avl_err *err)
{
	const struct avl_heatmap_style *const style = &h->style;
	const struct avl_heat_range range = range_of(h, score);
	double peak[2];
	memset(box, 0, 4 * sizeof(*box));
	if (range.low >= range.high)
		return 0;
	const float top = avl_region_peak(score, h->rows, h->cols, peak);
	const int found = avl_region_box(score, h->rows, h->cols, style->threshold, box, err);
	if (found <= 0)
		return found;
	avl_region_to_frame(h->region, box, 2);
	avl_region_to_frame(h->region, peak, 1);
	if (style->has_contour)
		draw_contour(h, score, range, (double)top, rgb, picture);
	if (style->has_box)
		avl_draw_box(picture, box, rgb);
	if (style->has_peak)
		avl_draw_cross(picture, peak, rgb);
	return 0;
}

int avl_heatmap_draw(struct avl_heatmap *h, const struct avl_picture *picture, const float *score,
		     int count, int rows, int cols, const double region[4], int by_source,
		     double (*box)[4], struct avl_err *err)
{
	static const uint8_t white[3] = {255, 255, 255};
	const size_t cells = (size_t)rows * (size_t)cols;
	int rc = prepare(h, picture, rows, cols, region, err);
	for (int i = 0; rc == 0 && i < count; i++)
		draw_heat(h, score + (size_t)i * cells, by_source ? avl_colormap_source(i) : NULL,
			  picture);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = draw_marks(h, score + (size_t)i * cells,
				by_source ? avl_colormap_source(i) : white, picture, box[i], err);
	return rc;
}
