/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/node.h"

struct source {
	const struct avl_safetensors *file;
	const char *prefix;
	struct avl_arena *memory;
	struct avl_err *err;
};

/* Whether TENSOR has the dimensions DIM (ended by 0). Dimensions of 1 at the end may be left out:
 * a 1x1 convolution may stand as a matrix. */
static int has_shape(const struct avl_tensor *tensor, const int *dim)
{
	int i = 0;
	for (; dim[i]; i++)
		if ((i < tensor->ndim ? tensor->dim[i] : 1) != dim[i])
			return 0;
	for (; i < tensor->ndim; i++)
		if (tensor->dim[i] != 1)
			return 0;
	return 1;
}

/* The tensor PREFIX PARAM SUFFIX of the shape DIM (ended by 0) as floats. */
static int fetch(struct source *source, const char *param, const char *suffix, const int *dim,
		 const float **values)
{
	char name[256], shape[128], wanted[128];
	snprintf(name, sizeof name, "%s%s%s", source->prefix, param, suffix);
	const struct avl_safetensor *const found = avl_safetensors_find(source->file, name);
	if (!found)
		return avl_fail(source->err, AVL_ESHAPE, "tensor '%s' is missing", name);
	if (!has_shape(&found->tensor, dim)) {
		struct avl_tensor like = {.dtype = found->tensor.dtype};
		for (; dim[like.ndim]; like.ndim++)
			like.dim[like.ndim] = dim[like.ndim];
		avl_tensor_describe(&found->tensor, shape, sizeof shape);
		avl_tensor_describe(&like, wanted, sizeof wanted);
		return avl_fail(source->err, AVL_ESHAPE, "tensor '%s' is %s where %s is needed",
				name, shape, wanted);
	}
	if (found->tensor.dtype == AVL_F4) {
		*values = found->tensor.data;
		return 0;
	}
	const size_t count = avl_tensor_count(&found->tensor);
	float *const copy = avl_arena_alloc(source->memory, count * sizeof *copy);
	if (!copy)
		return avl_fail(source->err, AVL_ENOMEM, "out of memory");
	avl_tensor_to_float(found->tensor.data, found->tensor.dtype, count, copy);
	*values = copy;
	return 0;
}

static int fetch_norm(struct source *source, const char *param, const struct avl_attr *attr,
		      int channels, struct avl_params *params)
{
	const int dim[] = {channels, 0};
	int code = fetch(source, param, ".bias", dim, &params->bias);
	if (!code)
		code = fetch(source, param, ".running_mean", dim, &params->mean);
	if (!code)
		code = fetch(source, param, ".running_var", dim, &params->var);
	if (!code && !attr->no_scale)
		code = fetch(source, param, ".weight", dim, &params->weight);
	return code;
}

/* w' = w gamma / sqrt(var + eps), b' = beta + (b - mean) gamma / sqrt(var + eps). */
static int fold(struct source *source, const struct avl_layer *norm, size_t outputs,
		struct avl_params *params)
{
	struct avl_params n = {0};
	const int code = fetch_norm(source, norm->param, &norm->attr, (int)outputs, &n);
	if (code)
		return code;
	float *const factor = avl_arena_alloc(source->memory, outputs * sizeof *factor);
	float *const bias = avl_arena_alloc(source->memory, outputs * sizeof *bias);
	if (!factor || !bias)
		return avl_fail(source->err, AVL_ENOMEM, "out of memory");
	for (size_t o = 0; o < outputs; o++) {
		const double gamma = n.weight ? n.weight[o] : 1;
		const double scale = gamma / sqrt((double)n.var[o] + norm->attr.eps);
		const double b = params->bias ? params->bias[o] : 0;
		bias[o] = (float)(n.bias[o] + (b - n.mean[o]) * scale);
		factor[o] = (float)scale;
	}
	params->scale = factor;
	params->bias = bias;
	return 0;
}

/* The parameters of PART, whose input has C channels, its batch norm folded in. */
static int fetch_part(struct source *source, const struct avl_node_part *part, int c,
		      struct avl_params *params)
{
	const struct avl_attr *const attr = &part->attr;
	if (part->op == &avl_op_maxpool)
		return 0;
	if (part->op == &avl_op_batchnorm)
		return fetch_norm(source, part->param, attr, c, params);
	const int inputs = part->op == &avl_op_depthwise ? 1 : c;
	const int weight[] = {attr->out, inputs, attr->kernel_h, attr->kernel_w, 0};
	const int bias[] = {attr->out, 0};
	int code = fetch(source, part->param, ".weight", weight, &params->weight);
	if (!code && attr->bias)
		code = fetch(source, part->param, ".bias", bias, &params->bias);
	if (!code && part->norm)
		code = fold(source, part->norm, (size_t)attr->out, params);
	return code;
}

int avl_node_fetch(const struct avl_node *node, const char *prefix,
		   const struct avl_safetensors *file, struct avl_arena *memory,
		   struct avl_params params[AVL_NODE_PARTS], struct avl_err *err)
{
	struct source source = {.file = file, .prefix = prefix, .memory = memory, .err = err};
	const struct avl_node_part whole = {node->op, node->attr, node->param, node->norm};
	const struct avl_node_part *const part = node->parts ? node->part : &whole;
	int code = 0, c = node->in_shape[0].c;
	for (int i = 0; !code && (i == 0 || i < node->parts); c = part[i++].attr.out)
		code = fetch_part(&source, &part[i], c, &params[i]);
	return code;
}

int avl_node_load(const struct avl_node *node, const char *prefix,
		  const struct avl_safetensors *file, struct avl_arena *memory, struct avl_err *err)
{
	struct avl_params params[AVL_NODE_PARTS] = {0};
	avl_arena_reset(memory);
	const int code = avl_node_fetch(node, prefix, file, memory, params, err);
	if (!code)
		node->by->pack(&node->attr, node->in_shape, params, node->packed);
	return code;
}
