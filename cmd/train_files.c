/* SPDX-License-Identifier: MIT */
#include "cmd/train_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

/* PATH with TAG before its last extension; malloc'd. */
static char *path_with(const char *path, const char *tag)
{
	const char *const slash = strrchr(path, '/'), *const dot = strrchr(path, '.');
	const char *const name = slash ? slash + 1 : path;
	const size_t stem = dot && dot > name ? (size_t)(dot - path) : strlen(path);
	const size_t size = strlen(path) + strlen(tag) + 1;
	char *const full = malloc(size);
	if (!full)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	snprintf(full, size, "%.*s%s%s", (int)stem, path, tag, path + stem);
	return full;
}

static char *path_of_step(const char *path, int64_t step)
{
	char tag[32];
	snprintf(tag, sizeof tag, "-%08" PRId64, step);
	return path_with(path, tag);
}

static void remove_step(const char *path, int64_t step)
{
	if (step <= 0)
		return;
	char *const old = path_of_step(path, step);
	unlink(old);
	free(old);
}

void train_files_write(const struct train_files *files, int64_t step)
{
	if (files->best) {
		char *const path = path_with(files->path, "-best");
		files->write(files->arg, path);
		free(path);
	}
	if (files->keep) {
		char *const path = path_of_step(files->path, step);
		files->write(files->arg, path);
		free(path);
		/* the second is one that a kill between the two steps above left behind */
		remove_step(files->path, step - files->keep * files->every);
		remove_step(files->path, step - (files->keep + 1) * files->every);
	}
	files->write(files->arg, files->path);
}
