/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_NETWORKS_H
#define AVL_NET_NETWORKS_H

#include "net/graph.h"

/* Pictures: EfficientNet-Lite0 (github tensorflow/tpu, lite) up to its head after ReLU6: 3 x h x w
 * -> 1280 x h/32 x w/32. Parameter names are those of the PyTorch port efficientnet-lite0. */
extern const struct avl_network avl_net_efficientnet_lite0;

/* Sound: YAMNet (github tensorflow/models, research/audioset): a patch of 1 x 96 x 64 log mel
 * values
 * -> f_s, 1024 x 1 x 1. */
extern const struct avl_network avl_net_yamnet;

/* The network of that name, or NULL. */
const struct avl_network *avl_network_find(const char *name);

#endif
