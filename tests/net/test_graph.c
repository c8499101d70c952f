/* SPDX-License-Identifier: MIT */
#include "net/graph.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "net/node.h"
#include "net/rows.h"
#include "rows_naive.h"
#include "tests/kern/fenced.h"

#define NORM(name, label) BATCHNORM(name, label, .eps = 1e-3F)
#define CONV3(name, c, s) CONV(name, c, KERNEL(3), STRIDE(s), SAME)
#define POOL(label)                                                                                \
	{                                                                                          \
		.op = &avl_op_maxpool, .attr = {KERNEL(3), STRIDE(2), SAME}, .name = (label)       \
	}

/* clang-format off */
static const struct avl_layer plain[] = {
	CONV3("a", 20, 2), NORM("b", NULL), RELU6("first"), POOL("pool"),
	CONV("c", 33, KERNEL(1), STRIDE(1), PAD(0), .bias = 1), RELU("second"), MEAN("mean"),
};
static const struct avl_layer residual[] = {
	CONV3("a", 17, 1), NORM("b", NULL), RELU("in"),
	CONV3("c", 17, 1), NORM("d", NULL), RELU(NULL),
	CONV3("e", 17, 1), NORM("f", NULL), ADD(5, NULL), RELU("out"),
};
/* The shortcut is a convolution too, of the block's input. */
static const struct avl_layer shortcut[] = {
	CONV3("a", 8, 1), NORM("b", NULL), RELU("in"),
	CONV3("c", 24, 2), NORM("d", NULL), RELU("inner"),
	CONV3("e", 24, 1), NORM("f", "long"),
	{.op = &avl_op_conv, .param = "g", .back = 5,
	 .attr = {.out = 24, KERNEL(1), STRIDE(2), SAME}},
	NORM("h", NULL), ADD(2, NULL), RELU("out"),
};
/* Who is read twice stays: the norm by its ReLU and by the addition. */
static const struct avl_layer twice[] = {
	CONV3("a", 9, 1), NORM("b", "norm"), RELU("relu"), ADD(1, NULL), RELU6("out"),
};
static const struct avl_layer doubled[] = {
	CONV3("a", 9, 1), ADD(0, NULL), RELU("out"),
};
/* A convolution read by a norm and by a convolution, which then takes the sum. */
static const struct avl_layer forked[] = {
	CONV3("a", 9, 1), NORM("b", "norm"),
	{.op = &avl_op_conv, .param = "c", .back = 1, .attr = {.out = 9, KERNEL(3), STRIDE(1), SAME}},
	ADD(1, "out"),
};
static const struct avl_layer depthwise[] = {
	CONV3("a", 18, 1),
	DEPTHWISE("b", 18, KERNEL(3), STRIDE(1), SAME, .bias = 1), NORM("c", NULL), ADD(2, NULL),
	RELU6("out"),
};
/* The second convolution pools, the first does not: it reads planes. */
static const struct avl_layer pooled[] = {
	CONV3("a", 9, 1), RELU(NULL), MAXPOOL(NULL, KERNEL(2), STRIDE(1), PAD(0)),
	CONV3("c", 18, 1), NORM("d", NULL), RELU(NULL), MAXPOOL("out", KERNEL(2), STRIDE(2), PAD(0)),
};
static const struct avl_layer clamps[] = {
	CONV("a", 5, KERNEL(3), STRIDE(2), PAD(1), .bias = 1),
	BATCHNORM("b", NULL, .eps = 1e-5F, .no_scale = 1), RELU6(NULL),
	{.op = &avl_op_clamp, .attr = {.lo = -1, .hi = 0.5F}, .name = "narrow"},
	POOL(NULL), NORM("c", NULL), RELU("out"),
};
/* clang-format on */

#define NET(table)                                                                                 \
	{                                                                                          \
		.name = #table, .planar_channels = 3, .layers = (table),                           \
		.count = sizeof(table) / sizeof((table)[0])                                        \
	}

