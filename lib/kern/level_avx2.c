/* SPDX-License-Identifier: MIT */

#if defined(__AVX2__) && defined(__FMA__)
#define AVL_VECTOR 8
#define AVL_LEVEL  "avx2"
#define AVL_TABLE  avl_kern_avx2
#include "kern/table_level.h"
#else
typedef int avl_level_is_not_for_this_machine;
#endif
