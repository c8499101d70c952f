/* SPDX-License-Identifier: MIT */
#include "net/objects.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/front_end.h"
#include "net/networks.h"

struct avl_object_net {
	struct avl_contract contract;
	struct avl_par *par;
	struct avl_picture_front picture;
	struct avl_graph *graph;
};

void avl_objects_score(const struct avl_map *v, float *map)
{
	assert(v->layout == AVL_BLOCKED && v->shape.n == 1);
	const ptrdiff_t stride = avl_block_stride(&v->shape);
	for (int p = 0; p < v->shape.h * v->shape.w; p++) {
		const float *const at = v->data + (ptrdiff_t)p * AVL_BLOCK;
		double sum = 0;
		for (int c = 0; c < v->shape.c; c++)
			sum += fabs((double)at[c / AVL_BLOCK * stride + c % AVL_BLOCK]);
		map[p] = (float)(sum / v->shape.c);
	}
}

static int assemble(struct avl_object_net *net, const struct avl_safetensors *file,
		    struct avl_err *err)
{
	const struct avl_network *image, *sound;
	int code = avl_contract_read(&net->contract, file, err);
	if (!code)
		code = avl_networks_parse(net->contract.arch, &image, &sound, err);
	if (!code)
		code = avl_picture_front_init(&net->picture, &net->contract, err);
	if (code)
		return code;
	const struct avl_graph_options see = {
	    .in = {1, image->planar_channels, net->contract.frame.height,
		   net->contract.frame.width},
	    .prefix = "image.",
	    .par = net->par,
	};
	return avl_graph_new(&net->graph, image, &see, file, err);
}

int avl_object_net_open(struct avl_object_net **out, const char *path, struct avl_par *par,
			struct avl_err *err)
{
	struct avl_safetensors *file;
	char quoted[300];
	struct avl_object_net *const net = calloc(1, sizeof *net);
	*out = NULL;
	if (!net)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	net->par = par;
	int code = avl_safetensors_open(&file, path, err);
	if (code) {
		free(net);
		return code;
	}
	code = assemble(net, file, err);
	avl_safetensors_close(file);
	if (!code) {
		*out = net;
		return 0;
	}
	snprintf(quoted, sizeof quoted, "'%s'", path);
	avl_fail_prefix(err, quoted);
	avl_object_net_close(net);
	return code;
}

void avl_object_net_close(struct avl_object_net *net)
{
	if (!net)
		return;
	avl_picture_front_release(&net->picture);
	avl_graph_free(net->graph);
	free(net);
}

const struct avl_contract *avl_object_net_contract(const struct avl_object_net *net)
{
	return &net->contract;
}

void avl_object_net_map_size(const struct avl_object_net *net, int *rows, int *cols)
{
	const struct avl_shape v = avl_graph_output(net->graph);
	*rows = v.h;
	*cols = v.w;
}

int avl_object_net_see(struct avl_object_net *net, const uint8_t *rgb, int h, int w, float *map,
		       double region[4], struct avl_err *err)
{
	const int code = avl_picture_front_run(&net->picture, rgb, h, w,
					       avl_graph_input(net->graph), region, net->par, err);
	if (!code)
		avl_objects_score(avl_graph_run(net->graph, 1), map);
	return code;
}
