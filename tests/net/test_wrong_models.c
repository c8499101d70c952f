/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "net/model.h"

/* The default model with one thing changed must not open, and say why in one line. */

static void expect_line(int code, const struct avl_err *err, const char *message)
{
	cr_expect_lt(code, 0, "opens: %s", message);
	cr_expect(strstr(err->text, message), "'%s' lacks '%s'", err->text, message);
	cr_expect(!strchr(err->text, '\n') && err->text[0] && strlen(err->text) < 300, "'%s'",
		  err->text);
}

static void refuse_path(const char *path, const char *message)
{
	struct avl_model *model = NULL;
	struct avl_err err = {0};
	const int code = avl_model_open(&model, path, AVL_FP32, NULL, &err);
	expect_line(code, &err, message);
	cr_expect_null(model);
}

static void refuse(const struct parts *parts, const char *message)
{
	char path[64];
	FILE *const file = parts_write(parts, path);
	refuse_path(path, message);
	fclose(file);
}

/* In the metadata entry NAME, TO for FROM. */
static void change_metadata(struct parts *parts, const char *name, const char *from, const char *to)
{
	const char *const text = avl_json_string(parts->metadata, name, "");
	const char *const at = strstr(text, from);
	cr_assert_not_null(at, "'%s' lacks '%s'", text, from);
	char *const changed = malloc(strlen(text) + strlen(to) + 1);
	sprintf(changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	avl_json_set_string(parts->metadata, name, changed);
	free(changed);
}

/* Changed so, refused; and back. */
static void refuse_metadata(struct parts *parts, const char *name, const char *from, const char *to,
			    const char *message)
{
	char *const text = strdup(avl_json_string(parts->metadata, name, ""));
	change_metadata(parts, name, from, to);
	refuse(parts, message);
	avl_json_set_string(parts->metadata, name, text);
	free(text);
}

static struct parts whole(void)
{
	struct parts parts;
	struct avl_safetensors *const file = default_open();
	parts_copy(&parts, file);
	avl_safetensors_close(file);
	return parts;
}

Test(wrong_models, other_contracts)
{
	static const struct {
		const char *from, *to, *message;
	} cases[] = {
	    {"efficientnet_lite0+yamnet", "resnet18+yamnet", "'image.conv1.weight' is missing"},
	    {"efficientnet_lite0+yamnet", "efficientnet_lite0", "unknown architecture"},
	    {"efficientnet_lite0+yamnet", "yamnet+efficientnet_lite0", "unknown architecture"},
	    {"efficientnet_lite0+yamnet", "yamnet+yamnet", "unknown architecture"},
	    {"efficientnet_lite0+yamnet", "+", "unknown architecture '+'"},
	    {"\"front_end\":\"yamnet\"", "\"front_end\":\"ears\"", "'ears'"},
	    {"\"rate_hz\":16000", "\"rate_hz\":22050", "22050"},
	    {"\"height\":448", "\"height\":0", "height"},
	    {"\"score\":\"class\"", "\"score\":\"guess\"", "guess"},
	    {"\"pool\":\"max\"", "\"pool\":\"sum\"", "sum"},
	    {"{\"arch\"", "{\"ark\"", "arch"},
	    {"\"class\"}", "\"class\"", ""},
	};
	struct parts parts = whole();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		refuse_metadata(&parts, "avl.contract", cases[i].from, cases[i].to,
				cases[i].message);
	refuse_metadata(&parts, "avl.classes", "[\"Speech\",", "[", "520 class names for 521");
	refuse_metadata(&parts, "avl.classes", "[", "", "bad JSON");
	avl_json_remove(parts.metadata, "avl.contract");
	refuse(&parts, "contract");
	parts_release(&parts);
}

Test(wrong_models, missing_tensors)
{
	static const char *const names[] = {
	    "image._conv_stem.weight",
	    "image._blocks.7._bn2.running_var",
	    "sound.layer14.pointwise_conv.bn.bias",
	    "image._fc.weight",
	    "sound_fc2.weight",
	    "sound_fc1.weight",
	};
	struct parts parts = whole();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char message[128];
		struct avl_safetensor *const part = parts_find(&parts, names[i]);
		const char *const name = part->name;
		snprintf(message, sizeof message, "tensor '%s' is missing", names[i]);
		part->name = "another";
		refuse(&parts, message);
		part->name = name;
	}
	parts_release(&parts);
}

