/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void append(struct parts *parts, const char *name, const struct avl_tensor *like,
		   const void *data)
{
	cr_assert_lt(parts->n, PARTS_MAX);
	struct avl_safetensor *const to = &parts->tensor[parts->n++];
	const size_t bytes = avl_tensor_count(like) * avl_dtype_size(like->dtype);
	to->name = strdup(name);
	to->tensor = *like;
	to->tensor.data = avl_alloc(bytes, 1);
	memcpy(to->tensor.data, data, bytes);
}

void parts_add(struct parts *parts, const char *name, int ndim, const int *dim, const float *data)
{
	struct avl_tensor like = {.dtype = AVL_F4, .ndim = ndim};
	for (int i = 0; i < ndim; i++)
		like.dim[i] = dim[i];
	append(parts, name, &like, data);
}

struct avl_safetensor *parts_find(struct parts *parts, const char *name)
{
	for (int i = 0; i < parts->n; i++)
		if (!strcmp(parts->tensor[i].name, name))
			return &parts->tensor[i];
	cr_assert(0, "no tensor '%s'", name);
	return NULL;
}

static void part_free(struct avl_safetensor *part)
{
	free((char *)(size_t)part->name);
	free(part->tensor.data);
}

void parts_remove(struct parts *parts, const char *name)
{
	struct avl_safetensor *const part = parts_find(parts, name);
	part_free(part);
	const struct avl_safetensor *const end = parts->tensor + parts->n--;
	memmove(part, part + 1, (size_t)(end - part - 1) * sizeof *part);
}

void parts_release(struct parts *parts)
{
	for (int i = 0; i < parts->n; i++)
		part_free(&parts->tensor[i]);
	avl_json_free(parts->metadata);
	*parts = (struct parts){0};
}

void parts_copy(struct parts *parts, const struct avl_safetensors *file)
{
	*parts = (struct parts){.metadata = avl_json_copy(avl_safetensors_metadata(file))};
	for (int i = 0; i < avl_safetensors_count(file); i++) {
		const struct avl_safetensor *const from = avl_safetensors_at(file, i);
		append(parts, from->name, &from->tensor, from->tensor.data);
	}
}

FILE *parts_write(const struct parts *parts, char path[64])
{
	FILE *const file = tmpfile();
	struct avl_err err = {0};
	cr_assert_not_null(file);
	cr_assert_eq(
	    avl_safetensors_write(fileno(file), parts->tensor, parts->n, parts->metadata, &err), 0,
	    "%s", err.text);
	snprintf(path, 64, "/proc/self/fd/%d", fileno(file));
	return file;
}

struct avl_safetensors *parts_open(const struct parts *parts)
{
	char path[64];
	struct avl_safetensors *file;
	struct avl_err err = {0};
	FILE *const stream = parts_write(parts, path);
	cr_assert_eq(avl_safetensors_open(&file, path, &err), 0, "%s", err.text);
	fclose(stream);
	return file;
}

const char *tree_path(const char *name)
{
	static char path[4096];
	const char *const top = getenv("TOP");
	snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
	return path;
}

struct avl_safetensors *default_open(void)
{
	struct avl_safetensors *file;
	struct avl_err err = {0};
	cr_assert_eq(avl_safetensors_open(&file, tree_path("lib/share/default.safetensors"), &err),
		     0, "%s", err.text);
	return file;
}
