/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define FIRST  "optim.first."
#define SECOND "optim.second."

enum { FORMAT = 1, NAME_MAX_BYTES = 128 };

struct list {
	struct avl_safetensor *tensor;
	int n, room;
	struct avl_arena names;
};

char *avl_checkpoint_contract(const struct avl_safetensors *init, const char *score,
			      double temperature, int fresh)
{
	struct avl_err err;
	struct avl_json *contract;
	const char *const text = avl_safetensors_meta(init, "avl.contract");
	if (!text || avl_json_parse(&contract, text, strlen(text), &err))
		return NULL;
	int rc = avl_json_set_string(contract, "score", score) ||
		 avl_json_set_number(contract, "temperature", temperature);
	if (!rc && fresh && !avl_json_get(contract, "head"))
		rc = avl_json_set(contract, "head", avl_json_object());
	if (!rc && fresh) {
		struct avl_json *const head = avl_json_get(contract, "head");
		rc = avl_json_set_string(head, "activation", "relu") ||
		     avl_json_set_number(head, "floor", 0);
	}
	char *const changed = rc ? NULL : avl_json_dump(contract, NULL);
	avl_json_free(contract);
	return changed;
}

/* --- writing --- */

static const struct avl_param *find_param(const struct avl_param *param, int nparams,
					  const char *name)
{
	for (int i = 0; i < nparams; i++)
		if (param[i].count && !strcmp(param[i].name, name))
			return &param[i];
	return NULL;
}

static int begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static int add(struct list *list, const char *prefix, const char *name,
	       const struct avl_tensor *tensor)
{
	char full[NAME_MAX_BYTES];
	const int n = snprintf(full, sizeof full, "%s%s", prefix, name);
	list->tensor[list->n].name = avl_arena_text(&list->names, full, (size_t)n);
	list->tensor[list->n].tensor = *tensor;
	return list->tensor[list->n++].name ? 0 : AVL_ENOMEM;
}

static struct avl_tensor tensor_of(const struct avl_param *param, float *data)
{
	struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = param->ndim, .data = data};
	for (int i = 0; i < param->ndim; i++)
		tensor.dim[i] = param->dim[i];
	return tensor;
}

static int add_param(struct list *list, const struct avl_param *param)
{
	const struct avl_tensor value = tensor_of(param, param->value);
	int rc = add(list, "", param->name, &value);
	if (param->frozen || rc)
		return rc;
	const struct avl_tensor first = tensor_of(param, param->first);
	rc = add(list, FIRST, param->name, &first);
	if (rc || !param->second)
		return rc;
	const struct avl_tensor second = tensor_of(param, param->second);
	return add(list, SECOND, param->name, &second);
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

static int collect(struct list *list, const struct avl_safetensors *init, int fresh,
		   const struct avl_param *param, int nparams)
{
	for (int i = 0; i < avl_safetensors_count(init); i++) {
		const struct avl_safetensor *const t = avl_safetensors_at(init, i);
		const struct avl_param *const trained = find_param(param, nparams, t->name);
		if ((trained && !(trained->frozen && !fresh)) || begins(t->name, "optim.") ||
		    (fresh && (begins(t->name, "class_map.") || begins(t->name, "sound_fc"))) ||
		    strlen(t->name) >= NAME_MAX_BYTES)
			continue;
		if (add(list, "", t->name, &t->tensor))
			return AVL_ENOMEM;
	}
	for (int i = 0; i < nparams; i++) {
		const int kept =
		    param[i].frozen && !fresh && avl_safetensors_find(init, param[i].name) != NULL;
		if (param[i].count && !kept && add_param(list, &param[i]))
			return AVL_ENOMEM;
	}
	qsort(list->tensor, (size_t)list->n, sizeof *list->tensor, in_order);
	return 0;
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
			 int fresh, const struct avl_param *param, int nparams,
			 const struct avl_training *training, struct avl_err *err)
{
	struct list list = {.room = avl_safetensors_count(init) + 3 * nparams};
	avl_arena_init(&list.names, 0);
	list.tensor = avl_alloc((size_t)list.room, sizeof *list.tensor);
	struct avl_json *const metadata = make_metadata(init, contract, fresh, training);
	int rc = list.tensor && metadata && !collect(&list, init, fresh, param, nparams)
		     ? 0
		     : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (!rc)
		rc = avl_safetensors_write(fd, list.tensor, list.n, metadata, err);
	avl_json_free(metadata);
	avl_arena_release(&list.names);
	free(list.tensor);
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

static int read_moment(const struct avl_param *param, const char *prefix, float *moment,
		       const struct avl_safetensors *file, struct avl_err *err)
{
	char name[NAME_MAX_BYTES];
	snprintf(name, sizeof name, "%s%s", prefix, param->name);
	const struct avl_safetensor *const found = avl_safetensors_find(file, name);
	if (!found || found->tensor.dtype != AVL_F4 ||
	    avl_tensor_count(&found->tensor) != param->count)
		return avl_fail(err, AVL_ESHAPE, "tensor '%s' is missing or does not fit", name);
	memcpy(moment, found->tensor.data, param->count * sizeof *moment);
	return 0;
}

int avl_moments_read(struct avl_param *param, int nparams, const struct avl_safetensors *file,
		     struct avl_err *err)
{
	int rc = 0;
	for (int i = 0; i < nparams && !rc; i++) {
		if (param[i].frozen)
			continue;
		rc = read_moment(&param[i], FIRST, param[i].first, file, err);
		if (!rc && param[i].second)
			rc = read_moment(&param[i], SECOND, param[i].second, file, err);
	}
	return rc;
}
