/* SPDX-License-Identifier: MIT */

#if defined(__AVX512F__)
#define AVL_VECTOR 16
#define AVL_LEVEL  "avx512"
#define AVL_TABLE  avl_kern_avx512
#include "kern/table_level.h"
#else
typedef int avl_level_is_not_for_this_machine;
#endif
