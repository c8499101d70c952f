/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/contract.h"

#define MODEL_FILE "default.safetensors"

static char *join(const char *directory, const char *rest)
{
	const size_t size = strlen(directory) + strlen(rest) + 2;
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%s/%s", directory, rest);
	return path;
}

/* The directory of the running program, or "" where the system does not tell. */
static void program_directory(char *directory, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", directory, size - 1);
	directory[n > 0 ? n : 0] = 0;
	char *slash = strrchr(directory, '/');
	if (slash)
		*slash = 0;
}

char *avl_model_path(void)
{
	static const char *const beside[] = {"../share/avl/" MODEL_FILE,
					     "../../../lib/share/" MODEL_FILE};
	const char *named = getenv("AVL_MODEL");
	if (named && *named)
		return strdup(named);
	char directory[PATH_MAX];
	program_directory(directory, sizeof directory);
	for (size_t i = 0; *directory && i < sizeof beside / sizeof beside[0]; i++) {
		char *path = join(directory, beside[i]);
		if (!path || !access(path, R_OK))
			return path;
		free(path);
	}
	return join(AVL_SHARE_DIR, MODEL_FILE);
}
