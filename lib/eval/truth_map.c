/* SPDX-License-Identifier: MIT */
#include "eval/truth_map.h"

#include <string.h>

#define N AVL_GRID

static int pixel(double v)
{
	/* so written that NaN becomes 0, as no official code defines it */
	return v > 0 ? (int)(N * (v < 1 ? v : 1)) : 0;
}

static void count(struct avl_truth_map *map)
{
	map->twice_sum = map->pixels = map->full = 0;
	for (int i = 0; i < N * N; i++) {
		map->twice_sum += map->twice[i];
		map->pixels += map->twice[i] != 0;
		map->full += map->twice[i] == 2;
	}
}

void avl_truth_map_boxes(struct avl_truth_map *map, const double *box, int n, int consensus)
{
	const int most = 2, each = consensus ? 1 : 2;
	memset(map->twice, 0, sizeof map->twice);
	for (int i = 0; i < n; i++, box += 5) {
		const int x0 = pixel(box[0]), y0 = pixel(box[1]);
		const int x1 = pixel(box[2]), y1 = pixel(box[3]);
		for (int y = y0; y < y1; y++)
			for (int x = x0; x < x1; x++) {
				uint8_t *const g = &map->twice[y * N + x];
				*g = (uint8_t)(*g + each > most ? most : *g + each);
			}
	}
	count(map);
}

void avl_truth_map_mask(struct avl_truth_map *map, const uint8_t *mask, int height, int width)
{
	for (int y = 0; y < N; y++)
		for (int x = 0; x < N; x++) {
			const size_t row = (size_t)((2 * y + 1) * (int64_t)height / (2 * N));
			const size_t col = (size_t)((2 * x + 1) * (int64_t)width / (2 * N));
			map->twice[y * N + x] = mask[row * (size_t)width + col] ? 2 : 0;
		}
	count(map);
}

int avl_truth_map_disc(const struct avl_truth_map *map, int *outside)
{
	/* the square of the radius in half pixels: the smallest disc that has half of the pixels */
	const int square = 31954;
	int twice = 0;
	*outside = 0;
	for (int y = 0; y < N; y++)
		for (int x = 0; x < N; x++) {
			const int dx = 2 * x + 1 - N, dy = 2 * y + 1 - N;
			if (dx * dx + dy * dy > square)
				continue;
			twice += map->twice[y * N + x];
			*outside += map->twice[y * N + x] == 0;
		}
	return twice;
}
