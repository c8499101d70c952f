/* SPDX-License-Identifier: MIT */
#include "net/linear.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

/* The tensor's own data where these are floats already. */
static const float *floats_of(const struct avl_tensor *tensor, struct avl_arena *memory)
{
	if (tensor->dtype == AVL_F4)
		return tensor->data;
	const size_t n = avl_tensor_count(tensor);
	float *const copy = avl_arena_alloc(memory, n * sizeof *copy);
	if (copy)
		avl_tensor_to_float(tensor->data, tensor->dtype, n, copy);
	return copy;
}

static const struct avl_safetensor *part(const struct avl_safetensors *file, const char *name,
					 const char *suffix)
{
	char full[128];
	snprintf(full, sizeof full, "%s.%s", name, suffix);
	return avl_safetensors_find(file, full);
}

int avl_linear_init(struct avl_linear *linear, const struct avl_safetensors *file, const char *name,
		    int in, struct avl_err *err)
{
	*linear = (struct avl_linear){0};
	const struct avl_safetensor *const weight = part(file, name, "weight");
	const struct avl_safetensor *const bias = part(file, name, "bias");
	if (!weight)
		return avl_fail(err, AVL_ENONE, "tensor '%s.weight' is missing", name);
	const struct avl_tensor *const w = &weight->tensor;
	const int is_matrix = w->ndim == 2 || (w->ndim == 4 && w->dim[2] == 1 && w->dim[3] == 1);
	if (!is_matrix || w->dim[0] < 1 || w->dim[1] < 1 || w->dim[0] > 1 << 20 ||
	    w->dim[1] > 1 << 20 || (in && w->dim[1] != in)) {
		char shape[128];
		avl_tensor_describe(w, shape, sizeof shape);
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is %s where %d inputs come in",
				weight->name, shape, in);
	}
	if (bias && (int64_t)avl_tensor_count(&bias->tensor) != w->dim[0])
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' does not fit '%s'", bias->name,
				weight->name);

	linear->out = (int)w->dim[0];
	linear->in = (int)w->dim[1];
	linear->attr = (struct avl_attr){
	    .out = linear->out,
	    .kernel_h = 1,
	    .kernel_w = 1,
	    .stride_h = 1,
	    .stride_w = 1,
	    .lo = -INFINITY,
	    .hi = INFINITY,
	};
	const struct avl_shape shape = {.n = 1, .c = linear->in, .h = 1, .w = 1};
	struct avl_arena memory;
	avl_arena_init(&memory, 0);
	const struct avl_params params = {
	    .weight = floats_of(w, &memory),
	    .bias = bias ? floats_of(&bias->tensor, &memory) : NULL,
	};
	linear->packed = avl_alloc(avl_op_conv.packed(&linear->attr, &shape), sizeof(float));
	linear->scratch = avl_alloc(avl_op_conv.scratch(&linear->attr, &shape), sizeof(float));
	const int ok = params.weight && (!bias || params.bias) && linear->packed && linear->scratch;
	if (ok)
		avl_op_conv.pack(&linear->attr, &shape, &params, linear->packed);
	else
		avl_linear_release(linear);
	avl_arena_release(&memory);
	return ok ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

void avl_linear_release(struct avl_linear *linear)
{
	free(linear->packed);
	free(linear->scratch);
	*linear = (struct avl_linear){0};
}

void avl_linear_run(const struct avl_linear *linear, const struct avl_map *x, struct avl_map *y,
		    struct avl_par *par)
{
	y->layout = AVL_BLOCKED;
	y->shape = x->shape;
	y->shape.c = linear->out;
	const struct avl_op_run run = {
	    .attr = &linear->attr,
	    .in = {*x},
	    .out = *y,
	    .packed = linear->packed,
	    .scratch = linear->scratch,
	    .par = par,
	};
	avl_op_conv.forward(&run);
}