static const struct {
	struct avl_network net;
	int nodes;
} nets[] = {
    {NET(plain), 4},  {NET(residual), 3},  {NET(shortcut), 4}, {NET(twice), 3},  {NET(doubled), 2},
    {NET(forked), 3}, {NET(depthwise), 3}, {NET(clamps), 4},   {NET(pooled), 3},
};

enum { NETS = sizeof nets / sizeof nets[0] };

static const struct avl_shape in3 = {3, 3, 11, 14};

static struct avl_graph *graph_in(enum avl_precision precision, const struct avl_network *net,
				  const struct parts *parts, struct avl_shape in, int keep,
				  struct avl_par *par)
{
	struct avl_graph *graph;
	struct avl_err err = {0};
	struct avl_safetensors *const file = parts_open(parts);
	const struct avl_graph_options options = {.in = in,
						  .prefix = "net.",
						  .keep = keep,
						  .direct = 1,
						  .precision = precision,
						  .par = par};
	cr_assert_eq(avl_graph_new(&graph, net, &options, file, &err), 0, "%s: %s", net->name,
		     err.text);
	avl_safetensors_close(file);
	return graph;
}

static struct avl_graph *graph_of(const struct avl_network *net, const struct parts *parts,
				  struct avl_shape in, int keep, struct avl_par *par)
{
	return graph_in(AVL_FP32, net, parts, in, keep, par);
}

static float *planar_of(const struct avl_map *map)
{
	const size_t n = avl_shape_floats(&map->shape);
	float *const planar = avl_alloc(naive_count(&map->shape), sizeof *planar);
	float *const blocked = avl_alloc(n, sizeof *blocked);
	const int is_bf16 = map->layout == AVL_BLOCKED_BF16;
	avl_tensor_to_float(map->data, is_bf16 ? AVL_BF2 : AVL_F4, n, blocked);
	avl_layout_to_planar(&map->shape, blocked, planar);
	free(blocked);
	return planar;
}

/* Float against double through a few layers: 1e-5 of the largest. In bf16, each of up to twelve
 * rows rounds what it reads and writes by 1/256 at most, and additions may leave the rounding of
 * large numbers in small ones: 0.1. */
static const double tolerance[] = {[AVL_FP32] = 1e-5, [AVL_BF16] = 0.1};

static int close_to(const struct avl_map *map, const struct naive *wanted,
		    enum avl_precision precision)
{
	const size_t n = naive_count(&wanted->shape);
	if (memcmp(&map->shape, &wanted->shape, sizeof map->shape) != 0)
		return 0;
	float *const planar = planar_of(map);
	double largest = 1e-3, worst = 0;
	for (size_t i = 0; i < n; i++) {
		largest = fmax(largest, fabs(wanted->at[i]));
		const double d = fabs((double)planar[i] - wanted->at[i]);
		worst = d <= worst ? worst : d;
		if (isnan(d))
			worst = INFINITY;
	}
	free(planar);
	return worst <= tolerance[precision] * largest;
}

/* Holds the graph, kept and not, against the table run row after row. */
static void check_rows(const struct avl_network *net, const struct parts *parts,
		       struct avl_shape in, const float *x, const struct naive *row,
		       enum avl_precision precision, struct avl_par *par)
{
	struct avl_graph *const keeping = graph_in(precision, net, parts, in, 1, NULL);
	struct avl_graph *const graph = graph_in(precision, net, parts, in, 0, par);
	memcpy(avl_graph_input(keeping), x, naive_count(&in) * sizeof *x);
	memcpy(avl_graph_input(graph), x, naive_count(&in) * sizeof *x);
	const struct avl_map *const kept = avl_graph_run(keeping, in.n);
	const struct avl_map *const y = avl_graph_run(graph, in.n);
	cr_assert(close_to(kept, &row[net->count - 1], precision), "%s", net->name);
	cr_assert(same_bits(kept->data, y->data, avl_shape_floats(&y->shape)),
		  "%s: memory that is used again spoils the result", net->name);
	const struct avl_shape one = avl_graph_output(graph);
	cr_assert(one.n == 1 && one.c == y->shape.c && one.h == y->shape.h && one.w == y->shape.w);

