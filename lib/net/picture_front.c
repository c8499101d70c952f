/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

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

int avl_picture_front_run(struct avl_picture_front *front, const uint8_t *rgb, int h, int w,
			  float *out, double region[4], struct avl_par *par, struct avl_err *err)
{
	const struct avl_resize_spec spec = spec_of(front->contract, h, w);
	if (!front->resize || front->in_h != h || front->in_w != w) {
		avl_resize_free(front->resize);
		front->resize = NULL;
		const int code = avl_resize_new(&front->resize, &spec, err);
		if (code)
			return code;
		front->in_h = h;
		front->in_w = w;
	}
	avl_resize_region(&spec, region);
	avl_resize_rgb(front->resize, rgb, front->pixels, par);
	normalise(front->contract, front->pixels, out);
	return 0;
}
