/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cmd/cmd.h"
#include "cmd/model.h"
#include "net/parameters.h"
#include "net/preset.h"

static _Noreturn void die_of_memory(void)
{
	avl_die(AVL_EXIT_FAILURE, "out of memory");
}

static size_t bytes_of(const struct avl_safetensor *t)
{
	return avl_tensor_count(&t->tensor) * avl_dtype_size(t->tensor.dtype);
}

/* The largest power of two up to 64 that divides the size. */
static size_t alignment(const struct avl_safetensor *t)
{
	const size_t bytes = bytes_of(t), power = bytes & -bytes;
	return power > 64 || !power ? 64 : power;
}

/* Those whose size keeps what follows aligned come first: there may be no holes. */
static int by_alignment(const void *a, const void *b)
{
	const struct avl_safetensor *const x = *(const struct avl_safetensor *const *)a;
	const struct avl_safetensor *const y = *(const struct avl_safetensor *const *)b;
	const size_t p = alignment(x), q = alignment(y);
	if (p != q)
		return p > q ? -1 : 1;
	return x < y ? -1 : x > y; /* as they came */
}

static void write_model(struct avl_safetensor *tensor, int n, const struct avl_json *metadata,
			const char *path, int force)
{
	struct avl_output output;
	struct avl_err err;
	struct avl_safetensor *const sorted = calloc((size_t)n + 1, sizeof *sorted);
	struct avl_safetensor **const order =
	    calloc((size_t)n + 1, sizeof(struct avl_safetensor *));
	if (!sorted || !order)
		die_of_memory();
	for (int i = 0; i < n; i++)
		order[i] = &tensor[i];
	qsort(order, (size_t)n, sizeof *order, by_alignment);
	for (int i = 0; i < n; i++)
		sorted[i] = *order[i];
	avl_output_open(&output, path, force);
	if (avl_safetensors_write(output.fd, sorted, n, metadata, &err))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", output.path, err.text);
	avl_output_commit(&output);
	free(sorted);
	free(order);
}

/* --- init --- */

static struct avl_json *describe_new(const struct avl_contract *contract, uint64_t seed)
{
	struct avl_json *const origin = avl_json_object(), *const metadata = avl_json_object();
	char *const text = avl_contract_write(contract);
	if (!text || avl_json_set_string(origin, "weights", "random") ||
	    avl_json_set_number(origin, "seed", (double)seed) ||
	    avl_json_set_string(metadata, "avl.contract", text))
		die_of_memory();
	char *const provenance = avl_json_dump(origin, NULL);
	if (!provenance || avl_json_set_string(metadata, "avl.provenance", provenance))
		die_of_memory();
	avl_json_free(origin);
	free(provenance);
	free(text);
	return metadata;
}

void model_init(const char *name, uint64_t seed, const char *output, int force)
{
	struct avl_contract contract;
	struct avl_parameters list;
	struct avl_arena memory;
	struct avl_err err;
	if (avl_preset_contract(&contract, name, &err))
		avl_usage("init: %s", err.text);
	if (avl_parameters_list(&list, &contract, NULL, &err))
		avl_die_err(&err);
	struct avl_safetensor *const tensor = calloc((size_t)list.count, sizeof *tensor);
	avl_arena_init(&memory, 0);
	for (int i = 0; i < list.count; i++) {
		const struct avl_parameter *const p = &list.at[i];
		float *const values =
		    avl_arena_alloc(&memory, avl_parameter_count(p) * sizeof *values);
		if (!tensor || !values)
			die_of_memory();
		avl_parameter_init(p, seed, values);
		tensor[i].name = p->name;
		tensor[i].tensor =
		    (struct avl_tensor){.dtype = AVL_F4, .ndim = p->ndim, .data = values};
		memcpy(tensor[i].tensor.dim, p->dim, sizeof p->dim);
	}
	struct avl_json *const metadata = describe_new(&contract, seed);
	write_model(tensor, list.count, metadata, output, force);
	avl_json_free(metadata);
	avl_arena_release(&memory);
	avl_parameters_release(&list);
	free(tensor);
}

/* --- convert --- */

static int is_float(enum avl_dtype dtype)
{
	return dtype == AVL_F4 || dtype == AVL_F8 || dtype == AVL_F2 || dtype == AVL_BF2;
}

/* The type T is to have: vectors (biases, batch norms) and the class table keep their precision,
 * which costs little and counts. */
static enum avl_dtype wanted_type(const struct avl_safetensor *t, enum model_dtype dtype)
{
	static const enum avl_dtype types[] = {AVL_F4, AVL_F2, AVL_BF2};
	const int is_small = t->tensor.ndim < 2 || !strncmp(t->name, "class_map.", 10);
	if (dtype == MODEL_KEEP || !is_float(t->tensor.dtype))
		return t->tensor.dtype;
	return is_small ? AVL_F4 : types[dtype];
}

static void narrow(const struct avl_safetensor *t, enum avl_dtype type, const float *from, size_t n,
		   uint16_t *to)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = type == AVL_F2 ? avl_float_to_half(from[i]) : avl_float_to_bfloat(from[i]);
		if (type == AVL_F2 && isfinite(from[i]) && !isfinite(avl_half_to_float(to[i])))
			avl_die(AVL_EXIT_FAILURE, "tensor '%s' holds %g, more than fp16 can",
				t->name, (double)from[i]);
	}
}

static void convert_tensor(struct avl_safetensor *t, enum model_dtype dtype,
			   struct avl_arena *memory)
{
	const enum avl_dtype type = wanted_type(t, dtype);
	const size_t n = avl_tensor_count(&t->tensor);
	if (type == t->tensor.dtype)
		return;
	float *const wide = avl_arena_alloc(memory, n * sizeof *wide);
	if (!wide)
		die_of_memory();
	avl_tensor_to_float(t->tensor.data, t->tensor.dtype, n, wide);
	t->tensor.dtype = type;
	t->tensor.data = wide;
	if (type == AVL_F4)
		return;
	uint16_t *const half = avl_arena_alloc(memory, n * sizeof *half);
	if (!half)
		die_of_memory();
	narrow(t, type, wide, n, half);
	t->tensor.data = half;
}

void model_convert(const char *path, enum model_dtype dtype, const char *output, int force)
{
	struct avl_safetensors *file;
	struct avl_arena memory;
	struct avl_err err;
	if (avl_safetensors_open(&file, path, &err))
		avl_die_err(&err);
	const int n = avl_safetensors_count(file);
	struct avl_safetensor *const tensor = calloc((size_t)n + 1, sizeof *tensor);
	if (!tensor)
		die_of_memory();
	avl_arena_init(&memory, 0);
	for (int i = 0; i < n; i++) {
		tensor[i] = *avl_safetensors_at(file, i);
		convert_tensor(&tensor[i], dtype, &memory);
	}
	write_model(tensor, n, avl_safetensors_metadata(file), output, force);
	avl_arena_release(&memory);
	free(tensor);
	avl_safetensors_close(file);
}
