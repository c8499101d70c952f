/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_OBJECTS_H
#define AVL_NET_OBJECTS_H

#include "io/contract.h"
#include "net/graph.h"

/* Where in a picture things are, whatever sounds: the mean over the channels of |v| (Mo and
 * Morgado, "Localizing Visual Sounds the Easy Way", ECCV 2022, who take v from layer4 of an
 * ImageNet ResNet-18). Features of a classifier are large where it finds something to name. */

/* V: blocked, one picture; MAP: f4 (rows, cols). */
void avl_objects_score(const struct avl_map *v, float *map);

/* The image network of a model file and its front end, without the rest. */
struct avl_object_net;

/* PAR is borrowed, may be NULL. */
int avl_object_net_open(struct avl_object_net **net, const char *path, struct avl_par *par,
			struct avl_err *err);
void avl_object_net_close(struct avl_object_net *net); /* NULL is allowed */

const struct avl_contract *avl_object_net_contract(const struct avl_object_net *net);
void avl_object_net_map_size(const struct avl_object_net *net, int *rows, int *cols);

/* RGB: u1 (h, w, 3); MAP: f4 (rows, cols); REGION: the part of the frame that it covers. */
int avl_object_net_see(struct avl_object_net *net, const uint8_t *rgb, int h, int w, float *map,
		       double region[4], struct avl_err *err);

#endif
