/* SPDX-License-Identifier: MIT */

/* A network of ours in a process of its own, that runs when it is its turn (tests/bench/peers).
 *
 * usage: bench_turn MODEL image|sound NETWORK C H W THREADS INPUT fp32|bf16
 *
 * Reads lines: a number K runs the network K times and prints the milliseconds of each; a path gets
 * the output, planar floats. INPUT holds the input in the same form. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "net/networks.h"

struct turn {
	struct avl_par *par;
	struct avl_graph *graph;
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int open_turn(struct turn *turn, char **argv, struct avl_err *err)
{
	const char *const stream = argv[2];
	const int is_sound = !strcmp(stream, "sound");
	const struct avl_network *const net =
	    avl_network_of(is_sound ? AVL_STREAM_SOUND : AVL_STREAM_IMAGE, argv[3]);
	const struct avl_shape in = {1, atoi(argv[4]), atoi(argv[5]), atoi(argv[6])};
	struct avl_safetensors *file;
	if (!net)
		return avl_fail(err, AVL_EUSAGE, "'%s' is no %s network", argv[3], stream);
	int code = avl_par_new(&turn->par, atoi(argv[7]), err);
	if (code)
		return code;
	code = avl_safetensors_open(&file, argv[1], err);
	if (code)
		return code;
	const struct avl_graph_options options = {
	    .in = in,
	    .prefix = is_sound ? "sound." : "image.",
	    .precision = strcmp(argv[9], "bf16") ? AVL_FP32 : AVL_BF16,
	    .par = turn->par,
	};
	code = avl_graph_new(&turn->graph, net, &options, file, err);
	avl_safetensors_close(file);
	return code;
}

/* The file at PATH holds as many floats as the input, and no more are looked at. */
static int read_input(const struct turn *turn, const char *path, size_t count, struct avl_err *err)
{
	FILE *const file = fopen(path, "rb");
	const size_t found =
	    file ? fread(avl_graph_input(turn->graph), sizeof(float), count, file) : 0;
	if (file)
		fclose(file);
	return found == count ? 0 : avl_fail(err, AVL_EIO, "'%s' is not the input", path);
}

static int write_output(const struct turn *turn, const char *path, struct avl_err *err)
{
	const struct avl_map *const out = avl_graph_run(turn->graph, 1);
	const size_t count = (size_t)out->shape.c * (size_t)out->shape.h * (size_t)out->shape.w;
	float *const planar = avl_alloc(count, sizeof *planar);
	FILE *const file = fopen(path, "wb");
	if (planar)
		avl_layout_to_planar(&out->shape, out->data, planar);
	const int ok = planar && file && fwrite(planar, sizeof *planar, count, file) == count;
	const int closed = file && !fclose(file);
	free(planar);
	return ok && closed ? 0 : avl_fail(err, AVL_EIO, "cannot write '%s'", path);
}

static void run_times(const struct turn *turn, int times)
{
	for (int i = 0; i < times; i++) {
		const double before = now_ms();
		avl_graph_run(turn->graph, 1);
		printf("%s%.4f", i ? " " : "", now_ms() - before);
	}
	putchar('\n');
}

static int serve(const struct turn *turn, struct avl_err *err)
{
	char line[4096];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (isdigit((unsigned char)line[0]))
			run_times(turn, atoi(line));
		else if (write_output(turn, line, err))
			return err->code;
		else
			puts("written");
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct turn turn = {0};
	struct avl_err err = {0};
	if (argc != 10)
		return 77;
	int code = open_turn(&turn, argv, &err);
	const size_t count = (size_t)atoi(argv[4]) * (size_t)atoi(argv[5]) * (size_t)atoi(argv[6]);
	if (!code)
		code = read_input(&turn, argv[8], count, &err);
	if (!code)
		code = serve(&turn, &err);
	if (code)
		fprintf(stderr, "bench_turn: %s\n", err.text);
	avl_graph_free(turn.graph);
	avl_par_free(turn.par);
	return code != 0;
}
