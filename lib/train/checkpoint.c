/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { FORMAT = 1, NAME_MAX_BYTES = 128 };

char *avl_checkpoint_contract(const struct avl_safetensors *init, const char *score,
			      double temperature, int fresh, int layers)
{
	struct avl_err err;
	struct avl_json *contract;
	const char *const text = avl_safetensors_meta(init, "avl.contract");
	if (!text || avl_json_parse(&contract, text, strlen(text), &err))
		return NULL;
	int rc = avl_json_set_string(contract, "score", score) ||
		 avl_json_set_number(contract, "temperature", temperature);
	if (!rc && (fresh || layers) && !avl_json_get(contract, "head"))
		rc = avl_json_set(contract, "head", avl_json_object());
	if (!rc && fresh) {
		struct avl_json *const head = avl_json_get(contract, "head");
		rc = avl_json_set_string(head, "activation", "relu") ||
		     avl_json_set_number(head, "floor", 0);
	}
	if (!rc && layers)
		rc = avl_json_set_number(avl_json_get(contract, "head"), "layers", layers);
	char *const changed = rc ? NULL : avl_json_dump(contract, NULL);
	avl_json_free(contract);
	return changed;
}

/* --- writing --- */

static int begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

void avl_tensors_init(struct avl_tensors *tensors)
{
	*tensors = (struct avl_tensors){0};
	avl_arena_init(&tensors->memory, 0);
}

void avl_tensors_release(struct avl_tensors *tensors)
{
	free(tensors->at);
	avl_arena_release(&tensors->memory);
	*tensors = (struct avl_tensors){0};
}

int avl_tensors_add(struct avl_tensors *tensors, const char *prefix, const char *name,
		    const struct avl_tensor *tensor, struct avl_err *err)
{
	char full[NAME_MAX_BYTES];
	if (tensors->count == tensors->room) {
		const int room = 2 * tensors->room + 64;
		void *const at = realloc(tensors->at, (size_t)room * sizeof *tensors->at);
		if (!at)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		tensors->at = at;
		tensors->room = room;
	}
	const int n = snprintf(full, sizeof full, "%s%s", prefix, name);
	struct avl_safetensor *const one = &tensors->at[tensors->count];
	one->name = avl_arena_text(&tensors->memory, full, (size_t)n);
	one->tensor = *tensor;
	if (!one->name)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	tensors->count++;
	return 0;
}

static struct avl_tensor tensor_of(const struct avl_param *param, float *data)
{
	struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = param->ndim, .data = data};
	for (int i = 0; i < param->ndim; i++)
		tensor.dim[i] = param->dim[i];
	return tensor;
}

int avl_tensors_add_param(struct avl_tensors *to, const char *prefix, const struct avl_param *param,
			  struct avl_err *err)
{
	const char *const prefixes[] = {prefix, AVL_MOMENT_FIRST, AVL_MOMENT_SECOND};
	float *const data[] = {param->value, param->first, param->second};
	int code = 0;
	for (int i = 0; i < (param->frozen ? 1 : 3) && !code; i++) {
		const struct avl_tensor tensor = tensor_of(param, data[i]);
		if (data[i])
			code = avl_tensors_add(to, prefixes[i], param->name, &tensor, err);
	}
	return code;
}

/* The largest power of two, up to 64, that divides the tensor's size. */
static size_t alignment(const struct avl_tensor *tensor)
{
	const size_t bytes = avl_tensor_count(tensor) * avl_dtype_size(tensor->dtype);
	const size_t power = bytes & -bytes;
	return power == 0 || power > AVL_ALIGN ? AVL_ALIGN : power;
}

/* Files have no holes: in the order of their alignments all tensors lie at multiples of it. Names
 * decide among equals, so that the order does not depend on where a tensor came from. */
