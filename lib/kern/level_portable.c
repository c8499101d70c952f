/* SPDX-License-Identifier: MIT */

/* Four floats a register: SSE2 where built for x86-64, NEON where built for aarch64. */
#define AVL_VECTOR 4

#include "kern/level.h"
#include "kern/conv_level.h"
#include "kern/depthwise_level.h"
#include "kern/grad_level.h"
#include "kern/point_level.h"
#include "kern/winograd_level.h"

#include "kern/levels.h"

const struct avl_kern avl_kern_portable = {
    .level = "portable",
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
