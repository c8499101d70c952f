/* SPDX-License-Identifier: MIT */
#include "cmd/material.h"

#include <math.h>

#include "image/resize.h"

static int check_sound(const struct avl_tensor *audio, struct avl_err *err)
{
	const float *const sample = audio->data;
	if (audio->dim[0] < 1)
		return avl_fail(err, AVL_ESHAPE, "audio.npy holds no samples");
	for (int64_t i = 0; i < audio->dim[0]; i++)
		if (!isfinite(sample[i]))
			return avl_fail(err, AVL_EFORMAT,
					"audio.npy holds a value that is not finite");
	return 0;
}

int avl_material_find(struct avl_material *material, const struct avl_record *record,
		      struct avl_err *err)
{
	static const int64_t rgb[] = {-1, -1, 3}, samples[] = {-1};
	const struct avl_member *const frame = avl_record_find(record, "frame.npy");
	const struct avl_member *const audio = avl_record_find(record, "audio.npy");
	char shape[128];
	if (!frame || !audio)
		return avl_fail(err, AVL_ENONE, frame ? "has no sound" : "has no picture");
	if (!avl_tensor_is(&frame->tensor, AVL_U1, 3, rgb) || frame->tensor.dim[0] < 1 ||
	    frame->tensor.dim[1] < 1 || frame->tensor.dim[0] > AVL_SIDE_MAX ||
	    frame->tensor.dim[1] > AVL_SIDE_MAX) {
		avl_tensor_describe(&frame->tensor, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "frame.npy is %s, not u1 (height, width, 3)",
				shape);
	}
	if (!avl_tensor_is(&audio->tensor, AVL_F4, 1, samples)) {
		avl_tensor_describe(&audio->tensor, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "audio.npy is %s, not f4 (samples)", shape);
	}
	const double rate_hz = avl_json_number(record->seal, "rate_hz", 0);
	if (!(rate_hz >= 1000 && rate_hz <= 1000000) || rate_hz != floor(rate_hz))
		return avl_fail(err, AVL_EFORMAT, "the seal names no usable rate_hz");
	*material = (struct avl_material){&frame->tensor, &audio->tensor, (int)rate_hz};
	return check_sound(&audio->tensor, err);
}
