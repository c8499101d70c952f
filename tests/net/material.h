/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_NET_MATERIAL_H
#define AVL_TESTS_NET_MATERIAL_H

/* Pictures, sounds and weights made up by rules, so that goldens need not carry them: the same are
 * in scripts/golden-parity.py and scripts/official.py. */

#include <stddef.h>
#include <stdint.h>

#include "net/parameters.h"

enum { MATERIAL_SEED = 7, MATERIAL_HEIGHT = 251, MATERIAL_WIDTH = 333 };

/* u1 (MATERIAL_HEIGHT, MATERIAL_WIDTH, 3); freed by the caller, as the next. */
uint8_t *material_picture(void);

/* A square wave under noise: whole multiples of 2^-15. */
float *material_sound(int rate_hz, size_t n);

/* Values of P: weights uniform within sqrt(6 / fan_in), biases, shifts and means within 0.2, scales
 * within 0.2 of 1, variances within 0.5 of 1. */
void material_parameter(const struct avl_parameter *p, float *values);

/* Writes a model of the preset or architecture NAME with such weights into a temporary file, whose
 * path goes to PATH; the caller unlinks it. 0, or -1. */
int material_model(const char *name, char *path, size_t size);

#endif
