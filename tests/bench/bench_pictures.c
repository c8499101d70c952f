/* SPDX-License-Identifier: MIT */

/* How much processor time a heat map takes to become a picture: the overlay, and the PNG of it.
 * usage: bench_pictures [STREAM [PNG]]
 * Of each record of STREAM that has a frame and heat, or, where no such file is named, of a picture
 * of 1280 x 720 made here. Prints a TSV: milliseconds of the overlay, of the PNG, and its bytes.
 * PNG: a name for the last picture. */

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "image/heatmap.h"
#include "image/png.h"
#include "io/stream.h"

#define REPEATS 5

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void *need(void *memory)
{
	if (!memory) {
		fputs("bench_pictures: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* The best of a few times of both, and the picture's bytes. */
static void measure(struct avl_heatmap *heatmap, const uint8_t *rgb, int height, int width,
		    const float *heat, int rows, int cols, struct avl_png *png)
{
	static const double whole[4] = {0, 0, 1, 1};
	const size_t size = (size_t)height * (size_t)width * 3;
	struct avl_picture picture = {height, width, need(avl_alloc(size, 1))};
	double box[1][4], overlay_ms = INFINITY, png_ms = INFINITY;
	for (int i = 0; i < REPEATS; i++) {
		memcpy(picture.rgb, rgb, size);
		const double start = now_ms();
		if (avl_heatmap_draw(heatmap, &picture, heat, 1, rows, cols, whole, 0, box, NULL))
			exit(1);
		const double drawn = now_ms();
		if (avl_png_encode(png, &picture, NULL))
			exit(1);
		overlay_ms = fmin(overlay_ms, drawn - start);
		png_ms = fmin(png_ms, now_ms() - drawn);
	}
	printf("%.3f\t%.3f\t%zu\n", overlay_ms, png_ms, png->size);
	free(picture.rgb);
}

/* Waves with a camera's noise, and heat on one of them. */
static void measure_made(struct avl_heatmap *heatmap, struct avl_png *png)
{
	enum { HEIGHT = 720, WIDTH = 1280, CELLS = 14 };
	uint8_t *const rgb = need(avl_alloc((size_t)HEIGHT * WIDTH, 3));
	float heat[CELLS * CELLS];
	struct avl_rng rng;
	avl_rng_init(&rng, 1, 1);
	for (int i = 0; i < HEIGHT * WIDTH * 3; i++) {
		const double y = i / 3 / WIDTH, x = i / 3 % WIDTH;
		const double wave = sin(x / 40) * cos(y / 60 + i % 3) + sin((x + y) / 15) / 4;
		const double noise = 6 * ((double)avl_rng_uniform(&rng) - 0.5);
		rgb[i] = (uint8_t)lround(128 + 80 * wave + noise);
	}
	for (int i = 0; i < CELLS * CELLS; i++)
		heat[i] = expf(-0.1F * (float)((i / CELLS - 5) * (i / CELLS - 5) +
					       (i % CELLS - 8) * (i % CELLS - 8)));
	measure(heatmap, rgb, HEIGHT, WIDTH, heat, CELLS, CELLS, png);
	free(rgb);
}

static int measure_stream(struct avl_heatmap *heatmap, const char *path, struct avl_png *png)
{
	struct avl_reader *reader;
	struct avl_record record;
	struct avl_err err = {0};
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = avl_reader_open(&reader, fd, path, 0, &err);
	avl_record_init(&record, 0);
	while (!rc && (rc = avl_reader_next(reader, &record, &err)) > 0) {
		const struct avl_member *const frame = avl_record_find(&record, "frame.npy");
		const struct avl_member *const heat = avl_record_find(&record, "heat.npy");
		if (frame && heat)
			measure(heatmap, frame->tensor.data, (int)frame->tensor.dim[0],
				(int)frame->tensor.dim[1], heat->tensor.data,
				(int)heat->tensor.dim[0], (int)heat->tensor.dim[1], png);
		rc = 0;
	}
	if (rc)
		fprintf(stderr, "bench_pictures: %s\n", err.text);
	avl_record_release(&record);
	avl_reader_close(reader);
	close(fd);
	return rc;
}

int main(int argc, char **argv)
{
	const struct avl_heatmap_style style = {
	    .colormap = AVL_COLORMAP_TURBO, .alpha = 0.5, .threshold = 0.5};
	struct avl_heatmap *heatmap;
	struct avl_png png = {0};
	struct stat status;
	const int is_file = argc > 1 && !stat(argv[1], &status) && S_ISREG(status.st_mode);
	int rc = avl_heatmap_new(&heatmap, &style, NULL, NULL);
	if (rc)
		return 1;
	puts("overlay_ms\tpng_ms\tpng_bytes");
	if (is_file)
		rc = measure_stream(heatmap, argv[1], &png);
	else
		measure_made(heatmap, &png);
	if (!rc && argc > 2) {
		FILE *const file = fopen(argv[2], "wb");
		rc = !file || fwrite(png.bytes, 1, png.size, file) != png.size || fclose(file);
	}
	avl_png_release(&png);
	avl_heatmap_free(heatmap);
	return rc != 0;
}
