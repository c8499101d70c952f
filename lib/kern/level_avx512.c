/* SPDX-License-Identifier: MIT */

#if defined(__AVX512F__)
#define AVL_VECTOR 16

#include "kern/level.h"
#include "kern/conv_level.h"
#include "kern/depthwise_level.h"
#include "kern/grad_level.h"
#include "kern/point_level.h"
#include "kern/winograd_level.h"

#include "kern/levels.h"

const struct avl_kern avl_kern_avx512 = {
    .level = "avx512",
    .conv = conv,
    .depthwise = depthwise,
    .maxpool = maxpool,
    .add = add,
    .affine = affine,
    .sum = sum_pixels,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .conv_dw = conv_dw,
    .depthwise_grad = depthwise_grad,
    .gate = gate,
    .covary = covary,
    .blend = blend,
};
#else
typedef int avl_level_is_not_for_this_machine;
#endif
