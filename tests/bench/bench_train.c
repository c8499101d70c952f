/* SPDX-License-Identifier: MIT */

/* What a step of training takes: forward, the gradient of a loss, backward, Adam; by phase and node
 * by node, effective operations (those of direct convolution) a second. The least and the median of
 * some steps. The loss is the mean square of the output.
 *
 * usage: bench_train [NETWORK BATCH SIDE fp32|bf16]
 *        bench_train --serve NETWORK BATCH SIDE fp32|bf16
 *                one step for each line read, its ms on a line
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/rng.h"
#include "net/networks.h"
#include "net/node.h"
#include "train/optim.h"

enum { STEPS = 7, NODES_MAX = 128 };

static void stop(const char *what)
{
	fprintf(stderr, "bench_train: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct timing {
	double ms[STEPS];
};

static double least(struct timing *t)
{
	qsort(t->ms, STEPS, sizeof *t->ms, ascending);
	return t->ms[0];
}

static double median(struct timing *t)
{
	qsort(t->ms, STEPS, sizeof *t->ms, ascending);
	return t->ms[STEPS / 2];
}

struct bench {
	struct avl_par *par;
	struct avl_graph *graph;
	struct avl_param *params;
	int nparams;
	float *moments, *dout;
	int64_t step;
};

/* Weights as He et al. (2015) draw them, the rest 0 or 1. */
static void draw_parameters(struct avl_graph *graph)
{
	struct avl_rng rng;
	size_t floats;
	const int n = avl_graph_tensors(graph, NULL, &floats);
	struct avl_graph_tensor *const tensor = calloc((size_t)n, sizeof *tensor);
	float *const flat = calloc(floats, sizeof *flat);
	if (!tensor || !flat)
		stop("out of memory");
	avl_graph_tensors(graph, tensor, NULL);
	avl_rng_init(&rng, 1, 1);
	for (int i = 0; i < n; i++) {
		const struct avl_graph_tensor *const t = &tensor[i];
		const int is_one =
		    t->ndim == 1 && !strstr(t->name, "bias") && !strstr(t->name, "mean");
		const double fan_in =
		    t->ndim == 4 ? (double)(t->dim[1] * t->dim[2] * t->dim[3]) : 1;
		for (size_t k = 0; k < t->count; k++)
			flat[t->first + k] =
			    t->ndim == 4 ? (float)(sqrt(2 / fan_in) * (double)avl_rng_normal(&rng))
					 : (float)is_one;
	}
	avl_graph_pack(graph, flat, avl_graph_parameters(graph).value);
	free(flat);
	free(tensor);
}

static void list_parameters(struct bench *b)
{
	const struct avl_graph_parameters all = avl_graph_parameters(b->graph);
	struct avl_graph_range range[NODES_MAX];
	b->nparams = avl_graph_ranges(b->graph, NULL);
	b->params = calloc((size_t)b->nparams, sizeof *b->params);
	b->moments = avl_alloc(2 * all.count, sizeof(float));
	if (b->nparams > NODES_MAX || !b->params || !b->moments)
		stop("out of memory");
	memset(b->moments, 0, 2 * all.count * sizeof(float));
	avl_graph_ranges(b->graph, range);
	for (int i = 0; i < b->nparams; i++)
		b->params[i] = (struct avl_param){
		    .count = range[i].count,
		    .value = all.value + range[i].first,
		    .grad = all.gradient + range[i].first,
		    .first = b->moments + range[i].first,
		    .second = b->moments + all.count + range[i].first,
		};
}

static void open_bench(struct bench *b, const char *name, int batch, int side,
		       enum avl_precision precision)
{
	struct avl_rng rng;
	struct avl_err err = {0};
	const struct avl_network *const net = avl_network_find(name);
	if (!net)
		stop("no such network");
	if (avl_par_new(&b->par, avl_par_processors(), &err))
		stop(err.text);
	const struct avl_shape in = {batch, net->planar_channels, side, side};
	const struct avl_graph_options options = {
	    .in = in, .prefix = "", .precision = precision, .train = 1, .par = b->par};
	if (avl_graph_new(&b->graph, net, &options, NULL, &err))
		stop(err.text);
	draw_parameters(b->graph);
	list_parameters(b);
	avl_rng_init(&rng, 2, 2);
	float *const x = avl_graph_input(b->graph);
	for (int i = 0; i < in.n * in.c * in.h * in.w; i++)
		x[i] = avl_rng_normal(&rng);
	const struct avl_shape one = avl_graph_output(b->graph);
	const struct avl_shape out = {batch, one.c, one.h, one.w};
	b->dout = avl_alloc(avl_shape_floats(&out), sizeof *b->dout);
	if (!b->dout)
		stop("out of memory");
}

static void close_bench(struct bench *b)
{
	avl_graph_free(b->graph);
	avl_par_free(b->par);
	free(b->params);
	free(b->moments);
	free(b->dout);
}

static double square_loss(const struct bench *b, const struct avl_map *y)
{
	const size_t n = avl_shape_floats(&y->shape);
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += (double)y->data[i] * (double)y->data[i];
		b->dout[i] = 2 * y->data[i] / (float)n;
	}
	return sum / (double)n;
}

