/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_NET_SCENE_H
#define AVL_TESTS_NET_SCENE_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ops/ops.h"
#include "tests/golden/golden.h"

/* Picture A and sound A of the goldens (scripts/golden-networks.py), and how far from them a
 * result may be. */

enum { SCENE_SIDE = 448, SCENE_SAMPLES = 31200, SCENE_HZ = 16000 };

/* Of the largest value: fp32 along sixteen blocks against PyTorch in double precision. */
#define SCENE_TOLERANCE 1e-4

/* u1 (448, 448, 3), for free(3). */
static inline uint8_t *scene_picture(void)
{
	uint8_t *const rgb = malloc((size_t)SCENE_SIDE * SCENE_SIDE * 3);
	for (int i = 0; rgb && i < SCENE_SIDE * SCENE_SIDE; i++) {
		const int y = i / SCENE_SIDE, x = i % SCENE_SIDE;
		rgb[3 * i] = (uint8_t)(3 * x + 5 * y);
		rgb[3 * i + 1] = (uint8_t)(7 * x + 2 * y + 40);
		rgb[3 * i + 2] = (uint8_t)(x * y / 16 + 11 * x);
	}
	return rgb;
}

/* Fails where DATA, planar, is not the golden NAME of FILE. */
static inline void scene_expect(const char *file, const char *name, const float *data)
{
	struct golden *const golden = malloc(sizeof *golden);
	cr_assert(golden_find(file, name, golden), "no golden '%s' in %s", name, file);
	const double distance = golden_distance(golden, data);
	cr_expect(distance <= SCENE_TOLERANCE, "%s at %s: off by %g of the largest", name,
		  avl_kern()->level, distance);
	free(golden);
}

/* The same for the first picture of a blocked map; the shape too. */
static inline void scene_expect_map(const struct golden *golden, const char *what,
				    const struct avl_map *map)
{
	const struct avl_shape *const s = &map->shape;
	const long dim[] = {s->c, s->h, s->w};
	for (int d = 0; d < golden->ndim; d++)
		cr_assert_eq(golden->dim[d], dim[d], "%s: dimension %d is %ld", what, d, dim[d]);
	float *const planar =
	    avl_alloc((size_t)s->n * (size_t)s->c * (size_t)s->h * (size_t)s->w, sizeof *planar);
	avl_layout_to_planar(s, map->data, planar);
	const double distance = golden_distance(golden, planar);
	cr_expect(distance <= SCENE_TOLERANCE, "%s at %s: off by %g of the largest", what,
		  avl_kern()->level, distance);
	free(planar);
}

#endif
