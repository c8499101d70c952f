/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_MIN ((size_t)1 << 20)

/* Weights and activations are touched from end to end: in pages of 2 MiB that costs the system a
 * small part of what it costs in pages of 4 KiB. */
#define HUGE_PAGE ((size_t)2 << 20)

struct avl_arena_chunk {
	struct avl_arena_chunk *next;
	size_t size, used;
	_Alignas(AVL_ALIGN) unsigned char bytes[];
};

static size_t round_up(size_t size)
{
	return (size + AVL_ALIGN - 1) & ~(size_t)(AVL_ALIGN - 1);
}

static void *alloc_huge(size_t bytes)
{
	const size_t whole = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *const memory = aligned_alloc(HUGE_PAGE, whole);
#ifdef MADV_HUGEPAGE
	if (memory)
		madvise(memory, whole, MADV_HUGEPAGE); /* advice: it may fail */
#endif
	return memory;
}

void *avl_alloc(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	if (bytes >= HUGE_PAGE)
		return alloc_huge(bytes);
	return aligned_alloc(AVL_ALIGN, round_up(bytes ? bytes : 1));
}

void avl_arena_init(struct avl_arena *arena, size_t limit)
{
	*arena = (struct avl_arena){.limit = limit ? limit : SIZE_MAX / 2};
}

static struct avl_arena_chunk *chunk_new(struct avl_arena *arena, size_t need)
{
	const size_t room = arena->limit - arena->held;
	size_t size = arena->held / 2 > CHUNK_MIN ? arena->held / 2 : CHUNK_MIN;
	if (size < need || size > room)
		size = need;
	if (size > room)
		return NULL;
	struct avl_arena_chunk *chunk = avl_alloc(1, sizeof *chunk + size);
	if (!chunk)
		return NULL;
	*chunk = (struct avl_arena_chunk){.size = size};
	arena->held += size;
	return chunk;
}

void *avl_arena_alloc(struct avl_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 4)
		return NULL;
	const size_t need = round_up(size ? size : 1);
	struct avl_arena_chunk **link = &arena->first;
	while (*link && (*link)->size - (*link)->used < need)
		link = &(*link)->next;
	if (!*link && !(*link = chunk_new(arena, need)))
		return NULL;
	struct avl_arena_chunk *const chunk = *link;
	void *const block = chunk->bytes + chunk->used;
	chunk->used += need;
	return block;
}

char *avl_arena_text(struct avl_arena *arena, const char *text, size_t n)
{
	char *copy = n < SIZE_MAX ? avl_arena_alloc(arena, n + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, text, n);
	copy[n] = 0;
	return copy;
}

static void free_chunks(struct avl_arena *arena)
{
	for (struct avl_arena_chunk *c = arena->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	arena->first = NULL;
	arena->held = 0;
}

/* Several chunks become one of what was used of them: the chunks of records that grow would
 * otherwise add up without end, since none of the old ones has room for the new largest block. */
void avl_arena_reset(struct avl_arena *arena)
{
	size_t used = 0;
	for (struct avl_arena_chunk *c = arena->first; c; c = c->next) {
		used += c->used;
		c->used = 0;
	}
	if (!arena->first || !arena->first->next)
		return;
	free_chunks(arena);
	arena->first = chunk_new(arena, used);
}

void avl_arena_release(struct avl_arena *arena)
{
	free_chunks(arena);
}
