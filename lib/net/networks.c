/* SPDX-License-Identifier: MIT */
#include "net/networks.h"

#include <string.h>

static const struct avl_network *const image_networks[] = {
    &avl_net_efficientnet_lite0, &avl_net_vgg16, &avl_net_resnet18, &avl_net_resnet18_14, NULL,
};

static const struct avl_network *const sound_networks[] = {
    &avl_net_yamnet,
    &avl_net_soundnet,
    &avl_net_sound_resnet18,
    &avl_net_sound_resnet18_mean,
    &avl_net_sound_resnet18_14,
    NULL,
};

static const struct avl_network *const *const streams[] = {
    [AVL_STREAM_IMAGE] = image_networks,
    [AVL_STREAM_SOUND] = sound_networks,
};

static const struct avl_network *find(enum avl_stream stream, const char *name, size_t n)
{
	for (const struct avl_network *const *at = streams[stream]; *at; at++)
		if (strlen((*at)->name) == n && !memcmp((*at)->name, name, n))
			return *at;
	return NULL;
}

const struct avl_network *avl_network_of(enum avl_stream stream, const char *name)
{
	return find(stream, name, strlen(name));
}

const struct avl_network *avl_network_find(const char *name)
{
	const struct avl_network *const image = avl_network_of(AVL_STREAM_IMAGE, name);
	return image ? image : avl_network_of(AVL_STREAM_SOUND, name);
}

int avl_network_channels(const struct avl_network *net)
{
	int row = net->count - 1;
	while (row >= 0 && !net->layers[row].attr.out)
		row -= 1 + net->layers[row].back;
	return row < 0 ? net->planar_channels : net->layers[row].attr.out;
}

const struct avl_network *avl_network_at(enum avl_stream stream, int i)
{
	const struct avl_network *const *at = streams[stream];
	while (*at && i-- > 0)
		at++;
	return *at;
}

int avl_networks_parse(const char *arch, const struct avl_network **image,
		       const struct avl_network **sound, struct avl_err *err)
{
	const char *const plus = strchr(arch, '+');
	*image = plus ? find(AVL_STREAM_IMAGE, arch, (size_t)(plus - arch)) : NULL;
	*sound = plus ? avl_network_of(AVL_STREAM_SOUND, plus + 1) : NULL;
	if (!*image || !*sound)
		return avl_fail(err, AVL_EUSAGE, "unknown architecture '%s'", arch);
	return 0;
}