static void optimise(struct bench *b)
{
	const struct avl_optim adam = {AVL_OPTIM_ADAM, 0.9, 0.999, 1e-8, 0, 0, b->par};
	avl_optim_step(&adam, b->params, b->nparams, ++b->step, 1e-4);
}

enum { FORWARD, BACKWARD, OPTIMISER, WHOLE, PHASES };

static double step(struct bench *b, double ms[PHASES])
{
	const struct avl_graph_parameters all = avl_graph_parameters(b->graph);
	const double start = now();
	const struct avl_map *const y = avl_graph_run(b->graph, b->graph->planned_n);
	const double loss = square_loss(b, y), forward = now();
	memset(all.gradient, 0, all.count * sizeof(float));
	avl_graph_backward(b->graph, b->dout);
	const double backward = now();
	optimise(b);
	const double end = now();
	ms[FORWARD] = forward - start;
	ms[BACKWARD] = backward - forward;
	ms[OPTIMISER] = end - backward;
	ms[WHOLE] = end - start;
	return loss;
}

/* Multiplications and additions of a convolution forward; as many again are each gradient's. */
static double operations(const struct avl_node *node)
{
	const struct avl_attr *const a = &node->attr;
	const struct avl_shape *const out = &node->out.shape;
	const double each = node->op == &avl_op_conv        ? 2.0 * node->in_shape[0].c
			    : node->op == &avl_op_depthwise ? 2
							    : 0;
	return each * a->kernel_h * a->kernel_w * out->n * out->c * out->h * out->w;
}

static void print_nodes(struct bench *b)
{
	static struct timing forward[NODES_MAX], backward[NODES_MAX];
	struct avl_graph *const graph = b->graph;
	for (int s = 0; s < STEPS; s++) {
		square_loss(b, avl_graph_run(graph, graph->planned_n));
		for (int i = 0; i < graph->count; i++) {
			const double start = now();
			avl_node_forward(graph, i);
			forward[i].ms[s] = now() - start;
		}
		avl_graph_backward_begin(graph, b->dout);
		for (int i = graph->count - 1; i >= 0; i--) {
			const double start = now();
			avl_node_backward(graph, i);
			backward[i].ms[s] = now() - start;
		}
	}
	printf("%-22s %-10s %9s %7s %9s %7s\n", "node", "op", "forward", "GF/s", "backward",
	       "GF/s");
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		const double there = least(&forward[i]), back = least(&backward[i]);
		const double gf = operations(node) * 1e-6, ways = node->in[0] < 0 ? 1 : 2;
		printf("%-22s %-10s %9.2f %7.0f %9.2f %7.0f\n", node->param ? node->param : "",
		       node->op->name, there, gf / there, back, ways * gf / back);
	}
}

static void print_phases(struct bench *b)
{
	static const char *const names[PHASES] = {"forward", "backward", "optimiser", "step"};
	struct timing phase[PHASES];
	double ms[PHASES], first = 0, last = 0;
	for (int s = 0; s < STEPS; s++) {
		last = step(b, ms);
		first = s ? first : last;
		for (int p = 0; p < PHASES; p++)
			phase[p].ms[s] = ms[p];
	}
	double gf = 0;
	for (int i = 0; i < b->graph->count; i++)
		gf += operations(&b->graph->node[i]) * (b->graph->node[i].in[0] < 0 ? 2 : 3) * 1e-6;
	for (int p = 0; p < PHASES; p++)
		printf("%-10s min %9.1f ms, median %9.1f ms\n", names[p], least(&phase[p]),
		       median(&phase[p]));
	printf("%.0f GF/s effective, loss %g after %g\n", gf / least(&phase[WHOLE]), last, first);
}

static void serve(struct bench *b)
{
	char line[16];
	double ms[PHASES];
	while (fgets(line, sizeof line, stdin)) {
		step(b, ms);
		printf("%.3f\n", ms[WHOLE]);
		fflush(stdout);
	}
}

static const char *const names[] = {[AVL_FP32] = "fp32", [AVL_BF16] = "bf16"};

static enum avl_precision precision_of(const char *name)
{
	if (strcmp(name, names[AVL_FP32]) && strcmp(name, names[AVL_BF16]))
		stop("neither fp32 nor bf16");
	return strcmp(name, names[AVL_BF16]) ? AVL_FP32 : AVL_BF16;
}

static void report(const char *name, int batch, int side, enum avl_precision precision)
{
	struct bench b = {0};
	open_bench(&b, name, batch, side, precision);
	printf("%s %d x %d, batch %d, %s, threads: %d, %s\n", name, side, side, batch,
	       names[precision], avl_par_threads(b.par), avl_kern()->level);
	print_phases(&b);
	print_nodes(&b);
	close_bench(&b);
}

int main(int argc, char **argv)
{
	const int serving = argc == 6 && !strcmp(argv[1], "--serve");
	if (serving) {
		struct bench b = {0};
		open_bench(&b, argv[2], atoi(argv[3]), atoi(argv[4]), precision_of(argv[5]));
		serve(&b);
		close_bench(&b);
		return 0;
	}
	if (argc == 5) {
		report(argv[1], atoi(argv[2]), atoi(argv[3]), precision_of(argv[4]));
		return 0;
	}
	for (int p = AVL_FP32; p <= AVL_BF16; p++) {
		report("resnet18", 16, 224, (enum avl_precision)p);
		report("vgg16", 4, 320, (enum avl_precision)p);
	}
	return 0;
}
