/* SPDX-License-Identifier: MIT */
#include "net/class_map.h"

#include <math.h>
#include <string.h>

#include "net/attention.h"

/* The tensor NAME with the shape given (-1: any), copied; floats where it is of a float type. */
static int copy_tensor(struct avl_class_map *map, const struct avl_safetensors *file,
		       const char *name, int whole, int64_t first, int64_t second,
		       struct avl_tensor *out, struct avl_err *err)
{
	const struct avl_safetensor *const found = avl_safetensors_find(file, name);
	if (!found)
		return avl_fail(err, AVL_ENONE, "tensor '%s' is missing", name);
	*out = found->tensor;
	const int64_t dim[] = {first, second};
	if (!avl_tensor_is(out, whole ? AVL_I2 : AVL_F4, second ? 2 : 1, dim)) {
		char shape[128];
		avl_tensor_describe(out, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is %s, which does not fit the model",
				name, shape);
	}
	const size_t bytes = avl_tensor_count(out) * avl_dtype_size(out->dtype);
	out->data = avl_arena_alloc(&map->memory, bytes);
	if (!out->data)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(out->data, found->tensor.data, bytes);
	return 0;
}

static int check_pairs(const struct avl_class_map *map, struct avl_err *err)
{
	for (int i = 0; i < map->pairs; i++) {
		const int sound = map->pair[2 * i], picture = map->pair[2 * i + 1];
		if (sound < 0 || sound >= map->units || picture < 0 ||
		    picture >= map->classifier.out)
			return avl_fail(err, AVL_ESHAPE, "'class_map.pairs' joins %d with %d",
					sound, picture);
		const int16_t *const before = map->pair + 2 * (i ? i - 1 : 0);
		if (i && (sound < before[0] || (sound == before[0] && picture <= before[1])))
			return avl_fail(err, AVL_EFORMAT, "'class_map.pairs' is out of order at %d",
					i);
	}
	return 0;
}

int avl_class_map_init(struct avl_class_map *map, const struct avl_safetensors *file, int channels,
		       int rows, int cols, int units, struct avl_err *err)
{
	struct avl_tensor pairs, weight, person, row;
	*map = (struct avl_class_map){.units = units};
	avl_arena_init(&map->memory, 0);
	int code = avl_linear_init(&map->classifier, file, "image._fc", channels, err);
	if (!code)
		code = copy_tensor(map, file, "class_map.pairs", 1, -1, 2, &pairs, err);
	if (!code)
		code = copy_tensor(map, file, "class_map.weight", 0, units, 0, &weight, err);
	if (!code)
		code = copy_tensor(map, file, "class_map.person", 0, units, 0, &person, err);
	if (!code)
		code = copy_tensor(map, file, "class_map.person_row", 0, channels, 0, &row, err);
	if (code)
		goto fail;
	map->pairs = (int)pairs.dim[0];
	map->pair = pairs.data;
	map->weight = weight.data;
	map->person = person.data;
	map->row = row.data;
	code = check_pairs(map, err);
	if (code)
		goto fail;
	map->chances.shape =
	    (struct avl_shape){.n = 1, .c = map->classifier.out, .h = rows, .w = cols};
	map->chances.data =
	    avl_arena_alloc(&map->memory, avl_shape_floats(&map->chances.shape) * sizeof(float));
	map->clipped = avl_arena_alloc(&map->memory, (size_t)rows * (size_t)cols * sizeof(float));
	map->wanted = avl_arena_alloc(&map->memory, (size_t)map->classifier.out * sizeof(float));
	if (map->chances.data && map->clipped && map->wanted)
		return 0;
	code = avl_fail(err, AVL_ENOMEM, "out of memory");
fail:
	avl_class_map_release(map);
	return code;
}

void avl_class_map_release(struct avl_class_map *map)
{
	avl_linear_release(&map->classifier);
	avl_arena_release(&map->memory);
	*map = (struct avl_class_map){0};
}

/* The softmax over the channels of one position, in place. */
static void softmax_at(const struct avl_map *map, int position)
{
	const ptrdiff_t stride = avl_block_stride(&map->shape);
	float *const at = map->data + (ptrdiff_t)position * AVL_BLOCK;
	float largest = -INFINITY;
	double sum = 0;
	for (int c = 0; c < map->shape.c; c++)
		largest = fmaxf(largest, at[c / AVL_BLOCK * stride + c % AVL_BLOCK]);
	for (int c = 0; c < map->shape.c; c++) {
		float *const x = &at[c / AVL_BLOCK * stride + c % AVL_BLOCK];
		*x = expf(*x - largest);
		sum += *x;
	}
	const float factor = (float)(1 / sum);
	for (int c = 0; c < map->shape.c; c++)
		at[c / AVL_BLOCK * stride + c % AVL_BLOCK] *= factor;
}

static void softmax_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct avl_class_map *const map = argument;
	for (int col = 0; col < map->chances.shape.w; col++)
		softmax_at(&map->chances, item * map->chances.shape.w + col);
}

void avl_class_map_see(struct avl_class_map *map, const struct avl_map *v, struct avl_par *par)
{
	avl_linear_run(&map->classifier, v, &map->chances, par);
	avl_par_for(par, map->chances.shape.h, softmax_item, map);
	avl_attention_score(AVL_ATTENTION_RELU, v, map->row, map->clipped);
	for (int p = 0; p < v->shape.h * v->shape.w; p++)
		map->clipped[p] = fminf(map->clipped[p], 1);
}

void avl_class_map_score(const struct avl_class_map *map, const float *q, float *out)
{
	float person = 0;
	memset(map->wanted, 0, (size_t)map->classifier.out * sizeof *map->wanted);
	for (int c = 0; c < map->units; c++)
		person += q[c] * map->person[c];
	for (int i = 0; i < map->pairs; i++) {
		const int sound = map->pair[2 * i];
		map->wanted[map->pair[2 * i + 1]] += q[sound] * map->weight[sound];
	}
	avl_attention_score(AVL_ATTENTION_DOT, &map->chances, map->wanted, out);
	for (int p = 0; p < map->chances.shape.h * map->chances.shape.w; p++)
		out[p] += person * map->clipped[p];
}

/* The pairs first..last-1 are those of sound class C. */
static void pairs_of(const struct avl_class_map *map, int c, int *first, int *last)
{
	int low = 0, high = map->pairs;
	while (low < high) {
		const int middle = low + (high - low) / 2;
		if (map->pair[2 * middle] < c)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	while (low < map->pairs && map->pair[2 * low] == c)
		low++;
	*last = low;
}

int avl_class_map_related(const struct avl_class_map *map, int a, int b)
{
	int i, i_end, j, j_end, shared = 0;
	pairs_of(map, a, &i, &i_end);
	pairs_of(map, b, &j, &j_end);
	const int fewer = i_end - i < j_end - j ? i_end - i : j_end - j;
	while (i < i_end && j < j_end) {
		const int x = map->pair[2 * i + 1], y = map->pair[2 * j + 1];
		shared += x == y;
		i += x <= y;
		j += y <= x;
	}
	return 2 * shared > fewer;
}
