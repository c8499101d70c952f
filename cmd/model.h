/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_MODEL_H
#define AVL_CMD_MODEL_H

/* The verbs of avl-model, a file each. All of them end the process where they cannot go on. */

#include <stdint.h>

enum model_dtype { MODEL_KEEP = -1, MODEL_FP32, MODEL_FP16, MODEL_BF16 };

void model_list(void);
void model_show(const char *path);
void model_init(const char *name, uint64_t seed, const char *output, int force);
void model_convert(const char *path, enum model_dtype dtype, const char *output, int force);

#endif
