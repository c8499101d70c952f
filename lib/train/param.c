/* SPDX-License-Identifier: MIT */
#include "train/param.h"

#include <string.h>

int avl_name_listed(const char *name, const char *prefixes)
{
	for (const char *at = prefixes; at && *at;) {
		const size_t n = strcspn(at, ",");
		if (n && !strncmp(name, at, n))
			return 1;
		at += n + (at[n] == ',');
	}
	return 0;
}

int avl_param_named(const struct avl_param *param, const char *prefixes)
{
	return avl_name_listed(param->name, prefixes);
}

int avl_param_state(struct avl_param *param, int moments, struct avl_arena *arena,
		    struct avl_err *err)
{
	const size_t bytes = param->count * sizeof(float);
	float **const block[] = {&param->grad, &param->first, &param->second};
	for (int i = 0; i < 1 + moments; i++) {
		*block[i] = avl_arena_alloc(arena, bytes);
		if (!*block[i])
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		memset(*block[i], 0, bytes);
	}
	return 0;
}
