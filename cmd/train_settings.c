/* SPDX-License-Identifier: MIT */
#include "cmd/train_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

/* The value of a member as text, malloc'd; "none" where it is not there. */
static char *text_of(const struct avl_json *object, const char *name)
{
	const struct avl_json *const value = avl_json_get(object, name);
	const char *const text = avl_json_string(object, name, NULL);
	char number[64];
	snprintf(number, sizeof number, "%.10g", avl_json_number(object, name, NAN));
	char *const copy = strdup(text ? text : value ? number : "none");
	if (!copy)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	return copy;
}

void train_settings_compare(const char *path, const struct avl_json *have,
			    const struct avl_json *want)
{
	const char *name;
	struct avl_json *value;
	for (void *at = NULL; avl_json_next(want, &at, &name, &value);) {
		char *const before = text_of(have, name), *const now = text_of(want, name);
		if (strcmp(before, now))
			avl_die(AVL_EXIT_USAGE, "--resume: '%s' was made with %s %s, not %s", path,
				name, before, now);
		free(before);
		free(now);
	}
}
