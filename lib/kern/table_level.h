/* SPDX-License-Identifier: MIT */

/* All kernels of a level and their table. Included only by level_*.c, which say what the level is:
 * AVL_VECTOR, the floats a register holds; AVL_LEVEL, its name; AVL_TABLE, the table's. */

#include "kern/level.h"
#include "kern/bf16_level.h"
#include "kern/conv_bf16_level.h"
#include "kern/conv_level.h"
#include "kern/depthwise_level.h"
#include "kern/grad_level.h"
#include "kern/point_bf16_level.h"
#include "kern/grad_bf16_level.h"
#include "kern/point_level.h"
#include "kern/sound_level.h"
#include "kern/winograd_level.h"
#include "kern/winograd_grad_level.h"

#include "kern/levels.h"

const struct avl_kern AVL_TABLE = {
    .level = AVL_LEVEL,
    .conv = conv,
    .depthwise = depthwise,
    .maxpool = maxpool,
    .add = add,
    .affine = affine,
    .sum = sum_pixels,
    .winograd_input = winograd_input,
    .winograd_weights = winograd_weights,
    .winograd_output = winograd_output,
    .interleave = interleave,
    .taper = taper,
    .power = power,
    .weigh = weigh,
    .root = root,
    .log = log_of,
    .conv_dw = conv_dw,
    .winograd_spread = winograd_spread,
    .winograd_gather = winograd_gather,
    .maxpool_grad = maxpool_grad,
    .depthwise_grad = depthwise_grad,
    .gate = gate,
    .norm_grad = norm_grad,
    .covary = covary,
    .blend = blend,
    .bf16 =
	{
	    .conv = conv_bf16,
	    .depthwise = depthwise_bf16,
	    .maxpool = maxpool_bf16,
	    .add = add_bf16,
	    .sum = sum_bf16,
	    .narrow = narrow,
	    .widen = widen,
	    .affine = affine_bf16,
	    .conv_dw = conv_dw_bf16,
	    .maxpool_grad = maxpool_grad_bf16,
	    .gate = gate_bf16,
	    .norm_grad = norm_grad_bf16,
	    .covary = covary_bf16,
	    .blend = blend_bf16,
#if defined(AVL_BF16)
	    .is_fast = 1,
#endif
	},
};
