/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_NET_FILES_H
#define AVL_TESTS_NET_FILES_H

#include <stdio.h>

#include "io/safetensors.h"

/* Model files made by the tests. */

enum { PARTS_MAX = 512 };

struct parts {
	struct avl_safetensor tensor[PARTS_MAX]; /* name and data are the list's own */
	int n;
	struct avl_json *metadata; /* NULL: none */
};

/* Copies NAME and as many floats of DATA as DIM (NDIM numbers) says. */
void parts_add(struct parts *parts, const char *name, int ndim, const int *dim, const float *data);

/* Where NAME is, or the test fails. */
struct avl_safetensor *parts_find(struct parts *parts, const char *name);

void parts_remove(struct parts *parts, const char *name);
void parts_release(struct parts *parts);

/* Everything in FILE, tensors and metadata. */
void parts_copy(struct parts *parts, const struct avl_safetensors *file);

/* Writes a file that is gone when it is closed; PATH names it until then. */
FILE *parts_write(const struct parts *parts, char path[64]);

/* Writes and opens it. */
struct avl_safetensors *parts_open(const struct parts *parts);

/* A file of the tree: tests run at its top, or with TOP naming it. */
const char *tree_path(const char *name);

/* lib/share/default.safetensors */
struct avl_safetensors *default_open(void);

#endif