Test(wrong_models, tensors_of_another_shape)
{
	static const struct {
		const char *name;
		int ndim;
		int64_t dim[4];
	} cases[] = {
	    {"image._conv_head.weight", 4, {320, 1280, 1, 1}},
	    {"image._conv_head.weight", 1, {1000}},
	    {"image._bn1.running_var", 1, {1279}},
	    {"sound.layer1.conv.weight", 4, {32, 3, 3, 1}},
	    {"sound_fc1.weight", 2, {1024, 521}},
	    {"sound_fc2.weight", 2, {521, 1280}},
	    {"image._fc.weight", 2, {1280, 1000}},
	    {"image._fc.bias", 1, {999}},
	    {"class_map.weight", 1, {520}},
	    {"class_map.person_row", 2, {1280, 1}},
	};
	struct parts parts = whole();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct avl_tensor *const t = &parts_find(&parts, cases[i].name)->tensor;
		const struct avl_tensor before = *t;
		char stem[64];
		snprintf(stem, sizeof stem, "%s", cases[i].name);
		*strrchr(stem, '.') = 0;
		t->ndim = cases[i].ndim;
		memcpy(t->dim, cases[i].dim, sizeof cases[i].dim);
		refuse(&parts, stem);
		*t = before;
	}
	parts_release(&parts);
}

Test(wrong_models, a_class_map_is_needed_to_score_with_it)
{
	static const char *const names[] = {"class_map.pairs", "class_map.weight",
					    "class_map.person", "class_map.person_row"};
	struct parts parts = whole();
	for (int i = 0; i < 4; i++)
		parts_remove(&parts, names[i]);
	refuse(&parts, "classifier");
	change_metadata(&parts, "avl.contract", "\"score\":\"class\"", "\"score\":\"dot\"");
	char path[64];
	struct avl_model *model;
	struct avl_err err = {0};
	FILE *const file = parts_write(&parts, path);
	cr_assert_eq(avl_model_open(&model, path, AVL_FP32, NULL, &err), 0, "%s", err.text);
	cr_expect_eq(avl_model_can_score(model, AVL_SCORE_DOT, &err), 0);
	expect_line(avl_model_can_score(model, AVL_SCORE_CLASS, &err), &err, "classifier");
	avl_model_close(model);
	fclose(file);
	parts_release(&parts);
}

/* The first N bytes of the default model, a bit of byte FLIP turned where that is not 0. */
static void refuse_bytes(const char *bytes, size_t n, size_t flip, const char *message)
{
	char path[64];
	FILE *const file = tmpfile();
	fwrite(bytes, 1, n, file);
	if (flip) {
		fseek(file, (long)flip, SEEK_SET);
		fputc(bytes[flip] ^ 1, file);
	}
	fflush(file);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
	refuse_path(path, message);
	fclose(file);
}

Test(wrong_models, damaged_files)
{
	FILE *const from = fopen(tree_path("lib/share/default.safetensors"), "rb");
	cr_assert_not_null(from);
	fseek(from, 0, SEEK_END);
	const size_t n = (size_t)ftell(from);
	char *const bytes = malloc(n);
	rewind(from);
	cr_assert_eq(fread(bytes, 1, n, from), n);
	fclose(from);
	refuse_bytes(bytes, 0, 0, "");
	refuse_bytes(bytes, 7, 0, "");
	refuse_bytes(bytes, 1000, 0, "");
	refuse_bytes(bytes, n / 2, 0, "");
	refuse_bytes(bytes, n - 1, 0, "");
	refuse_bytes(bytes, n, n / 2, "digest");
	refuse_bytes(bytes, n, n - 1, "digest");
	free(bytes);
	refuse_path(tree_path("lib/share/NOTICE"), "");
	refuse_path(tree_path("lib/share"), "");
	refuse_path(tree_path("lib/share/none.safetensors"), "No such file");
}
