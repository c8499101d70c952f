/* SPDX-License-Identifier: MIT */
#include "eval/protocol.h"

#include <math.h>
#include <string.h>

#define EZVSL_RULE                                                                                 \
	.upsample = AVL_UPSAMPLE_TORCH_LINEAR_CORNERS, .normalise = AVL_NORMALISE_MINMAX,          \
	.rule = AVL_RULE_MEDIAN, .compare = AVL_COMPARE_AT_LEAST

static const struct avl_protocol protocols[] = {
    {.name = "ezvsl",
     .words = "bilinear with corners aligned, min-max, at least the median",
     EZVSL_RULE,
     .universal = 0.6382,
     .universal_range = 1},
    {.name = "lvs",
     .words = "OpenCV bilinear, 1 - min-max of the negative, above the median (or 1)",
     .upsample = AVL_UPSAMPLE_CV_LINEAR,
     .normalise = AVL_NORMALISE_NEGATED,
     .rule = AVL_RULE_MEDIAN,
     .compare = AVL_COMPARE_ABOVE_OR_ONE,
     .universal = 0.6077},
    {.name = "slavc",
     .words = "bicubic with corners aligned, range, min-max, at least the median; negatives count",
     .upsample = AVL_UPSAMPLE_TORCH_CUBIC_CORNERS,
     .normalise = AVL_NORMALISE_RANGE,
     .rule = AVL_RULE_MEDIAN,
     .compare = AVL_COMPARE_AT_LEAST,
     .range = 1,
     .has_negatives = 1,
     .universal = 0.5450,
     .universal_range = 1},
    {.name = "fnac",
     .words = "bilinear with corners aligned, min-max, at least the median (as ezvsl)",
     EZVSL_RULE,
     .universal = 0.5538,
     .universal_range = 1},
    {.name = "adaptive",
     .words = "OpenCV bilinear on VGG-SS, else bilinear with corners aligned; 1 - min-max of the "
	      "negative, above the value that gives the map the area of the truth",
     .upsample = AVL_UPSAMPLE_TORCH_LINEAR_CORNERS,
     .normalise = AVL_NORMALISE_NEGATED,
     .rule = AVL_RULE_ADAPTIVE,
     .compare = AVL_COMPARE_ABOVE,
     .by_data_set = 1,
     .universal = 0.3175},
    {.name = "senocak",
     .words = "bilinear, min-max, above 0.5 (the paper's rule; its code has no evaluator)",
     .upsample = AVL_UPSAMPLE_TORCH_LINEAR,
     .normalise = AVL_NORMALISE_MINMAX,
     .rule = AVL_RULE_FIXED,
     .compare = AVL_COMPARE_ABOVE,
     .threshold = 0.5,
     .universal = NAN},
    {.name = "mask",
     .words = "bilinear to the mask's size, sigmoid above 0.5; F at 255 thresholds",
     .upsample = AVL_UPSAMPLE_TORCH_LINEAR,
     .normalise = AVL_NORMALISE_SIGMOID,
     .rule = AVL_RULE_FIXED,
     .compare = AVL_COMPARE_ABOVE,
     .threshold = 0.5,
     .has_negatives = 1,
     .is_mask = 1,
     .universal = NAN},
    {.name = "ssltie",
     .words = "as lvs",
     .upsample = AVL_UPSAMPLE_CV_LINEAR,
     .normalise = AVL_NORMALISE_NEGATED,
     .rule = AVL_RULE_MEDIAN,
     .compare = AVL_COMPARE_ABOVE_OR_ONE,
     .universal = 0.3338},
    {.name = "htf",
     .words = "OpenCV bicubic, min-max, at least the median",
     .upsample = AVL_UPSAMPLE_CV_CUBIC,
     .normalise = AVL_NORMALISE_MINMAX,
     .rule = AVL_RULE_MEDIAN,
     .compare = AVL_COMPARE_AT_LEAST,
     .universal = NAN},
};

const struct avl_protocol *avl_protocol_at(int i)
{
	return i >= 0 && i < (int)(sizeof protocols / sizeof *protocols) ? &protocols[i] : NULL;
}

const struct avl_protocol *avl_protocol_find(const char *name)
{
	for (int i = 0; avl_protocol_at(i); i++)
		if (!strcmp(name, protocols[i].name))
			return &protocols[i];
	return NULL;
}
