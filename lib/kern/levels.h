/* SPDX-License-Identifier: MIT */
#ifndef AVL_KERN_LEVELS_H
#define AVL_KERN_LEVELS_H

#include "kern/kern.h"

/* The tables that kern.c chooses from; those but the first exist where the machine is an x86-64. */
extern const struct avl_kern avl_kern_portable, avl_kern_avx2, avl_kern_avx512, avl_kern_avx512bf16;

#endif