	for (int i = 0; i < net->count; i++) {
		const char *const name = net->layers[i].name;
		const struct avl_map *const found = name ? avl_graph_find(keeping, name) : NULL;
		cr_assert(!found || close_to(found, &row[i], precision), "%s: row %s", net->name,
			  name);
	}
	avl_graph_free(keeping);
	avl_graph_free(graph);
}

static void check_net(const struct avl_network *net, struct avl_shape in, struct avl_rng *rng,
		      struct avl_par *par)
{
	struct parts parts;
	struct naive row[ROWS_MAX];
	rows_weights(&parts, net, in, rng);
	float *const x = random_floats(rng, naive_count(&in));
	struct naive input = naive_from(in, x);
	rows_run(net, &parts, &input, row);
	check_rows(net, &parts, in, x, row, AVL_FP32, par);
	check_rows(net, &parts, in, x, row, AVL_BF16, par);
	for (int i = 0; i < net->count; i++)
		naive_free(&row[i]);
	naive_free(&input);
	parts_release(&parts);
	free(x);
}

Test(graph, tables_give_what_their_rows_say)
{
	struct avl_par *par;
	struct avl_rng rng;
	avl_rng_init(&rng, 61, 0);
	cr_assert_eq(avl_par_new(&par, 2, NULL), 0);
	for (int i = 0; i < NETS; i++)
		check_net(&nets[i].net, in3, &rng, par);
	avl_par_free(par);
}

Test(graph, rows_are_fused_where_nobody_else_reads_them)
{
	for (int i = 0; i < NETS; i++) {
		struct avl_node nodes[ROWS_MAX];
		const int count = avl_node_fuse(&nets[i].net, AVL_FUSE_CHAINS, nodes);
		cr_expect_eq(count, nets[i].nodes, "%s: %d", nets[i].net.name, count);
	}
}

Test(graph, named_rows_are_found_where_they_were_kept)
{
	struct avl_rng rng;
	struct parts parts;
	avl_rng_init(&rng, 62, 0);
	const struct avl_network *const net = &nets[2].net; /* shortcut */
	rows_weights(&parts, net, in3, &rng);
	struct avl_graph *const keeping = graph_of(net, &parts, in3, 1, NULL);
	struct avl_graph *const graph = graph_of(net, &parts, in3, 0, NULL);
	cr_expect_not_null(avl_graph_find(keeping, "in"));
	cr_expect_not_null(avl_graph_find(keeping, "inner"));
	cr_expect_not_null(avl_graph_find(keeping, "long"));
	cr_expect_null(avl_graph_find(keeping, "none"));
	cr_expect_null(avl_graph_find(graph, "in"));
	cr_expect_eq(avl_graph_find(graph, "out"), avl_graph_run(graph, 1));
	cr_expect_lt(avl_graph_bytes(graph), avl_graph_bytes(keeping));
	avl_graph_free(keeping);
	avl_graph_free(graph);
	parts_release(&parts);
}

/* Tables of twelve rows of 8 channels on one size, put together at random. */
static void random_table(struct avl_layer *rows, char names[][4], int n, struct avl_rng *rng)
{
	static const struct avl_layer kinds[] = {
	    CONV3(NULL, 8, 1),
	    CONV(NULL, 8, KERNEL(1), STRIDE(1), SAME, .bias = 1),
	    DEPTHWISE(NULL, 8, KERNEL(3), STRIDE(1), SAME),
	    NORM(NULL, NULL),
	    NORM(NULL, NULL),
	    RELU(NULL),
	    RELU6(NULL),
	    ADD(0, NULL),
	    ADD(0, NULL),
	    {.op = &avl_op_maxpool, .attr = {KERNEL(3), STRIDE(1), SAME}},
	};
	for (int i = 0; i < n; i++) {
		rows[i] = kinds[i ? avl_rng_below(rng, sizeof kinds / sizeof kinds[0]) : 0];
		snprintf(names[i], sizeof names[i], "r%d", i);
		rows[i].param = rows[i].name = names[i];
		if (i && avl_rng_below(rng, 3) == 0)
			rows[i].back = (int)avl_rng_below(rng, (uint32_t)(i < 4 ? i : 4));
		if (i)
			rows[i].other = (int)avl_rng_below(rng, (uint32_t)i);
	}
}

