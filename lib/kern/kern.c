/* SPDX-License-Identifier: MIT */
#include "kern/kern.h"

#include <string.h>

#include "kern/levels.h"

static int always(void)
{
	return 1;
}

#if defined(__x86_64__)
static int has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static int has_avx512bf16(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

static const struct {
	const struct avl_kern *kern;
	int (*usable)(void);
} levels[] = {
    {&avl_kern_portable, always},
#if defined(__x86_64__)
    {&avl_kern_avx2, has_avx2},
    {&avl_kern_avx512, has_avx512},
    {&avl_kern_avx512bf16, has_avx512bf16},
#endif
};

enum { LEVELS = sizeof levels / sizeof levels[0] };

static const struct avl_kern *chosen;

static const struct avl_kern *best(void)
{
	int i = LEVELS - 1;
	while (!levels[i].usable())
		i--;
	return levels[i].kern;
}

const struct avl_kern *avl_kern(void)
{
	return chosen ? chosen : best();
}

int avl_kern_use(const char *level, struct avl_err *err)
{
	if (!strcmp(level, "auto")) {
		chosen = best();
		return 0;
	}
	for (int i = 0; i < LEVELS; i++) {
		if (strcmp(level, levels[i].kern->level) != 0)
			continue;
		if (!levels[i].usable())
			return avl_fail(err, AVL_EUSAGE, "this cpu lacks the level '%s'", level);
		chosen = levels[i].kern;
		return 0;
	}
	return avl_fail(err, AVL_EUSAGE, "unknown cpu level '%s'", level);
}

const char *avl_kern_level(int i)
{
	for (int l = 0; l < LEVELS; l++)
		if (levels[l].usable() && i-- == 0)
			return levels[l].kern->level;
	return NULL;
}
