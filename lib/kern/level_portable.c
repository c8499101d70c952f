/* SPDX-License-Identifier: MIT */

/* Four floats a register: SSE2 where built for x86-64, NEON where built for aarch64. */
#define AVL_VECTOR 4
#define AVL_LEVEL  "portable"
#define AVL_TABLE  avl_kern_portable
#include "kern/table_level.h"