static int in_order(const void *a, const void *b)
{
	const struct avl_safetensor *const x = a, *const y = b;
	const size_t left = alignment(&x->tensor), right = alignment(&y->tensor);
	if (left != right)
		return left < right ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int has(const struct avl_tensors *tensors, const char *name)
{
	for (int i = 0; i < tensors->count; i++)
		if (!strcmp(tensors->at[i].name, name))
			return 1;
	return 0;
}

/* What INIT holds and MADE does not replace, then MADE; how many. LIST has room for all. */
static int collect(struct avl_safetensor *list, const struct avl_safetensors *init, int fresh,
		   const struct avl_tensors *made)
{
	int n = 0;
	for (int i = 0; i < avl_safetensors_count(init); i++) {
		const struct avl_safetensor *const t = avl_safetensors_at(init, i);
		const int is_left =
		    begins(t->name, "optim.") || begins(t->name, "online.") ||
		    (fresh && (begins(t->name, "class_map.") || begins(t->name, "sound_fc"))) ||
		    strlen(t->name) >= NAME_MAX_BYTES;
		if (!is_left && !has(made, t->name))
			list[n++] = *t;
	}
	for (int i = 0; i < made->count; i++)
		list[n++] = made->at[i];
	qsort(list, (size_t)n, sizeof *list, in_order);
	return n;
}

static char *dump_training(const struct avl_training *training)
{
	struct avl_json *const object = avl_json_object(), *const best = avl_json_object();
	int rc = avl_json_set_number(object, "format", FORMAT) ||
		 avl_json_set_number(object, "step", (double)training->step) ||
		 avl_json_set(object, "settings", avl_json_copy(training->settings));
	if (!rc && training->best_step)
		rc = avl_json_set_number(best, "step", (double)training->best_step) ||
		     avl_json_set_number(best, "loss", training->best_loss) ||
		     avl_json_set(object, "best", avl_json_copy(best));
	char *const text = rc ? NULL : avl_json_dump(object, NULL);
	avl_json_free(best);
	avl_json_free(object);
	return text;
}

static struct avl_json *make_metadata(const struct avl_safetensors *init, const char *contract,
				      int fresh, const struct avl_training *training)
{
	const struct avl_json *const before = avl_safetensors_metadata(init);
	struct avl_json *const metadata = before ? avl_json_copy(before) : avl_json_object();
	char *const text = dump_training(training);
	if (metadata)
		avl_json_remove(metadata, "avl.sure");
	if (metadata && fresh)
		avl_json_remove(metadata, "avl.classes");
	const int rc = !text || avl_json_set_string(metadata, "avl.contract", contract) ||
		       avl_json_set_string(metadata, "avl.training", text);
	free(text);
	if (!rc)
		return metadata;
	avl_json_free(metadata);
	return NULL;
}

int avl_checkpoint_write(int fd, const struct avl_safetensors *init, const char *contract,
			 int fresh, const struct avl_tensors *made,
			 const struct avl_training *training, struct avl_err *err)
{
	const size_t room = (size_t)(avl_safetensors_count(init) + made->count + 1);
	struct avl_safetensor *const list = calloc(room, sizeof *list);
	struct avl_json *const metadata = make_metadata(init, contract, fresh, training);
	const int rc =
	    list && metadata
		? avl_safetensors_write(fd, list, collect(list, init, fresh, made), metadata, err)
		: avl_fail(err, AVL_ENOMEM, "out of memory");
	avl_json_free(metadata);
	free(list);
	return rc;
}

/* --- reading --- */

int avl_training_read(struct avl_training *training, const struct avl_safetensors *file,
		      struct avl_err *err)
{
	struct avl_json *object;
	const char *const text = avl_safetensors_meta(file, "avl.training");
	*training = (struct avl_training){0};
	if (!text)
		return avl_fail(err, AVL_ENONE, "is a model without a state of training");
	const int rc = avl_json_parse(&object, text, strlen(text), err);
	if (rc)
		return rc;
	const struct avl_json *const best = avl_json_get(object, "best");
	training->step = avl_json_integer(object, "step", -1);
	training->best_step = avl_json_integer(best, "step", 0);
	training->best_loss = avl_json_number(best, "loss", INFINITY);
	training->settings = avl_json_copy(avl_json_get(object, "settings"));
	const int64_t format = avl_json_integer(object, "format", 0);
	avl_json_free(object);
	if (format == FORMAT && training->step >= 0 &&
	    avl_json_type(training->settings) == AVL_JSON_OBJECT)
		return 0;
	avl_json_free(training->settings);
	training->settings = NULL;
	return avl_fail(err, AVL_EFORMAT, "its state of training is not one of this program");
}

int avl_moment_read(const struct avl_safetensors *file, const char *prefix, const char *name,
		    size_t count, float *moment, struct avl_err *err)
{
	char full[NAME_MAX_BYTES];
	snprintf(full, sizeof full, "%s%s", prefix, name);
	const struct avl_safetensor *const found = avl_safetensors_find(file, full);
	if (!found || found->tensor.dtype != AVL_F4 || avl_tensor_count(&found->tensor) != count)
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is missing or does not fit", full);
	memcpy(moment, found->tensor.data, count * sizeof *moment);
	return 0;
}

int avl_moments_read(struct avl_param *param, int nparams, const struct avl_safetensors *file,
		     struct avl_err *err)
{
	int rc = 0;
	for (int i = 0; i < nparams && !rc; i++) {
		struct avl_param *const p = &param[i];
		if (p->frozen)
			continue;
		rc = avl_moment_read(file, AVL_MOMENT_FIRST, p->name, p->count, p->first, err);
		if (!rc && p->second)
			rc = avl_moment_read(file, AVL_MOMENT_SECOND, p->name, p->count, p->second,
					     err);
	}
	return rc;
}
