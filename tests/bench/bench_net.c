/* SPDX-License-Identifier: MIT */

/* usage: bench_net [NETWORK...]
 *
 * How fast the networks are, node by node: the fastest and the median time of a picture,
 * effective operations (those of direct convolution) a second, and what share that is of what the
 * convolution kernel does on operands in the first level cache, once for each thread. One thread is
 * measured by the processor's time, so that other processes disturb little; several by the clock on
 * the wall. Weights are those a new model begins with. Then how far Winograd's convolutions lie
 * from direct ones. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "net/networks.h"
#include "net/node.h"
#include "net/parameters.h"

enum { NODES_MAX = 64, ROUNDS_MAX = 200 };
#define SECONDS 2.0

static void stop(const char *what)
{
	fprintf(stderr, "bench_net: %s\n", what);
	exit(1);
}

static clockid_t the_clock = CLOCK_PROCESS_CPUTIME_ID;

static double now(void)
{
	struct timespec t;
	clock_gettime(the_clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Operations a second of the convolution kernel: 64 inputs, 28 pixels, 2 blocks of outputs. */
static double peak(void)
{
	enum { TAPS = 4, PIXELS = 28, RUNS = 2000 };
	static _Alignas(AVL_ALIGN) float x[TAPS * PIXELS * 16], w[TAPS * 2 * 256],
	    y[2 * PIXELS * 16];
	ptrdiff_t tap[TAPS];
	for (int t = 0; t < TAPS; t++)
		tap[t] = (ptrdiff_t)t * PIXELS * 16;
	const struct avl_conv_job job = {
	    .x = x,
	    .x_pixel = 16,
	    .tap = tap,
	    .taps = TAPS,
	    .inner = 16,
	    .w = w,
	    .y = y,
	    .y_block = (ptrdiff_t)PIXELS * 16,
	    .pixels = PIXELS,
	    .blocks = 2,
	    .hi = INFINITY,
	};
	double best = 1e9;
	for (int round = 0; round < 20; round++) {
		const double start = now();
		for (int i = 0; i < RUNS; i++)
			avl_kern()->conv(&job);
		const double took = now() - start;
		best = took < best ? took : best;
	}
	return 2.0 * TAPS * 16 * PIXELS * 32 * RUNS / best;
}

/* A new model of the architecture ARCH. */
static struct avl_safetensors *model_of(const char *arch)
{
	struct avl_contract contract = {.head = {.kind = AVL_HEAD_FC}};
	struct avl_parameters list;
	struct avl_err err = {0};
	struct avl_arena memory;
	struct avl_safetensors *file = NULL;
	char path[] = "/tmp/bench_net-XXXXXX";
	snprintf(contract.arch, sizeof contract.arch, "%s", arch);
	if (avl_parameters_list(&list, &contract, NULL, &err))
		stop(err.text);
	struct avl_safetensor *const tensor = calloc((size_t)list.count, sizeof *tensor);
	const int fd = mkstemp(path);
	avl_arena_init(&memory, 0);
	for (int i = 0; tensor && i < list.count; i++) {
		const struct avl_parameter *const p = &list.at[i];
		float *const values = avl_arena_alloc(&memory, avl_parameter_count(p) * 4);
		if (!values)
			stop("out of memory");
		avl_parameter_init(p, 1, values);
		tensor[i].name = p->name;
		tensor[i].tensor =
		    (struct avl_tensor){.dtype = AVL_F4, .ndim = p->ndim, .data = values};
		memcpy(tensor[i].tensor.dim, p->dim, sizeof p->dim);
	}
	if (!tensor || fd < 0 || avl_safetensors_write(fd, tensor, list.count, NULL, &err) ||
	    avl_safetensors_open(&file, path, &err))
		stop(*err.text ? err.text : "cannot write a model");
	close(fd);
	unlink(path);
	free(tensor);
	avl_arena_release(&memory);
	avl_parameters_release(&list);
	return file;
}

static struct avl_graph *graph_of(const struct avl_network *net, const char *prefix,
				  struct avl_shape in, const struct avl_safetensors *file,
				  int direct, struct avl_par *par)
{
	struct avl_graph *graph;
	struct avl_err err = {0};
	struct avl_rng rng;
	const struct avl_graph_options options = {
	    .in = in, .prefix = prefix, .direct = direct, .par = par};
	if (avl_graph_new(&graph, net, &options, file, &err))
		stop(err.text);
	avl_rng_init(&rng, 1, 1);
	float *const input = avl_graph_input(graph);
	for (size_t i = 0; i < (size_t)in.c * (size_t)in.h * (size_t)in.w; i++)
		input[i] = avl_rng_normal(&rng);
	return graph;
}

/* Of PART, whose input is IN; its output, before any pooling, into OUT. */
static double operations_of(const struct avl_node_part *part, const struct avl_shape *in,
			    struct avl_shape *out)
{
	const struct avl_attr *const a = &part->attr;
	const int is_deep = part->op == &avl_op_depthwise;
	const int channels = is_deep || part->op == &avl_op_conv ? a->out : in->c;
	if (avl_window_shape(a, in, channels, out, NULL) || (!is_deep && part->op != &avl_op_conv))
		return 0;
	return 2.0 * a->kernel_h * a->kernel_w * (is_deep ? 1 : in->c) * out->c * out->h * out->w;
}

