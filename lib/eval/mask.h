/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_MASK_H
#define AVL_EVAL_MASK_H

#include <stdint.h>

#include "base/err.h"

/* A folder of masks: PNG files, in folders of their own or not, each named as the record's key or
 * the picture it belongs to. */
struct avl_masks;

/* Lists PATH. Of two files of one name the one whose path sorts first counts. */
int avl_masks_open(struct avl_masks **masks, const char *path, struct avl_err *err);
void avl_masks_close(struct avl_masks *masks); /* NULL is allowed */
int avl_masks_count(const struct avl_masks *masks);

/* The path of the mask with that name (without .png), or NULL. */
const char *avl_masks_find(const struct avl_masks *masks, const char *name);

/* Reads a mask: *PIXELS becomes malloc'd u1 (height, width), 1 where the file is at least half as
 * bright as its brightest pixel and not black, else 0. So 0 and 255, 0 and 1, and softened edges
 * all mean what they should; an all black file is an empty mask. */
int avl_mask_read(const char *path, uint8_t **pixels, int *height, int *width, struct avl_err *err);

#endif
