/* SPDX-License-Identifier: MIT */
#include "net/networks.h"
#include "net/rows.h"

#define NORM(name)        BATCHNORM(name, NULL, .eps = 1e-5F)
#define THREE(name, c, s) CONV(name, c, KERNEL(3), STRIDE(s), PAD(1))

#define STEM                                                                                       \
	CONV("conv1", 64, KERNEL(7), STRIDE(2), PAD(3)), NORM("bn1"), RELU("conv1"),               \
	    MAXPOOL("maxpool", KERNEL(3), STRIDE(2), PAD(1))

/* Two convolutions, to which the block's input is added. */
#define SAME_SIZE(block, c)                                                                        \
	THREE(block ".conv1", c, 1), NORM(block ".bn1"), RELU(NULL), THREE(block ".conv2", c, 1),  \
	    NORM(block ".bn2"), ADD(5, NULL), RELU(block)

/* The same where channels change and perhaps size: the input is added through a 1x1 convolution. */
#define NEW_SIZE(block, c, s)                                                                      \
	CONV(block ".downsample.0", c, KERNEL(1), STRIDE(s), PAD(0)), NORM(block ".downsample.1"), \
	    CONV_OF(2, block ".conv1", c, KERNEL(3), STRIDE(s), PAD(1)), NORM(block ".bn1"),       \
	    RELU(NULL), THREE(block ".conv2", c, 1), NORM(block ".bn2"), ADD(5, NULL), RELU(block)

/* clang-format off */
#define STAGES(last)                                                                               \
	STEM,                                                                                      \
	SAME_SIZE("layer1.0", 64),        SAME_SIZE("layer1.1", 64),                               \
	NEW_SIZE("layer2.0", 128, 2),     SAME_SIZE("layer2.1", 128),                              \
	NEW_SIZE("layer3.0", 256, 2),     SAME_SIZE("layer3.1", 256),                              \
	NEW_SIZE("layer4.0", 512, last),  SAME_SIZE("layer4.1", 512)
/* clang-format on */

static const struct avl_layer stride_32[] = {STAGES(2)};
static const struct avl_layer stride_16[] = {STAGES(1)};
static const struct avl_layer sound_max[] = {STAGES(2), GLOBALMAX("f_s")};
static const struct avl_layer sound_mean[] = {STAGES(2), MEAN("f_s")};
static const struct avl_layer sound_max_16[] = {STAGES(1), GLOBALMAX("f_s")};

#define NETWORK(label, planes, table)                                                              \
	{                                                                                          \
		.name = (label), .planar_channels = (planes), .layers = (table),                   \
		.count = sizeof(table) / sizeof(table)[0]                                          \
	}

const struct avl_network avl_net_resnet18 = NETWORK("resnet18", 3, stride_32);
const struct avl_network avl_net_resnet18_14 = NETWORK("resnet18_14", 3, stride_16);
const struct avl_network avl_net_sound_resnet18 = NETWORK("resnet18", 1, sound_max);
const struct avl_network avl_net_sound_resnet18_mean = NETWORK("resnet18_mean", 1, sound_mean);
const struct avl_network avl_net_sound_resnet18_14 = NETWORK("resnet18_14", 1, sound_max_16);