Test(graph, tables_put_together_at_random_give_what_their_rows_say)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 63, 0);
	for (int k = 0; k < 300; k++) {
		struct avl_layer rows[12];
		char names[12][4];
		random_table(rows, names, 12, &rng);
		const struct avl_network net = {
		    .name = "random", .planar_channels = 3, .layers = rows, .count = 12};
		check_net(&net, (struct avl_shape){2, 3, 5, 4}, &rng, NULL);
	}
}

Test(graph, a_picture_does_not_depend_on_its_batch)
{
	struct avl_rng rng;
	avl_rng_init(&rng, 64, 0);
	for (int k = 0; k < NETS; k++) {
		struct parts parts;
		rows_weights(&parts, &nets[k].net, in3, &rng);
		struct avl_graph *const graph = graph_of(&nets[k].net, &parts, in3, 0, NULL);
		const size_t each = naive_count(&in3) / 3;
		float *const x = random_floats(&rng, 3 * each);
		memcpy(avl_graph_input(graph), x, 3 * each * sizeof *x);
		float *const all = planar_of(avl_graph_run(graph, 3));
		const struct avl_shape out = avl_graph_output(graph);
		for (int n = 1; n <= 2; n++) { /* the last N of them */
			const size_t first = (size_t)(3 - n);
			memcpy(avl_graph_input(graph), x + first * each,
			       (size_t)n * each * sizeof *x);
			const struct avl_map *const map = avl_graph_run(graph, n);
			cr_assert_eq(map->shape.n, n);
			float *const some = planar_of(map);
			cr_expect(same_bits(some, all + first * naive_count(&out),
					    (size_t)n * naive_count(&out)),
				  "%s: the last %d", nets[k].net.name, n);
			free(some);
		}
		memcpy(avl_graph_input(graph), x, 3 * each * sizeof *x);
		float *const again = planar_of(avl_graph_run(graph, 3));
		cr_expect(same_bits(all, again, 3 * naive_count(&out)), "%s", nets[k].net.name);
		free(again);
		free(all);
		free(x);
		avl_graph_free(graph);
		parts_release(&parts);
	}
}

Test(graph, another_shape_gives_what_a_new_plan_gives)
{
	static const struct avl_shape shapes[] = {{3, 3, 11, 14}, {1, 3, 30, 9}, {2, 3, 8, 8}};
	struct avl_rng rng;
	avl_rng_init(&rng, 68, 0);
	for (int k = 0; k < NETS; k++) {
		struct parts parts;
		rows_weights(&parts, &nets[k].net, in3, &rng);
		struct avl_graph *const graph = graph_of(&nets[k].net, &parts, in3, 0, NULL);
		for (int i = 1; i <= 3; i++) {
			const struct avl_shape in = shapes[i % 3];
			const size_t n = naive_count(&in);
			struct avl_graph *const fresh = graph_of(&nets[k].net, &parts, in, 0, NULL);
			float *const x = random_floats(&rng, n);
			cr_assert_eq(avl_graph_reshape(graph, &in, NULL), 0);
			memcpy(avl_graph_input(graph), x, n * sizeof *x);
			memcpy(avl_graph_input(fresh), x, n * sizeof *x);
			const struct avl_map *const a = avl_graph_run(graph, in.n);
			const struct avl_map *const b = avl_graph_run(fresh, in.n);
			cr_expect_eq(memcmp(&a->shape, &b->shape, sizeof a->shape), 0);
			cr_expect(same_bits(a->data, b->data, avl_shape_floats(&a->shape)), "%s",
				  nets[k].net.name);
			avl_graph_free(fresh);
			free(x);
		}
		avl_graph_free(graph);
		parts_release(&parts);
	}
}

