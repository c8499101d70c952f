/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_TRAIN_SETTINGS_H
#define AVL_CMD_TRAIN_SETTINGS_H

#include "io/json.h"

/* Ends the command with status 2 where a member of WANT has another value in HAVE, the settings of
 * the checkpoint PATH; the message names it. */
void train_settings_compare(const char *path, const struct avl_json *have,
			    const struct avl_json *want);

#endif
