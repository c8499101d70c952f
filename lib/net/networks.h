/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_NETWORKS_H
#define AVL_NET_NETWORKS_H

#include "net/graph.h"

/* The networks that models are put together from. Their rows stand as the publications' tables
 * have them; the names of their parameters are those of the code that made them known, without the
 * "image." or "sound." that a checkpoint puts before them. */

/* --- pictures: 3 x h x w -> v --- */

/* EfficientNet-Lite0 (github tensorflow/tpu, lite) up to its head after ReLU6: 1280 x h/32 x w/32.
 * Names of the PyTorch port efficientnet-lite0. */
extern const struct avl_network avl_net_efficientnet_lite0;

/* VGG-16 (Simonyan and Zisserman 2015, configuration D) up to conv5_3, before its ReLU:
 * 512 x h/16 x w/16. torchvision's names. */
extern const struct avl_network avl_net_vgg16;

/* ResNet-18 (He et al. 2016) up to layer4: 512 x h/32 x w/32; the second with stride 1 in layer4,
 * 512 x h/16 x w/16. torchvision's names. */
extern const struct avl_network avl_net_resnet18;
extern const struct avl_network avl_net_resnet18_14;

/* --- sounds -> f_s, d x 1 x 1 --- */

/* YAMNet (github tensorflow/models, research/audioset): a patch of 1 x 96 x 64 log mel values
 * -> 1024. */
extern const struct avl_network avl_net_yamnet;

/* SoundNet-8 (Aytar et al. 2016): a waveform 1 x 1 x samples -> 1000 object scores, averaged over
 * time, after ReLU. At least 20 s at 22,050 Hz are wanted. Names of its PyTorch port. */
extern const struct avl_network avl_net_soundnet;

/* ResNet-18 on a spectrogram 1 x bins x frames -> 512: the largest over all positions (EZ-VSL), the
 * mean, and with stride 1 in layer4, the largest (LVS). */
extern const struct avl_network avl_net_sound_resnet18;
extern const struct avl_network avl_net_sound_resnet18_mean;
extern const struct avl_network avl_net_sound_resnet18_14;

/* What a network reads. */
enum avl_stream { AVL_STREAM_IMAGE, AVL_STREAM_SOUND };

/* The network of that name for that stream, or NULL. */
const struct avl_network *avl_network_of(enum avl_stream stream, const char *name);

/* The same for either stream, pictures first. */
const struct avl_network *avl_network_find(const char *name);

/* Channels of its output. */
int avl_network_channels(const struct avl_network *net);

/* The I-th network of a stream, NULL behind the last. */
const struct avl_network *avl_network_at(enum avl_stream stream, int i);

/* The two networks of an architecture "IMAGE+SOUND"; AVL_EUSAGE where there are none such. */
int avl_networks_parse(const char *arch, const struct avl_network **image,
		       const struct avl_network **sound, struct avl_err *err);

#endif
