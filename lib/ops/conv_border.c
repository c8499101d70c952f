/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ops/bf16.h"
#include "ops/conv.h"

static int planes_of(const struct avl_conv_plan *p)
{
	return p->planar ? p->in.c : avl_blocks(p->in.c);
}

/* A planar picture has to be copied for its type's sake. */
static int is_copied(const struct avl_conv_plan *p, int in_bf16)
{
	return p->copied || (in_bf16 && p->planar);
}

size_t avl_conv_border_floats(const struct avl_conv_plan *p, int in_bf16)
{
	const size_t lanes = (size_t)planes_of(p) * (size_t)p->inner;
	const size_t elements = lanes * (size_t)p->in.n * (size_t)p->h * (size_t)p->w;
	const size_t floats = in_bf16 ? (elements + 1) / 2 : elements;
	return is_copied(p, in_bf16) ? (floats + AVL_BLOCK - 1) / AVL_BLOCK * AVL_BLOCK : 0;
}

struct job {
	const struct avl_conv_plan *plan;
	const struct avl_map *from, *to;
};

static void clear(const struct avl_map *map, ptrdiff_t first, ptrdiff_t n)
{
	char *const at = avl_map_at(map, first);
	memset(at, 0, (size_t)((char *)avl_map_at(map, first + n) - at));
}

static void copy(const struct avl_map *from, ptrdiff_t first, ptrdiff_t n, const struct avl_map *to,
		 ptrdiff_t at)
{
	const int narrows = to->layout == AVL_BLOCKED_BF16 && from->layout != AVL_BLOCKED_BF16;
	const char *const begin = avl_map_at(from, first);
	if (narrows)
		avl_kern()->bf16.narrow(avl_map_at(to, at), from->data + first, (size_t)n);
	else
		memcpy(avl_map_at(to, at), begin,
		       (size_t)((const char *)avl_map_at(from, first + n) - begin));
}

/* Item: one plane (planar: a channel, blocked: a block of channels) of one picture. */
static void border_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct job *const job = argument;
	const struct avl_conv_plan *const p = job->plan;
	const ptrdiff_t row = (ptrdiff_t)p->in.w * p->inner, bordered = (ptrdiff_t)p->w * p->inner;
	const ptrdiff_t from = (ptrdiff_t)item * p->in.h * row, left = p->before_w * p->inner;
	ptrdiff_t to = (ptrdiff_t)item * p->h * bordered;
	for (int y = 0; y < p->h; y++, to += bordered) {
		const int source = y - p->before_h;
		if (source < 0 || source >= p->in.h) {
			clear(job->to, to, bordered);
			continue;
		}
		clear(job->to, to, left);
		copy(job->from, from + source * row, row, job->to, to + left);
		clear(job->to, to + left + row, bordered - left - row);
	}
}

struct avl_map avl_conv_border(const struct avl_conv_plan *p, struct avl_par *par,
			       const struct avl_map *from, int in_bf16, float *room)
{
	if (!is_copied(p, in_bf16))
		return *from;
	const struct avl_map to = {p->in, in_bf16 ? AVL_BLOCKED_BF16 : AVL_BLOCKED, room};
	avl_par_for(par, planes_of(p) * p->in.n, border_item, &(struct job){p, from, &to});
	return to;
}
