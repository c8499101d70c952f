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

#define WINDOW(k, s)                                                                               \
	.kernel_h = (k), .kernel_w = (k), .stride_h = (s), .stride_w = (s), .pad = AVL_PAD_SAME,   \
	.lo = 0, .hi = 6

/* What follows in the ops that are several in one. */
static const struct avl_attr to_16 = {16, WINDOW(1, 1)}, to_24 = {24, WINDOW(1, 1)},
			     to_112 = {112, WINDOW(1, 1)}, to_512 = {512, WINDOW(1, 1)};
static const struct avl_attr spread_96 = {96, WINDOW(3, 2), .then = &to_24};
static const struct avl_attr spread_672 = {672, WINDOW(5, 1), .then = &to_112};
static const struct avl_attr pool_8 = {.kernel_h = 1, .kernel_w = 8, .stride_h = 1, .stride_w = 8};

/* Layers of the networks, each with the size it has there. */
static const struct layer {
	const char *name;
	const struct avl_op *op;
	struct avl_shape in;
	struct avl_attr attr;
} layers[] = {
    {"conv 3x3, 3 planes -> 32", &avl_op_conv, {1, 3, 448, 448}, {32, WINDOW(3, 2), .planar = 1}},
    {"conv 1x1, 96 -> 24", &avl_op_conv, {1, 96, 112, 112}, {24, WINDOW(1, 1)}},
    {"conv 1x1, 80 -> 480", &avl_op_conv, {1, 80, 28, 28}, {480, WINDOW(1, 1)}},
    {"conv 1x1, 320 -> 1280", &avl_op_conv, {1, 320, 14, 14}, {1280, WINDOW(1, 1)}},
    {"conv 3x3, 64 -> 64", &avl_op_conv, {1, 64, 56, 56}, {64, WINDOW(3, 1)}},
    {"conv 3x3, 512 -> 512", &avl_op_conv, {1, 512, 14, 14}, {512, WINDOW(3, 1)}},
    {"depthwise 3x3, 96", &avl_op_depthwise, {1, 96, 224, 224}, {96, WINDOW(3, 2)}},
    {"depthwise 5x5, 672", &avl_op_depthwise, {1, 672, 28, 28}, {672, WINDOW(5, 1)}},
    {"separable 32 -> 16",
     &avl_op_separable,
     {1, 32, 224, 224},
     {32, WINDOW(3, 1), .then = &to_16}},
    {"separable 512 -> 512",
     &avl_op_separable,
     {9, 512, 6, 4},
     {512, WINDOW(3, 1), .then = &to_512}},
    {"separable 16 -> 96 -> 24",
     &avl_op_separable,
     {1, 16, 224, 224},
     {96, WINDOW(1, 1), .then = &spread_96}},
    {"separable 112 -> 672 -> 112",
     &avl_op_separable,
     {1, 112, 28, 28},
     {672, WINDOW(1, 1), .then = &spread_672}},
    {"convpool 64, 1 plane -> 16",
     &avl_op_convpool,
     {1, 1, 1, 220500},
     {16, .kernel_h = 1, .kernel_w = 64, .stride_h = 1, .stride_w = 2, .pad_w = 32, .hi = INFINITY,
      .planar = 1, .then = &pool_8}},
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

/* Of one op, or of the first of those it is. */
static double operations(const struct avl_op *op, const struct avl_attr *attr,
			 const struct avl_shape *in, const struct avl_shape *out)
{
	const double window = (double)attr->kernel_h * attr->kernel_w;
	const double outputs = (double)out->n * out->c * out->h * out->w;
	if (op == &avl_op_conv)
		return 2 * outputs * window * in->c;
	if (op == &avl_op_depthwise)
		return 2 * outputs * window;
	return op == &avl_op_maxpool ? outputs * window : (double)in->n * in->c * in->h * in->w;
}

static double operations_of_all(const struct layer *layer, const struct avl_shape *out)
{
	const struct avl_attr *attr = &layer->attr;
	const int separable = layer->op == &avl_op_separable;
	if (!attr->then)
		return operations(layer->op, attr, &layer->in, out);
	const struct avl_op *op = separable && !attr->then->then ? &avl_op_depthwise : &avl_op_conv;
	struct avl_shape in = layer->in, next;
	double sum = 0;
	for (; attr; attr = attr->then, in = next) {
		if (op->shape(attr, &in, &next, NULL))
			return 0;
		sum += operations(op, attr, &in, &next);
		op = !separable                ? &avl_op_maxpool
		     : op == &avl_op_depthwise ? &avl_op_conv
					       : &avl_op_depthwise;
	}
	return sum;
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
	       operations_of_all(layer, &out) / seconds * 1e-9, seconds * 1e3);
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
