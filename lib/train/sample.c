/* SPDX-License-Identifier: MIT */
#include "train/sample.h"

#include <stdio.h>
#include <string.h>

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
		return avl_fail(err, AVL_ENONE, "has no %s", suffix);
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

int avl_sample_find(struct avl_sample *sample, const struct avl_record *record,
		    const struct avl_sample_shape *shape, struct avl_err *err)
{
	static const char *const v_dims[] = {"c", "rows", "cols"};
	static const char *const fs_dims[] = {"patches", "d"};
	const int v_wanted[] = {shape->channels, shape->rows, shape->cols};
	const int fs_wanted[] = {0, shape->features};
	const struct avl_member *v = NULL, *fs = NULL;
	int code = find_floats(record, "v.npy", 3, v_wanted, v_dims, &v, err);
	if (!code)
		code = find_floats(record, "fs.npy", 2, fs_wanted, fs_dims, &fs, err);
	if (code)
		return code;
	*sample = (struct avl_sample){
	    .key = record->key,
	    .v = v->tensor.data,
	    .fs = fs->tensor.data,
	    .patches = (int)fs->tensor.dim[0],
	    .sound = fs->crc32,
	    .picture = v->crc32,
	    .rate_hz = avl_json_number(record->seal, "rate_hz", 0),
	    .region = {0, 0, 1, 1},
	};
	const char *const source = avl_json_string(record->seal, "source", NULL);
	sample->source = source ? avl_crc32(0, source, strlen(source)) : sample->sound;
	const struct avl_json *const region = avl_json_get(record->seal, "heat_region");
	for (int i = 0; i < 4 && avl_json_length(region) == 4; i++)
		sample->region[i] = avl_json_number_at(region, i, sample->region[i]);
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
	static const char *const suffix[] = {"v.npy", "fs.npy"};
	const float *const data[] = {sample->v, sample->fs};
	for (int i = 0; i < 2; i++)
		if (!is_finite(data[i],
			       avl_tensor_count(&avl_record_find(record, suffix[i])->tensor)))
			return avl_fail(err, AVL_EFORMAT, "%s holds a value that is not finite",
					suffix[i]);
	return 0;
}
