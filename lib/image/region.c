/* SPDX-License-Identifier: MIT */
#include "image/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static int find_peak(const float *map, int n)
{
	int best = 0;
	for (int i = 1; i < n; i++)
		if (map[i] > map[best])
			best = i;
	return best;
}

float avl_region_peak(const float *map, int rows, int cols, double peak[2])
{
	const int best = find_peak(map, rows * cols);
	peak[0] = (best % cols + 0.5) / cols;
	peak[1] = (best / cols + 0.5) / rows;
	return map[best];
}

struct flood {
	const float *map;
	int rows, cols;
	double least;
	unsigned char *seen;
	int *stack, depth;
	int x0, y0, x1, y1;
};

static void visit(struct flood *flood, int row, int col)
{
	if (row < 0 || row >= flood->rows || col < 0 || col >= flood->cols)
		return;
	const int at = row * flood->cols + col;
	if (flood->seen[at] || !(flood->map[at] >= flood->least))
		return;
	flood->seen[at] = 1;
	flood->stack[flood->depth++] = at;
	flood->x0 = col < flood->x0 ? col : flood->x0;
	flood->x1 = col > flood->x1 ? col : flood->x1;
	flood->y0 = row < flood->y0 ? row : flood->y0;
	flood->y1 = row > flood->y1 ? row : flood->y1;
}

static void spread(struct flood *flood)
{
	while (flood->depth > 0) {
		const int at = flood->stack[--flood->depth];
		const int row = at / flood->cols, col = at % flood->cols;
		visit(flood, row - 1, col);
		visit(flood, row + 1, col);
		visit(flood, row, col - 1);
		visit(flood, row, col + 1);
	}
}

int avl_region_box(const float *map, int rows, int cols, double fraction, double box[4],
		   struct avl_err *err)
{
	const int n = rows * cols;
	const int best = find_peak(map, n);
	struct flood flood = {.map = map,
			      .rows = rows,
			      .cols = cols,
			      .least = fraction * (double)map[best],
			      .x0 = cols,
			      .y0 = rows};
	int rc = 0;
	memset(box, 0, 4 * sizeof(*box));
	if (!(map[best] > 0))
		return 0;
	flood.seen = calloc((size_t)n, 1);
	flood.stack = avl_alloc((size_t)n, sizeof(*flood.stack));
	if (!flood.seen || !flood.stack) {
		rc = avl_fail(err, AVL_ENOMEM, "out of memory for the region of a map");
		goto out;
	}
	visit(&flood, best / cols, best % cols);
	spread(&flood);
	box[0] = (double)flood.x0 / cols;
	box[1] = (double)flood.y0 / rows;
	box[2] = (flood.x1 + 1.0) / cols;
	box[3] = (flood.y1 + 1.0) / rows;
	rc = 1;
out:
	free(flood.seen);
	free(flood.stack);
	return rc;
}

void avl_region_to_frame(const double region[4], double *xy, int n)
{
	for (int i = 0; i < n; i++) {
		xy[2 * i] = region[0] + xy[2 * i] * (region[2] - region[0]);
		xy[2 * i + 1] = region[1] + xy[2 * i + 1] * (region[3] - region[1]);
	}
}