static double operations(const struct avl_node *node)
{
	const struct avl_node_part whole = {.op = node->op, .attr = node->attr};
	struct avl_shape in = node->in_shape[0], out;
	double sum = 0;
	if (!node->parts)
		return node->op == &avl_op_conv || node->op == &avl_op_depthwise
			   ? operations_of(&whole, &in, &out)
			   : 0;
	for (int i = 0; i < node->parts; i++, in = out)
		sum += operations_of(&node->part[i], &in, &out);
	return sum;
}

static void print_line(const char *what, double ops, double best, double median, double limit)
{
	printf("%-40s %8.3f %8.3f ms", what, best * 1e3, median * 1e3);
	if (ops > 0)
		printf(" %7.1f GF/s %5.0f %%", ops / best * 1e-9, 100 * ops / best / limit);
	putchar('\n');
}

static void bench(struct avl_graph *graph, const char *name, double limit)
{
	static double took[NODES_MAX + 1][ROUNDS_MAX];
	int rounds = 0;
	double total = 0;
	for (const double start = now(); rounds < ROUNDS_MAX && now() - start < SECONDS; rounds++) {
		double before = now();
		const double first = before;
		for (int i = 0; i < graph->count; i++) {
			avl_node_forward(graph, i);
			const double after = now();
			took[i][rounds] = after - before;
			before = after;
		}
		took[graph->count][rounds] = before - first;
	}
	for (int i = 0; i <= graph->count; i++)
		qsort(took[i], (size_t)rounds, sizeof took[i][0], compare);
	for (int i = 0; i < graph->count; i++) {
		const struct avl_node *const node = &graph->node[i];
		const struct avl_shape *const in = &node->in_shape[0];
		char what[64], kind[16];
		if (node->attr.winograd)
			snprintf(kind, sizeof kind, "winograd %d", node->attr.winograd);
		else
			snprintf(kind, sizeof kind, "%s", node->op->name);
		snprintf(what, sizeof what, "  %-10s %4d x %-3d x %-3d -> %-4d %s", kind, in->c,
			 in->h, in->w, node->out.shape.c, node->name ? node->name : "");
		print_line(what, operations(node), took[i][0], took[i][rounds / 2], limit);
		total += operations(node);
	}
	print_line(name, total, took[graph->count][0], took[graph->count][rounds / 2], limit);
}

static void compare_direct(struct avl_graph *fast, struct avl_graph *direct, const char *name)
{
	const struct avl_map *const a = avl_graph_run(fast, 1), *const b = avl_graph_run(direct, 1);
	double largest = 0, worst = 0, square = 0, error = 0;
	for (size_t i = 0; i < avl_shape_floats(&a->shape); i++) {
		const double wanted = (double)b->data[i], d = (double)a->data[i] - wanted;
		largest = fmax(largest, fabs(wanted));
		worst = fmax(worst, fabs(d));
		square += wanted * wanted;
		error += d * d;
	}
	printf("%s: from direct convolution %.2g of the largest, %.2g in the mean square; %zu MB\n",
	       name, worst / largest, sqrt(error / square),
	       (avl_graph_bytes(fast) + fast->scratch_floats * sizeof(float)) >> 20);
}

static void bench_network(const struct avl_network *net, const char *arch, const char *prefix,
			  struct avl_shape in, double limit)
{
	struct avl_safetensors *const file = model_of(arch);
	const int processors = avl_par_processors();
	for (int threads = 1; threads <= processors; threads *= 2) {
		struct avl_par *par;
		char name[64];
		the_clock = threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
		if (avl_par_new(&par, threads, NULL))
			stop("cannot start threads");
		struct avl_graph *const graph = graph_of(net, prefix, in, file, 0, par);
		snprintf(name, sizeof name, "%s %d x %d x %d, threads: %d", net->name, in.c, in.h,
			 in.w, threads);
		avl_graph_run(graph, 1);
		bench(graph, name, limit * threads);
		if (threads == 1) {
			struct avl_graph *const direct = graph_of(net, prefix, in, file, 1, par);
			compare_direct(graph, direct, name);
			avl_graph_free(direct);
		}
		avl_graph_free(graph);
		avl_par_free(par);
	}
	avl_safetensors_close(file);
}

static const struct {
	const struct avl_network *net;
	const char *name, *arch, *prefix;
	struct avl_shape in;
} works[] = {
    {&avl_net_vgg16, "vgg16", "vgg16+soundnet", "image.", {1, 3, 320, 320}},
    {&avl_net_soundnet, "soundnet", "vgg16+soundnet", "sound.", {1, 1, 1, 220500}},
    {&avl_net_resnet18, "resnet18", "resnet18+resnet18", "image.", {1, 3, 224, 224}},
    {&avl_net_sound_resnet18, "resnet18-sound", "resnet18+resnet18", "sound.", {1, 1, 257, 300}},
    {&avl_net_efficientnet_lite0, "lite0", "efficientnet_lite0+yamnet", "image.", {1, 3, 448, 448}},
    {&avl_net_yamnet, "yamnet", "efficientnet_lite0+yamnet", "sound.", {1, 1, 96, 64}},
};

int main(int argc, char **argv)
{
	const double limit = peak();
	printf("%s: %.1f GF/s a thread\n", avl_kern()->level, limit * 1e-9);
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		int wanted = argc < 2;
		for (int k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], works[i].name);
		if (wanted)
			bench_network(works[i].net, works[i].arch, works[i].prefix, works[i].in,
				      limit);
	}
	return 0;
}
