/* SPDX-License-Identifier: MIT */
#include "eval/mask.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "eval/annotation.h"
#include "eval/rows.h"
#include "image/png.h"

#define DEPTH_MAX  16
#define PIXELS_MAX ((uint64_t)1 << 26)
#define FILE_MAX   ((size_t)1 << 28)

struct mask_file {
	char *name; /* without .png, behind the path's 0 */
	char *path;
};

struct avl_masks {
	struct mask_file *file;
	int n, room;
};

static int add(struct avl_masks *masks, const char *path, struct avl_err *err)
{
	char name[256];
	if (masks->n == masks->room) {
		const int room = masks->room ? 2 * masks->room : 256;
		struct mask_file *const grown =
		    room > 0 ? realloc(masks->file, (size_t)room * sizeof *grown) : NULL;
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		masks->file = grown;
		masks->room = room;
	}
	avl_stem(path, name, sizeof name);
	const size_t length = strlen(path) + 1;
	char *const text = malloc(length + strlen(name) + 1);
	if (!text)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	memcpy(text, path, length);
	strcpy(text + length, name);
	masks->file[masks->n++] = (struct mask_file){.path = text, .name = text + length};
	return 0;
}

static int is_png(const char *name)
{
	const size_t length = strlen(name);
	return length > 4 &&
	       (!strcmp(name + length - 4, ".png") || !strcmp(name + length - 4, ".PNG"));
}

static int list(struct avl_masks *masks, const char *path, int depth, struct avl_err *err)
{
	DIR *const dir = opendir(path);
	int rc = 0;
	if (!dir)
		return avl_fail_errno(err, "'%s'", path);
	for (const struct dirent *entry; !rc && (entry = readdir(dir));) {
		struct stat status;
		if (entry->d_name[0] == '.')
			continue;
		const size_t size = strlen(path) + strlen(entry->d_name) + 2;
		char *const inner = malloc(size);
		if (!inner) {
			rc = avl_fail(err, AVL_ENOMEM, "out of memory");
			break;
		}
		snprintf(inner, size, "%s/%s", path, entry->d_name);
		if (is_png(entry->d_name))
			rc = add(masks, inner, err);
		else if (depth < DEPTH_MAX && !stat(inner, &status) && S_ISDIR(status.st_mode))
			rc = list(masks, inner, depth + 1, err);
		free(inner);
	}
	closedir(dir);
	return rc;
}

static int compare(const void *one, const void *two)
{
	const struct mask_file *const a = one, *const b = two;
	const int names = strcmp(a->name, b->name);
	return names ? names : strcmp(a->path, b->path);
}

int avl_masks_open(struct avl_masks **out, const char *path, struct avl_err *err)
{
	struct avl_masks *const masks = calloc(1, sizeof *masks);
	*out = NULL;
	if (!masks)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	int rc = list(masks, path, 0, err);
	if (!rc && !masks->n)
		rc = avl_fail(err, AVL_ENONE, "'%s': holds no .png file", path);
	if (rc) {
		avl_masks_close(masks);
		return rc;
	}
	qsort(masks->file, (size_t)masks->n, sizeof *masks->file, compare);
	*out = masks;
	return 0;
}

void avl_masks_close(struct avl_masks *masks)
{
	if (!masks)
		return;
	for (int i = 0; i < masks->n; i++)
		free(masks->file[i].path);
	free(masks->file);
	free(masks);
}

int avl_masks_count(const struct avl_masks *masks)
{
	return masks->n;
}

const char *avl_masks_find(const struct avl_masks *masks, const char *name)
{
	int low = 0, high = masks->n;
	while (low < high) {
		const int middle = low + (high - low) / 2;
		if (strcmp(masks->file[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < masks->n && !strcmp(masks->file[low].name, name) ? masks->file[low].path
								      : NULL;
}

int avl_mask_read(const char *path, uint8_t **pixels, int *height, int *width, struct avl_err *err)
{
	char *bytes;
	size_t n;
	int rc = avl_file_read(path, FILE_MAX, &bytes, &n, err);
	if (rc)
		return rc;
	rc = avl_png_decode(bytes, n, 1, PIXELS_MAX, pixels, height, width, err);
	free(bytes);
	if (rc) {
		char where[512];
		snprintf(where, sizeof where, "'%.400s'", path);
		return avl_fail_prefix(err, where);
	}
	const size_t count = (size_t)*height * (size_t)*width;
	int brightest = 0;
	for (size_t i = 0; i < count; i++)
		brightest = (*pixels)[i] > brightest ? (*pixels)[i] : brightest;
	for (size_t i = 0; i < count; i++)
		(*pixels)[i] = (*pixels)[i] && 2 * (*pixels)[i] >= brightest;
	return 0;
}
