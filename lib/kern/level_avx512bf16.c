/* SPDX-License-Identifier: MIT */

#if defined(__AVX512F__) && defined(__AVX512BF16__)
#define AVL_VECTOR 16
#define AVL_BF16   1
#define AVL_LEVEL  "avx512bf16"
#define AVL_TABLE  avl_kern_avx512bf16
#include "kern/table_level.h"
#else
typedef int avl_level_is_not_for_this_machine;
#endif
