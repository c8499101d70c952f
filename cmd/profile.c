/* SPDX-License-Identifier: MIT */
#include "cmd/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/shared.h"

void avl_stage_begin(struct avl_stage *stage)
{
	stage->begun_s = avl_now_s();
}

static void thin_out(struct avl_stage *stage)
{
	for (int i = 0; 2 * i < stage->kept; i++)
		stage->ms[i] = stage->ms[2 * i];
	stage->kept /= 2;
	stage->stride *= 2;
}

void avl_stage_end(struct avl_stage *stage)
{
	const double ms = (avl_now_s() - stage->begun_s) * 1e3;
	if (!stage->count)
		stage->stride = 1;
	if (!stage->count || ms < stage->min_ms)
		stage->min_ms = ms;
	if (stage->count++ % stage->stride)
		return;
	if (stage->kept == AVL_PROFILE_KEPT)
		thin_out(stage);
	stage->ms[stage->kept++] = (float)ms;
}

static int by_size(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

void avl_profile_print(struct avl_stage *stage, int stages)
{
	fprintf(stderr, "stage\tcount\tmin_ms\tmedian_ms\n");
	for (int i = 0; i < stages; i++) {
		struct avl_stage *const s = &stage[i];
		qsort(s->ms, (size_t)s->kept, sizeof s->ms[0], by_size);
		fprintf(stderr, "%s\t%ld\t%.3f\t%.3f\n", s->name, s->count, s->min_ms,
			s->kept ? (double)s->ms[s->kept / 2] : 0.0);
	}
}
