/* SPDX-License-Identifier: MIT */
#include "train/sample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/resize.h"
#include "io/record.h"

static int fits(int64_t have, int wanted)
{
	return have >= 1 && have <= 1 << 20 && (!wanted || have == wanted);
}

static void number(char *text, size_t size, int n, const char *name)
{
	if (n)
		snprintf(text, size, "%d", n);
	else
		snprintf(text, size, "%s", name);
}

/* The member SUFFIX, f4, with the dimensions WANTED (0: any) whose names are NAME. */
static int find_floats(const struct avl_record *record, const char *suffix, int ndim,
		       const int *wanted, const char *const *name, const struct avl_member **found,
		       struct avl_err *err)
{
	const struct avl_member *const member = avl_record_find(record, suffix);
	if (!member)
		return avl_fail(err, AVL_ENONE, "has no %s (avl-embed adds it)", suffix);
	const struct avl_tensor *const t = &member->tensor;
	int fine = t->dtype == AVL_F4 && t->ndim == ndim;
	for (int i = 0; fine && i < ndim; i++)
		fine = fits(t->dim[i], wanted[i]);
	if (!fine) {
		char shape[128], dim[3][16] = {"", "", ""};
		avl_tensor_describe(t, shape, sizeof shape);
		for (int i = 0; i < ndim; i++)
			number(dim[i], sizeof dim[i], wanted[i], name[i]);
		return avl_fail(err, AVL_ESHAPE, "%s is %s, not f4 (%s, %s%s%s)", suffix, shape,
				dim[0], dim[1], ndim > 2 ? ", " : "", dim[2]);
	}
	*found = member;
	return 0;
}

static int find_v(struct avl_sample *sample, const struct avl_record *record,
		  const struct avl_sample_shape *shape, struct avl_err *err)
{
	static const char *const dims[] = {"c", "rows", "cols"};
	const int wanted[] = {shape->channels, shape->rows, shape->cols};
	const struct avl_member *v = NULL;
	const int code = find_floats(record, "v.npy", 3, wanted, dims, &v, err);
	if (code)
		return code;
	sample->v = v->tensor.data;
	sample->picture = v->crc32;
	const struct avl_json *const region = avl_json_get(record->seal, "heat_region");
	for (int i = 0; i < 4 && avl_json_length(region) == 4; i++)
		sample->region[i] = avl_json_number_at(region, i, sample->region[i]);
	return 0;
}

static int find_fs(struct avl_sample *sample, const struct avl_record *record,
		   const struct avl_sample_shape *shape, struct avl_err *err)
{
	static const char *const dims[] = {"patches", "d"};
	const int wanted[] = {0, shape->features};
	const struct avl_member *fs = NULL;
	const int code = find_floats(record, "fs.npy", 2, wanted, dims, &fs, err);
	if (code)
		return code;
	sample->fs = fs->tensor.data;
	sample->patches = (int)fs->tensor.dim[0];
	sample->sound = fs->crc32;
	return 0;
}

static int find_frame(struct avl_sample *sample, const struct avl_record *record,
		      struct avl_err *err)
{
	static const int64_t rgb[] = {-1, -1, 3};
	char text[128];
	const struct avl_member *const frame = avl_record_find(record, "frame.npy");
	if (!frame)
		return avl_fail(err, AVL_ENONE, "has no picture: neither v.npy nor frame.npy");
	const struct avl_tensor *const t = &frame->tensor;
	if (!avl_tensor_is(t, AVL_U1, 3, rgb) || t->dim[0] < 1 || t->dim[1] < 1 ||
	    t->dim[0] > AVL_SIDE_MAX || t->dim[1] > AVL_SIDE_MAX) {
		avl_tensor_describe(t, text, sizeof text);
		return avl_fail(err, AVL_ESHAPE, "frame.npy is %s, not u1 (height, width, 3)",
				text);
	}
	sample->rgb = t->data;
	sample->height = (int)t->dim[0];
	sample->width = (int)t->dim[1];
	sample->picture = frame->crc32;
	return 0;
}

static int find_audio(struct avl_sample *sample, const struct avl_record *record,
		      struct avl_err *err)
{
	static const int64_t samples[] = {-1};
	char text[128];
	const struct avl_member *const audio = avl_record_find(record, "audio.npy");
	if (!audio)
		return avl_fail(err, AVL_ENONE, "has no sound: neither fs.npy nor audio.npy");
	const struct avl_tensor *const t = &audio->tensor;
	if (!avl_tensor_is(t, AVL_F4, 1, samples) || t->dim[0] < 1) {
		avl_tensor_describe(t, text, sizeof text);
		return avl_fail(err, AVL_ESHAPE, "audio.npy is %s, not f4 (samples)", text);
	}
	if (!(sample->rate_hz >= 1000 && sample->rate_hz <= 1000000) ||
	    sample->rate_hz != floor(sample->rate_hz))
		return avl_fail(err, AVL_EFORMAT, "the seal names no usable rate_hz");
	sample->audio = t->data;
	sample->samples = (size_t)t->dim[0];
	sample->sound = audio->crc32;
	return 0;
}

/* Whether a stream begins with the features in SUFFIX. */
static int has_features(const struct avl_record *record, enum avl_origin origin, const char *suffix)
{
	return origin == AVL_ORIGIN_FEATURES ||
	       (origin == AVL_ORIGIN_ANY && avl_record_find(record, suffix));
}

int avl_sample_find(struct avl_sample *sample, const struct avl_record *record,
		    const struct avl_sample_shape *shape, struct avl_err *err)
{
	*sample = (struct avl_sample){
	    .key = record->key,
	    .rate_hz = avl_json_number(record->seal, "rate_hz", 0),
	    .region = {0, 0, 1, 1},
	};
	int code = has_features(record, shape->picture, "v.npy")
		       ? find_v(sample, record, shape, err)
		       : find_frame(sample, record, err);
	if (!code)
		code = has_features(record, shape->sound, "fs.npy")
			   ? find_fs(sample, record, shape, err)
			   : find_audio(sample, record, err);
	const char *const source = avl_json_string(record->seal, "source", NULL);
	sample->source = source ? avl_crc32(0, source, strlen(source)) : sample->sound;
	if (!code)
		code = avl_truth_find(&sample->truth, record, err);
	return code < 0 ? code : 0;
}

/* x * 0 is NaN where x is not finite, and so is every sum with it. Eight sums, so that they need
 * not wait for each other. */
static int is_finite(const float *x, size_t n)
{
	float lane[8] = {0}, sum = 0;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			lane[k] += x[i + (size_t)k] * 0;
	for (; i < n; i++)
		sum += x[i] * 0;
	for (int k = 0; k < 8; k++)
		sum += lane[k];
	return sum == 0;
}

int avl_sample_check(const struct avl_sample *sample, const struct avl_record *record,
		     struct avl_err *err)
{
	static const char *const suffix[] = {"v.npy", "fs.npy", "audio.npy"};
	const float *const data[] = {sample->v, sample->fs, sample->audio};
	for (int i = 0; i < 3; i++)
		if (data[i] &&
		    !is_finite(data[i],
			       avl_tensor_count(&avl_record_find(record, suffix[i])->tensor)))
			return avl_fail(err, AVL_EFORMAT, "%s holds a value that is not finite",
					suffix[i]);
	return 0;
}