/* So wide that the weights of all convolutions but the first and the last are left in the file at
 * first, those by Winograd's way and those of a stride and of 1x1. */
static const struct avl_layer wide[] = {
    CONV3("a", 36, 1),
    NORM("b", NULL),
    CONV3("c", 330, 1),
    NORM("d", NULL),
    RELU(NULL),
    CONV3("e", 330, 1),
    NORM("f", NULL),
    ADD(2, NULL),
    CONV3("g", 41, 2),
    NORM("h", NULL),
    CONV("i", 250, KERNEL(1), STRIDE(1), PAD(0), .bias = 1),
    CONV("j", 9, KERNEL(1), STRIDE(1), PAD(0)),
};

Test(graph, late_parameters_change_nothing)
{
	static const struct avl_network net = NET(wide);
	static const struct avl_shape shapes[] = {{2, 3, 11, 14}, {1, 3, 9, 9}};
	struct avl_par *par;
	struct avl_rng rng;
	struct parts parts;
	avl_rng_init(&rng, 69, 0);
	cr_assert_eq(avl_par_new(&par, 2, NULL), 0);
	rows_weights(&parts, &net, shapes[0], &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	struct avl_graph *graph[2];
	for (int late = 0; late < 2; late++) {
		const struct avl_graph_options options = {
		    .in = shapes[0], .prefix = "net.", .late = late, .par = par};
		cr_assert_eq(avl_graph_new(&graph[late], &net, &options, file, NULL), 0);
		cr_assert_eq(avl_graph_is_late(graph[late]), late);
	}
	for (int run = 0; run < 4; run++) {
		const struct avl_shape in = shapes[run / 2];
		const size_t n = naive_count(&in);
		float *const x = random_floats(&rng, n);
		const struct avl_map *y[2];
		for (int late = 0; late < 2; late++) {
			cr_assert_eq(avl_graph_reshape(graph[late], &in, NULL), 0);
			memcpy(avl_graph_input(graph[late]), x, n * sizeof *x);
			y[late] = avl_graph_run(graph[late], in.n);
		}
		cr_expect_eq(avl_graph_is_late(graph[1]), run == 0);
		cr_expect(same_bits(y[0]->data, y[1]->data, avl_shape_floats(&y[0]->shape)),
			  "run %d", run);
		cr_expect(run == 0 || avl_graph_bytes(graph[0]) == avl_graph_bytes(graph[1]));
		free(x);
	}
	avl_graph_free(graph[0]);
	avl_graph_free(graph[1]);
	avl_safetensors_close(file);
	parts_release(&parts);
	avl_par_free(par);
}

/* Of byte AT of the data of a model file; none where it is negative. */
static void turn_bit(FILE *file, long at)
{
	unsigned char length[8], byte;
	const int fd = fileno(file);
	if (at < 0)
		return;
	cr_assert_eq(pread(fd, length, sizeof length, 0), (ssize_t)sizeof length);
	const off_t place = 8 + length[0] + 256 * length[1] + 65536 * length[2] + at;
	cr_assert_eq(pread(fd, &byte, 1, place), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, place), 1);
}

