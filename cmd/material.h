/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_MATERIAL_H
#define AVL_CMD_MATERIAL_H

#include "io/stream.h"

/* What commands that run networks take from a record. */
struct avl_material {
	const struct avl_tensor *frame; /* u1 (h, w, 3) */
	const struct avl_tensor *audio; /* f4 (n), all finite */
	int rate_hz;                    /* the seal's */
};

/* AVL_ENONE where the record has no picture or no sound; AVL_ESHAPE, AVL_EFORMAT where one is not
 * as above. The material borrows from RECORD. */
int avl_material_find(struct avl_material *material, const struct avl_record *record,
		      struct avl_err *err);

#endif
