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

/* PEAK: the largest score. The level is relative to 0, the heat to the range. */
static void draw_contour(const struct avl_heatmap *h, struct avl_heat_range range, double peak,
			 const uint8_t *rgb, const struct avl_picture *picture)
{
	const double span = (double)range.high - (double)range.low;
	const double level = (h->style.threshold * peak - (double)range.low) / span;
	if (level > 0)
		avl_overlay_contour(h->overlay, level, rgb, picture, h->par);
}

int avl_heatmap_draw(struct avl_heatmap *h, const struct avl_picture *picture, const float *score,
		     int rows, int cols, const double region[4], const uint8_t rgb[3],
		     double box[4], struct avl_err *err)
{
	static const uint8_t white[3] = {255, 255, 255};
	const struct avl_heatmap_style *const style = &h->style;
	const size_t cells = (size_t)rows * (size_t)cols;
	struct avl_heat_range range = style->range;
	double peak[2];
	memset(box, 0, 4 * sizeof(*box));
	int rc = prepare(h, picture, rows, cols, region, err);
	if (rc < 0)
		return rc;
	if (range.low >= range.high)
		range = avl_heat_range(score, cells);
	if (range.low >= range.high)
		return 0;
	avl_heat_scale(score, cells, range, h->heat);
	avl_overlay_spread(h->overlay, h->heat, h->par);
	const struct avl_overlay_look look =
	    rgb ? avl_overlay_look_plain(rgb, style->alpha)
		: avl_overlay_look_table(avl_colormap_table[style->colormap], style->alpha,
					 style->is_solid);
	avl_overlay_blend(h->overlay, &look, picture, h->par);
	const float top = avl_region_peak(score, rows, cols, peak);
	rc = avl_region_box(score, rows, cols, style->threshold, box, err);
	if (rc <= 0)
		return rc;
	avl_region_to_frame(region, box, 2);
	avl_region_to_frame(region, peak, 1);
	if (style->has_contour)
		draw_contour(h, range, top, rgb ? rgb : white, picture);
	if (style->has_box)
		avl_draw_box(picture, box, rgb ? rgb : white);
	if (style->has_peak)
		avl_draw_cross(picture, peak, rgb ? rgb : white);
	return 0;
}
