/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_ARENA_H
#define AVL_BASE_ARENA_H

#include <stddef.h>

/* Memory handed out in one direction and given back all at once. Blocks start at multiples of
 * AVL_ALIGN bytes and are not cleared. The memory stays with the arena over a reset, as one chunk,
 * so a loop over records settles at the size of the largest. Not safe for use by two threads. */
#define AVL_ALIGN 64

struct avl_arena {
	struct avl_arena_chunk *first;
	size_t held;  /* bytes in all chunks */
	size_t limit; /* held never exceeds this */
};

/* LIMIT bytes at most are ever held; 0 means no limit. Nothing is allocated yet. */
void avl_arena_init(struct avl_arena *arena, size_t limit);

/* SIZE bytes (at least one block, even for 0), or NULL when memory or the limit is exhausted. */
void *avl_arena_alloc(struct avl_arena *arena, size_t size);

/* A copy of N bytes of TEXT with a 0 behind it, or NULL. */
char *avl_arena_text(struct avl_arena *arena, const char *text, size_t n);

/* Takes every block back; the memory stays. */
void avl_arena_reset(struct avl_arena *arena);

/* Gives all memory back; the arena may be used again. */
void avl_arena_release(struct avl_arena *arena);

/* COUNT x SIZE bytes on a AVL_ALIGN boundary for free(3), or NULL, also where the product
 * overflows. Not cleared. */
void *avl_alloc(size_t count, size_t size);

#endif