/* What the first run has summed up stands for the file: a bit turned under it is found. */
Test(graph, late_parameters_are_summed_as_they_are_read)
{
	static const struct avl_network net = NET(wide);
	static const char *const turned[] = {NULL, "net.a.weight", "net.c.weight", "net.g.weight",
					     "net.i.bias"};
	const struct avl_graph_options options = {
	    .in = {1, 3, 11, 14}, .prefix = "net.", .late = 1};
	struct avl_rng rng;
	struct parts parts;
	char path[64];
	avl_rng_init(&rng, 70, 0);
	rows_weights(&parts, &net, options.in, &rng);
	FILE *const written = parts_write(&parts, path);
	for (size_t i = 0; i < sizeof turned / sizeof *turned; i++) {
		struct avl_safetensors *file;
		struct avl_graph *graph;
		cr_assert_eq(avl_safetensors_open_unverified(&file, path, NULL), 0);
		const struct avl_safetensor *const first = avl_safetensors_at(file, 0);
		const struct avl_safetensor *const tensor =
		    avl_safetensors_find(file, turned[i] ? turned[i] : first->name);
		cr_assert_not_null(tensor);
		const long at =
		    turned[i] ? (const char *)tensor->tensor.data - (const char *)first->tensor.data
			      : -1;
		turn_bit(written, at);
		cr_assert_eq(avl_graph_new(&graph, &net, &options, file, NULL), 0);
		avl_graph_say_sums(graph, file);
		memset(avl_graph_input(graph), 0, 3 * 11 * 14 * sizeof(float));
		avl_graph_run(graph, 1);
		avl_graph_say_sums(graph, file);
		cr_expect_eq(avl_safetensors_verify(file, NULL, NULL), turned[i] ? AVL_EFORMAT : 0);
		turn_bit(written, at);
		avl_graph_free(graph);
		avl_safetensors_close(file);
	}
	fclose(written);
	parts_release(&parts);
}

