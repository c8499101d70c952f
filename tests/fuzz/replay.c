/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* main() for a fuzz target where there is no libFuzzer: gives it each file named, and each file of
 * each directory named, so that what was once found stays fixed. */

static int files;

static int replay_file(const char *path)
{
	FILE *const file = fopen(path, "rb");
	struct stat st;
	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		return -1;
	}
	/* exactly as large as the input, so that a sanitizer sees a read past its end */
	uint8_t *const bytes = malloc((size_t)st.st_size ? (size_t)st.st_size : 1);
	const size_t n = bytes ? fread(bytes, 1, (size_t)st.st_size, file) : 0;
	const int rc = bytes && n == (size_t)st.st_size ? 0 : -1;
	if (!rc)
		LLVMFuzzerTestOneInput(bytes, n);
	free(bytes);
	fclose(file);
	files++;
	return rc;
}

static int replay(const char *path)
{
	DIR *const dir = opendir(path);
	int rc = 0;
	if (!dir)
		return replay_file(path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char name[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		rc |= replay_file(name);
	}
	closedir(dir);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;
	for (int i = 1; i < argc; i++)
		rc |= replay(argv[i]);
	printf("%d inputs replayed\n", files);
	return rc || !files ? EXIT_FAILURE : EXIT_SUCCESS;
}
