/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/front_end.h"

static const enum avl_filter filters[] = {
    [AVL_KERNEL_BOX] = AVL_FILTER_BOX,
    [AVL_KERNEL_BILINEAR] = AVL_FILTER_BILINEAR,
    [AVL_KERNEL_BICUBIC] = AVL_FILTER_BICUBIC,
    [AVL_KERNEL_LANCZOS] = AVL_FILTER_LANCZOS,
};

int avl_picture_front_init(struct avl_picture_front *front, const struct avl_contract *contract,
			   struct avl_err *err)
{
	*front = (struct avl_picture_front){.contract = contract};
	front->pixels =
	    avl_alloc((size_t)contract->frame.height * (size_t)contract->frame.width, 3);
	return front->pixels ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

void avl_picture_front_release(struct avl_picture_front *front)
{
	avl_resize_free(front->resize);
	free(front->pixels);
	free(front->plane);
	*front = (struct avl_picture_front){0};
}

static struct avl_resize_spec spec_of(const struct avl_contract *contract, int h, int w)
{
	const int height = contract->frame.height, width = contract->frame.width;
	const enum avl_filter filter = filters[contract->frame.kernel];
	if (contract->frame.fit == AVL_FIT_STRETCH)
		return avl_resize_stretch(h, w, height, width, filter);
	return avl_resize_centre_crop(h, w, height > width ? height : width, height, width, filter);
}

static void normalise(const struct avl_contract *contract, const uint8_t *pixels, float *out)
{
	const size_t area = (size_t)contract->frame.height * (size_t)contract->frame.width;
	for (int c = 0; c < 3; c++) {
		const float mean = contract->frame.mean[c], std = contract->frame.std[c];
		float value[256];
		for (int i = 0; i < 256; i++)
			value[i] = ((float)i - mean) / std;
		float *const plane = out + (size_t)c * area;
		for (size_t i = 0; i < area; i++)
			plane[i] = value[pixels[3 * i + (size_t)c]];
	}
}

static int plan_for(struct avl_picture_front *front, const struct avl_resize_spec *spec, int h,
		    int w, struct avl_err *err)
{
	if (front->resize && front->in_h == h && front->in_w == w &&
	    !memcmp(&front->spec, spec, sizeof *spec))
		return 0;
	avl_resize_free(front->resize);
	free(front->plane);
	front->resize = NULL;
	front->plane = NULL;
	const int code = avl_resize_new(&front->resize, spec, err);
	if (code)
		return code;
	front->spec = *spec;
	front->in_h = h;
	front->in_w = w;
	if (front->contract->frame.arithmetic == AVL_ARITHMETIC_BYTES)
		return 0;
	front->plane = avl_alloc((size_t)h * (size_t)w, sizeof(float));
	if (front->plane)
		return 0;
	avl_resize_free(front->resize);
	front->resize = NULL;
	return avl_fail(err, AVL_ENOMEM, "out of memory");
}

/* Resizing that is not rounded: overshoots of the filter stay. */
static void resize_floats(struct avl_picture_front *front, const uint8_t *rgb, float *out,
			  struct avl_par *par)
{
	const struct avl_contract *const contract = front->contract;
	const size_t area = (size_t)contract->frame.height * (size_t)contract->frame.width;
	const size_t pixels = (size_t)front->in_h * (size_t)front->in_w;
	for (size_t c = 0; c < 3; c++) {
		const float mean = contract->frame.mean[c], std = contract->frame.std[c];
		float *const plane = out + c * area;
		for (size_t i = 0; i < pixels; i++)
			front->plane[i] = rgb[3 * i + c];
		avl_resize_map(front->resize, front->plane, plane, par);
		for (size_t i = 0; i < area; i++)
			plane[i] = (plane[i] - mean) / std;
	}
}

/* The resized picture's side is cut off to whole pixels: 246 for 1.1 times 224. */
static struct avl_resize_spec spec_of_view(const struct avl_contract *contract,
					   const struct avl_picture_view *view, int h, int w)
{
	if (view->zoom == 0)
		return spec_of(contract, h, w);
	const int height = contract->frame.height, width = contract->frame.width;
	const int side = (int)(view->zoom * (height > width ? height : width));
	struct avl_resize_spec spec =
	    avl_resize_centre_crop(h, w, side, height, width, filters[contract->frame.kernel]);
	spec.crop_y = (int)(view->y * (spec.out_h - height + 1));
	spec.crop_x = (int)(view->x * (spec.out_w - width + 1));
	return spec;
}

static void mirror(const struct avl_contract *contract, float *out, double region[4])
{
	const size_t width = (size_t)contract->frame.width;
	for (size_t row = 0; row < 3 * (size_t)contract->frame.height; row++)
		for (size_t i = 0; i < width / 2; i++) {
			float *const left = out + row * width + i;
			float *const right = out + (row + 1) * width - 1 - i;
			const float kept = *left;
			*left = *right;
			*right = kept;
		}
	const double kept = region[0];
	region[0] = region[2];
	region[2] = kept;
}

int avl_picture_front_vary(struct avl_picture_front *front, const struct avl_picture_view *view,
			   const uint8_t *rgb, int h, int w, float *out, double region[4],
			   struct avl_par *par, struct avl_err *err)
{
	const struct avl_resize_spec spec = spec_of_view(front->contract, view, h, w);
	const int code = plan_for(front, &spec, h, w, err);
	if (code)
		return code;
	avl_resize_region(&spec, region);
	if (front->plane) {
		resize_floats(front, rgb, out, par);
	} else {
		avl_resize_rgb(front->resize, rgb, front->pixels, par);
		normalise(front->contract, front->pixels, out);
	}
	if (view->mirror)
		mirror(front->contract, out, region);
	return 0;
}

int avl_picture_front_run(struct avl_picture_front *front, const uint8_t *rgb, int h, int w,
			  float *out, double region[4], struct avl_par *par, struct avl_err *err)
{
	static const struct avl_picture_view plain = {0};
	return avl_picture_front_vary(front, &plain, rgb, h, w, out, region, par, err);
}
