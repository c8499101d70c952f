/* SPDX-License-Identifier: MIT */
#include "net/networks.h"

#include <string.h>

static const struct avl_network *const networks[] = {
    &avl_net_efficientnet_lite0,
    &avl_net_yamnet,
};

const struct avl_network *avl_network_find(const char *name)
{
	for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
		if (!strcmp(networks[i]->name, name))
			return networks[i];
	return NULL;
}
