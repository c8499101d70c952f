/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "eval/annotation_rows.h"
#include "fuzz.h"

/* The first byte says of which kind the file is that the others are: one of the kinds of
 * annotation.h, or an XML file of Flickr-SoundNet. What was read can be found again. */
static void find_all(struct avl_annotations *a)
{
	struct avl_arena arena;
	avl_arena_init(&arena, 0);
	FUZZ_CHECK(avl_annotations_count(a) <= a->n);
	for (int i = 0; i < a->n && i < 100; i++) {
		struct avl_annotation found;
		const struct avl_annotation_row row = a->row[i];
		const struct avl_annotation_query query = {
		    .key = row.name, .source = "x", .sound = row.sound};
		const int rc = avl_annotations_find(a, &query, &arena, &found, NULL);
		/* a query names the sound by its file, whose folder and extension do not count */
		FUZZ_CHECK(rc == 1 || (rc == 0 && row.sound));
		if (rc == 0)
			continue;
		for (int k = 0; k < 5 * found.nboxes; k++)
			FUZZ_CHECK(k % 5 == 4 || (found.box[k] >= 0 && found.box[k] <= 1));
	}
	avl_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct avl_annotations *a;
	struct avl_err err = {0};
	char path[64];
	const int kind = size ? data[0] % (AVL_ANNOTATION_KINDS + 1) : 0;
	const int fd = memfd_create("annotation", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	if (size > 1)
		FUZZ_CHECK(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	FUZZ_CHECK(avl_annotations_new(&a, NULL) == 0);
	const int rc = kind == AVL_ANNOTATION_KINDS
			   ? avl_flickr_read_xml(a, path, "name", &err)
			   : avl_annotations_read(a, (enum avl_annotation_kind)kind, path, &err);
	FUZZ_CHECK(rc <= 0 && (!rc || (*err.text && !strchr(err.text, '\n'))));
	if (!rc)
		find_all(a);
	avl_annotations_free(a);
	close(fd);
	return 0;
}
