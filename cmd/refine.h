/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_REFINE_H
#define AVL_CMD_REFINE_H

#include <stdbool.h>

#include "net/model.h"

/* What may be done to a map after it was scored: it is enlarged, mixed with a map of where things
 * are (object-guided localization, net/objects.h), and made to follow the edges of the picture
 * (image/guided.h). */

struct avl_refine_options {
	double prior; /* weight of the scores beside the objects, 0..1; NaN: no objects */
	const char *object_model; /* whose image network sees the objects; NULL: the model itself */
	bool edges;
	const char *size; /* "N" or "WxH"; NULL: as the rest wants it */
};

struct avl_refiner;

/* MODEL and PAR are borrowed. *REFINER is NULL where nothing is asked for. AVL_EUSAGE for a size
 * that makes none, or an object model that sees another part of the frame than MODEL. */
int avl_refiner_new(struct avl_refiner **refiner, const struct avl_refine_options *options,
		    struct avl_model *model, struct avl_par *par, struct avl_err *err);
void avl_refiner_free(struct avl_refiner *refiner); /* NULL is allowed */

/* Size of the refined maps; that of the model's where REFINER is NULL. */
void avl_refiner_size(const struct avl_refiner *refiner, int *rows, int *cols);

/* Looks at the picture that the model saw last: RGB u1 (h, w, 3), REGION the part its maps cover.
 */
int avl_refiner_see(struct avl_refiner *refiner, const uint8_t *rgb, int h, int w,
		    const double region[4], struct avl_err *err);

/* MAP: of the model, to OUT f4 (rows, cols). */
int avl_refiner_run(struct avl_refiner *refiner, const float *map, float *out, struct avl_err *err);

/* What was done, into the seal: "refined", and "heat_range" where the scale is known. */
int avl_refiner_seal(const struct avl_refiner *refiner, struct avl_json *seal);

#endif
