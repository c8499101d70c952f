/* SPDX-License-Identifier: MIT */
#include "image/ansi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "image/resize.h"

#define HALF_BLOCK "\xe2\x96\x80"
#define RESET      "\x1b[0m\n"
#define CELL_MAX   48 /* two colours and the block */

/* A colour is only named where it changes: that halves the text. */
static char *put_colour(char *at, int layer, const uint8_t rgb[3], const uint8_t **before)
{
	if (!*before || memcmp(*before, rgb, 3) != 0)
		at += sprintf(at, "\x1b[%d;2;%d;%d;%dm", layer, rgb[0], rgb[1], rgb[2]);
	*before = rgb;
	return at;
}

static char *put_rows(char *at, const struct avl_picture *small)
{
	for (int y = 0; y < small->height; y += 2) {
		const uint8_t *above = NULL, *below = NULL;
		for (int x = 0; x < small->width; x++) {
			at = put_colour(at, 38, avl_picture_at(small, y, x), &above);
			at = put_colour(at, 48, avl_picture_at(small, y + 1, x), &below);
			memcpy(at, HALF_BLOCK, sizeof(HALF_BLOCK) - 1);
			at += sizeof(HALF_BLOCK) - 1;
		}
		memcpy(at, RESET, sizeof(RESET) - 1);
		at += sizeof(RESET) - 1;
	}
	return at;
}

int avl_ansi_encode(const struct avl_picture *picture, int columns, char **text, size_t *n,
		    struct avl_err *err)
{
	const double ideal = (double)columns * picture->height / picture->width / 2;
	const int lines = ideal < 1 ? 1 : ideal > 10000 ? 10000 : (int)lround(ideal);
	const struct avl_resize_spec spec =
	    avl_resize_stretch(picture->height, picture->width, 2 * lines, columns, AVL_FILTER_BOX);
	struct avl_picture small = {2 * lines, columns, NULL};
	struct avl_resize *plan;
	int rc = avl_resize_new(&plan, &spec, err);
	*text = NULL;
	if (rc < 0)
		return rc;
	small.rgb = avl_alloc((size_t)small.height * (size_t)columns, 3);
	*text = avl_alloc((size_t)lines * ((size_t)columns + 1), CELL_MAX);
	if (!small.rgb || !*text) {
		free(*text);
		*text = NULL;
		rc = avl_fail(err, AVL_ENOMEM, "out of memory for a preview");
		goto out;
	}
	avl_resize_rgb(plan, picture->rgb, small.rgb, NULL);
	*n = (size_t)(put_rows(*text, &small) - *text);
out:
	free(small.rgb);
	avl_resize_free(plan);
	return rc;
}