Test(graph, shapes_too_small_or_large_are_refused_and_a_good_one_taken_after_them)
{
	static const struct avl_layer rows[] = {
	    CONV("a", 4, KERNEL(7), STRIDE(1), PAD(0)),
	};
	const struct avl_network net = NET(rows);
	struct parts parts;
	struct avl_rng rng;
	struct avl_err err = {0};
	avl_rng_init(&rng, 69, 0);
	rows_weights(&parts, &net, in3, &rng);
	struct avl_graph *const graph = graph_of(&net, &parts, in3, 0, NULL);
	const struct avl_shape small = {1, 3, 6, 20};
	cr_expect_eq(avl_graph_reshape(graph, &small, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 6 x 20 is too small for a window of 7 x 7");
	const struct avl_shape large = {4, 3, 8192, 8192};
	cr_expect_eq(avl_graph_reshape(graph, &large, &err), AVL_ELIMIT);
	cr_expect(strstr(err.text, "an input of 4 x 3 x 8192 x 8192 needs "), "%s", err.text);
	cr_assert_eq(avl_graph_reshape(graph, &in3, &err), 0);
	memset(avl_graph_input(graph), 0, naive_count(&in3) * sizeof(float));
	cr_expect_eq(avl_graph_run(graph, 3)->shape.w, 8);
	avl_graph_free(graph);
	parts_release(&parts);
}

static int try_new(const struct avl_network *net, const struct parts *parts, struct avl_err *err)
{
	struct avl_graph *graph = NULL;
	struct avl_safetensors *const file = parts_open(parts);
	const struct avl_graph_options options = {.in = in3, .prefix = "net."};
	const int code = avl_graph_new(&graph, net, &options, file, err);
	avl_safetensors_close(file);
	avl_graph_free(graph);
	return code;
}

Test(graph, a_missing_tensor_is_named)
{
	struct avl_rng rng;
	struct parts parts;
	avl_rng_init(&rng, 65, 0);
	const struct avl_network *const net = &nets[6].net; /* depthwise */
	rows_weights(&parts, net, in3, &rng);
	cr_assert_eq(parts.n, 7);
	for (int i = 0; i < 7; i++) {
		struct parts less = parts;
		struct avl_err err = {0};
		char wanted[128];
		snprintf(wanted, sizeof wanted, "tensor '%s' is missing", parts.tensor[i].name);
		less.tensor[i] = less.tensor[--less.n];
		cr_expect_eq(try_new(net, &less, &err), AVL_ESHAPE);
		cr_expect_str_eq(err.text, wanted);
	}
	parts_release(&parts);
}

Test(graph, a_tensor_of_another_shape_is_named_with_both_shapes)
{
	static const struct {
		const char *name;
		int ndim;
		int64_t dim[5];
		const char *message; /* NULL: welcome */
	} cases[] = {
	    {"net.c.weight", 4, {33, 20, 1, 1}, NULL},
	    {"net.c.weight", 2, {33, 20}, NULL},
	    {"net.c.bias", 2, {33, 1}, NULL},
	    {"net.c.bias", 2, {1, 33}, "'net.c.bias' is f4 (1, 33) where f4 (33) is needed"},
	    {"net.c.weight", 2, {20, 33}, "'net.c.weight' is f4 (20, 33) where f4 (33, 20, 1, 1)"},
	    {"net.c.weight", 1, {660}, "'net.c.weight' is f4 (660)"},
	    {"net.c.weight", 4, {33, 5, 2, 2}, "'net.c.weight' is f4 (33, 5, 2, 2)"},
	    {"net.a.weight", 4, {3, 20, 3, 3}, "'net.a.weight' is f4 (3, 20, 3, 3)"},
	    {"net.a.weight", 4, {20, 3, 3, 2}, "'net.a.weight' is f4 (20, 3, 3, 2)"},
	    {"net.a.weight", 5, {20, 3, 3, 3, 1}, NULL},
	    {"net.a.weight", 5, {20, 1, 3, 3, 3}, "'net.a.weight' is f4 (20, 1, 3, 3, 3)"},
	    {"net.a.weight", 3, {20, 3, 3}, "'net.a.weight' is f4 (20, 3, 3)"},
	    {"net.a.weight", 0, {0}, "'net.a.weight' is f4 ()"},
	    {"net.b.weight", 1, {19}, "'net.b.weight' is f4 (19) where f4 (20)"},
	    {"net.b.running_var", 2, {2, 10}, "'net.b.running_var' is f4 (2, 10)"},
	    {"net.c.bias", 1, {0}, "'net.c.bias' is f4 (0) where f4 (33)"},
	};
	struct avl_rng rng;
	struct parts parts;
	avl_rng_init(&rng, 66, 0);
	const struct avl_network *const net = &nets[0].net; /* plain */
	rows_weights(&parts, net, in3, &rng);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct avl_tensor *const t = &parts_find(&parts, cases[i].name)->tensor;
		const struct avl_tensor before = *t;
		struct avl_err err = {0};
		t->ndim = cases[i].ndim;
		memcpy(t->dim, cases[i].dim, sizeof cases[i].dim);
		cr_expect_eq(try_new(net, &parts, &err), cases[i].message ? AVL_ESHAPE : 0, "%zu",
			     i);
		cr_expect(!cases[i].message || strstr(err.text, cases[i].message), "%zu: %s", i,
			  err.text);
		*t = before;
	}
	parts_release(&parts);
}

Test(graph, an_input_too_small_for_the_table_is_refused)
{
	static const struct avl_layer rows[] = {
	    CONV("a", 4, KERNEL(7), STRIDE(1), PAD(0)),
	};
	const struct avl_network net = NET(rows);
	struct parts parts;
	struct avl_rng rng;
	struct avl_err err = {0};
	struct avl_graph *graph = NULL;
	avl_rng_init(&rng, 67, 0);
	rows_weights(&parts, &net, in3, &rng);
	struct avl_safetensors *const file = parts_open(&parts);
	const struct avl_graph_options options = {.in = {1, 3, 7, 6}, .prefix = "net."};
	cr_expect_eq(avl_graph_new(&graph, &net, &options, file, &err), AVL_ESHAPE);
	cr_expect_str_eq(err.text, "a map of 7 x 6 is too small for a window of 7 x 7");
	cr_expect_null(graph);
	avl_safetensors_close(file);
	parts_release(&parts);
}
