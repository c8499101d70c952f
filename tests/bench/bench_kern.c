/* SPDX-License-Identifier: MIT */

/* How fast the layers and the two networks of the default model are, at every level of this CPU:
 * billions of floating point operations a second on one thread (an addition and a multiplication
 * count two), and milliseconds a picture or patch. The best of the runs of half a second. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/rng.h"
#include "net/networks.h"

#define SECONDS 0.5

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of the fastest call of RUN. */
static double fastest(void (*run)(void *arg), void *arg)
{
	double best = 1e9;
	run(arg);
	for (const double start = now(); now() - start < SECONDS;) {
		const double before = now();
		run(arg);
		const double took = now() - before;
		best = took < best ? took : best;
	}
	return best;
}

static float *random_floats(size_t n)
{
	struct avl_rng rng;
	float *const x = avl_alloc(n, sizeof *x);
	if (!x) {
		fputs("bench_kern: out of memory\n", stderr);
		exit(1);
	}
	avl_rng_init(&rng, 1, n);
	for (size_t i = 0; i < n; i++)
		x[i] = 2 * avl_rng_uniform(&rng) - 1;
	return x;
}

/* Layers of the networks, each with the size it has there. */
static const struct layer {
	const char *name;
	const struct avl_op *op;
	struct avl_shape in;
	struct avl_attr attr;
} layers[] = {
#define WINDOW(k, s)                                                                               \
	.kernel_h = (k), .kernel_w = (k), .stride_h = (s), .stride_w = (s), .pad = AVL_PAD_SAME,   \
	.lo = 0, .hi = 6
    {"conv 3x3, 3 planes -> 32", &avl_op_conv, {1, 3, 448, 448}, {32, WINDOW(3, 2), .planar = 1}},
    {"conv 1x1, 96 -> 24", &avl_op_conv, {1, 96, 112, 112}, {24, WINDOW(1, 1)}},
    {"conv 1x1, 80 -> 480", &avl_op_conv, {1, 80, 28, 28}, {480, WINDOW(1, 1)}},
    {"conv 1x1, 320 -> 1280", &avl_op_conv, {1, 320, 14, 14}, {1280, WINDOW(1, 1)}},
    {"conv 3x3, 64 -> 64", &avl_op_conv, {1, 64, 56, 56}, {64, WINDOW(3, 1)}},
    {"conv 3x3, 512 -> 512", &avl_op_conv, {1, 512, 14, 14}, {512, WINDOW(3, 1)}},
    {"depthwise 3x3, 96", &avl_op_depthwise, {1, 96, 224, 224}, {96, WINDOW(3, 2)}},
    {"depthwise 5x5, 672", &avl_op_depthwise, {1, 672, 28, 28}, {672, WINDOW(5, 1)}},
    {"maxpool 3x3, 64", &avl_op_maxpool, {1, 64, 224, 224}, {WINDOW(3, 2)}},
    {"mean, 1024", &avl_op_mean, {1, 1024, 14, 14}, {.out = 0}},
};

enum { LAYERS = sizeof layers / sizeof layers[0] };

struct job {
	const struct avl_op *op;
	struct avl_op_run run;
};

static void run_op(void *arg)
{
	const struct job *const job = arg;
	job->op->forward(&job->run);
}

static double operations(const struct layer *layer, const struct avl_shape *out)
{
	const double window = (double)layer->attr.kernel_h * layer->attr.kernel_w;
	const double outputs = (double)out->c * out->h * out->w;
	if (layer->op == &avl_op_conv)
		return 2 * outputs * window * layer->in.c;
	if (layer->op == &avl_op_depthwise)
		return 2 * outputs * window;
	return layer->op == &avl_op_maxpool ? outputs * window
					    : (double)layer->in.c * layer->in.h * layer->in.w;
}

static void bench_layer(const struct layer *layer)
{
	const struct avl_op *const op = layer->op;
	const size_t planar = (size_t)layer->in.c * (size_t)layer->in.h * (size_t)layer->in.w;
	struct avl_shape out;
	if (op->shape(&layer->attr, &layer->in, &out, NULL))
		return;
	float *const x = random_floats(layer->attr.planar ? planar : avl_shape_floats(&layer->in));
	float *const y = random_floats(avl_shape_floats(&out));
	float *const packed = random_floats(op->packed ? op->packed(&layer->attr, &layer->in) : 1);
	float *const scratch = random_floats(avl_op_scratch(op, &layer->attr, &layer->in, 1));
	struct job job = {
	    .op = op,
	    .run = {.attr = &layer->attr,
		    .in = {{layer->in, layer->attr.planar ? AVL_PLANAR : AVL_BLOCKED, x}},
		    .out = {out, AVL_BLOCKED, y},
		    .packed = packed,
		    .scratch = scratch},
	};
	const double seconds = fastest(run_op, &job);
	printf("%-10s %-26s %8.1f GF/s %9.3f ms\n", avl_kern()->level, layer->name,
	       operations(layer, &out) / seconds * 1e-9, seconds * 1e3);
	free(x);
	free(y);
	free(packed);
	free(scratch);
}

static void run_graph(void *arg)
{
	avl_graph_run(arg, 1);
}

static int bench_network(const struct avl_network *net, const char *prefix, struct avl_shape in,
			 const struct avl_safetensors *file, int threads)
{
	struct avl_graph *graph;
	struct avl_par *par;
	struct avl_err err = {0};
	if (avl_par_new(&par, threads, &err)) {
		fprintf(stderr, "bench_kern: %s\n", err.text);
		return 1;
	}
	const struct avl_graph_options options = {.in = in, .prefix = prefix, .par = par};
	const int code = avl_graph_new(&graph, net, &options, file, &err);
	if (code) {
		fprintf(stderr, "bench_kern: %s\n", err.text);
		avl_par_free(par);
		return 1;
	}
	float *const input = avl_graph_input(graph);
	for (size_t i = 0; i < (size_t)in.c * (size_t)in.h * (size_t)in.w; i++)
		input[i] = (float)(i % 251) / 125 - 1;
	const double seconds = fastest(run_graph, graph);
	printf("%-10s %-18s %3d x %-3d %14.2f ms, threads: %d\n", avl_kern()->level, net->name,
	       in.h, in.w, seconds * 1e3, threads);
	avl_graph_free(graph);
	avl_par_free(par);
	return 0;
}

static int bench_networks(const struct avl_safetensors *file)
{
	int failed = 0;
	for (int all = 0; all <= (avl_par_processors() > 1); all++) {
		const int threads = all ? avl_par_processors() : 1;
		failed |= bench_network(&avl_net_efficientnet_lite0, "image.",
					(struct avl_shape){1, 3, 448, 448}, file, threads);
		failed |= bench_network(&avl_net_yamnet, "sound.", (struct avl_shape){1, 1, 96, 64},
					file, threads);
	}
	return failed;
}

int main(void)
{
	const char *const top = getenv("TOP");
	char path[4096];
	struct avl_safetensors *file;
	struct avl_err err = {0};
	int failed = 0;
	snprintf(path, sizeof path, "%s/lib/share/default.safetensors", top ? top : ".");
	if (avl_safetensors_open(&file, path, &err)) {
		fprintf(stderr, "bench_kern: %s\n", err.text);
		return 1;
	}
	for (int i = 0; avl_kern_level(i); i++) {
		avl_kern_use(avl_kern_level(i), NULL);
		for (int l = 0; l < LAYERS; l++)
			bench_layer(&layers[l]);
		failed |= bench_networks(file);
	}
	avl_safetensors_close(file);
	return failed;
}
