/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/model.h"
#include "net/front_end.h"
#include "net/parameters.h"
#include "net/preset.h"

enum { WIDTH = 80, INDENT = 15 };

/* LABEL and the text behind it, filled to lines. */
static void __attribute__((format(printf, 2, 3))) row(const char *label, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	avl_disarm(text);
	int at = printf("  %-*s", INDENT - 2, label);
	for (const char *word = text; *word;) {
		const size_t n = strcspn(word, " ");
		if (at > INDENT && at + 1 + (int)n > WIDTH) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		} else if (at > INDENT) {
			putchar(' ');
			at++;
		}
		fwrite(word, 1, n, stdout);
		at += (int)n;
		word += n + (word[n] != 0);
	}
	putchar('\n');
}

static void show_picture(const struct avl_contract *c)
{
	const float *const m = c->frame.mean, *const s = c->frame.std;
	const char *const how = c->frame.fit == AVL_FIT_CROP
				    ? "the middle of the frame, whose short side is resized to"
				    : "the whole frame, stretched to";
	row("picture", "%s %d x %d with an antialiased %s filter%s", how, c->frame.width,
	    c->frame.height, avl_contract_kernel_name(c->frame.kernel),
	    c->frame.arithmetic == AVL_ARITHMETIC_FLOATS ? ", neither rounded nor clipped" : "");
	row("", "then ((R, G, B) - (%g, %g, %g)) / (%g, %g, %g)", (double)m[0], (double)m[1],
	    (double)m[2], (double)s[0], (double)s[1], (double)s[2]);
}

static void show_sound(const struct avl_contract *c)
{
	static const char *const anchors[] = {
	    [AVL_ANCHOR_CENTRE] = "centred on the record's time",
	    [AVL_ANCHOR_START] = "from the record's time on",
	    [AVL_ANCHOR_WHOLE] = "the whole sound",
	};
	const struct avl_sound_kind *const kind = avl_sound_kind_find(c->sound.front_end);
	char rate[64], window[64];
	snprintf(rate, sizeof rate, "%d Hz", c->sound.rate_hz);
	snprintf(window, sizeof window, "%g s, ", c->sound.window_s);
	row("sound", "%s at %s; %s%s; where it is shorter, %s",
	    c->sound.channel == AVL_CHANNEL_FIRST ? "the first channel" : "all channels mixed",
	    c->sound.rate_hz ? rate : "the rate it has", c->sound.window_s > 0 ? window : "",
	    anchors[c->sound.window_s > 0 ? c->sound.anchor : AVL_ANCHOR_WHOLE],
	    c->sound.fill == AVL_FILL_TILE ? "it is repeated" : "zeros follow");
	row("", "front end %s: %s", c->sound.front_end, kind ? kind->words : "unknown here");
	if (kind && kind->cut != AVL_CUT_NONE)
		row("",
		    "a record that holds more than the window (avl-extract -w all, and pictures "
		    "with a sound) is cut by the front end");
}

static void show_head(const struct avl_contract *c)
{
	static const char *const activations[] = {
	    [AVL_ACTIVATION_NONE] = "nothing",
	    [AVL_ACTIVATION_RELU] = "a ReLU",
	    [AVL_ACTIVATION_SIGMOID] = "a sigmoid",
	    [AVL_ACTIVATION_TANH] = "a tanh",
	};
	char below[64];
	snprintf(below, sizeof below, ", what is at or below %g dropped", c->head.floor);
	switch (c->head.kind) {
	case AVL_HEAD_FC:
		row("head",
		    "%s fully connected layers make the sound's feature its embedding; behind "
		    "the first %s%s and the %s over patches",
		    c->head.layers == 3 ? "three" : "two", activations[c->head.activation],
		    c->head.floor > 0 ? below : "",
		    c->head.pool == AVL_POOL_MAX ? "maximum" : "mean");
		break;
	case AVL_HEAD_LINEAR:
		row("head",
		    "%s the sound's feature its embedding, and %s applied to the picture's%s",
		    c->head.count > 1 ? "fully connected layers make"
				      : "a fully connected layer makes",
		    c->head.count > 1 ? "1x1 convolutions are" : "a 1x1 convolution is",
		    c->head.count > 1 ? "; the scores of the heads are averaged" : "");
		break;
	case AVL_HEAD_NONE:
		row("head", "none: the sound's feature is its embedding");
		break;
	}
}

static void show_score(const struct avl_contract *c)
{
	static const char *const words[] = {
	    [AVL_SCORE_DOT] = "the inner product of the embedding with the picture's feature",
	    [AVL_SCORE_RELU] = "the inner product, negative ones dropped",
	    [AVL_SCORE_COSINE] = "the cosine of the embedding and the picture's feature",
	    [AVL_SCORE_CLASS] = "how likely the picture's classes are that go with the sound's",
	    [AVL_SCORE_COSINE_RELU] = "the cosine, negative ones dropped",
	};
	if (c->temperature == 1)
		row("score", "%s: %s", avl_score_name(c->score), words[c->score]);
	else
		row("score", "%s: %s; in training divided by a temperature of %g",
		    avl_score_name(c->score), words[c->score], c->temperature);
}

static void show_contract(const struct avl_contract *c)
{
	const struct avl_preset *const preset = avl_preset_find(c->preset);
	row("architecture", "%s", c->arch);
	if (*c->preset)
		row("preset", "%s%s%s", c->preset, preset ? ": " : "",
		    preset ? preset->summary : "");
	show_picture(c);
	show_sound(c);
	show_head(c);
	show_score(c);
}

/* "name x, version 1" of an object, or the text that it is. */
static void show_origin(const char *label, const char *name, const struct avl_json *value)
{
	char line[2048] = "";
	size_t at = 0;
	const char *member;
	struct avl_json *part;
	for (void *walk = NULL; avl_json_next(value, &walk, &member, &part);) {
		char *const text = avl_json_type(part) == AVL_JSON_STRING
				       ? strdup(avl_json_string(value, member, ""))
				       : avl_json_dump(part, NULL);
		if (at < sizeof line)
			at += (size_t)snprintf(line + at, sizeof line - at, "%s%s %s",
					       at ? ", " : "", member, text ? text : "");
		free(text);
	}
	if (avl_json_type(value) == AVL_JSON_OBJECT)
		row(label, "%s: %s", name, line);
}

static void show_provenance(const struct avl_safetensors *file)
{
	const char *const text = avl_safetensors_meta(file, "avl.provenance");
	const char *const licence = avl_safetensors_meta(file, "avl.licence");
	struct avl_json *root = NULL;
	const char *name, *label = "provenance";
	struct avl_json *value;
	if (!text || avl_json_parse(&root, text, strlen(text), NULL)) {
		row("provenance", "%s", text ? text : "the file does not say");
	} else {
		for (void *at = NULL; avl_json_next(root, &at, &name, &value); label = "")
			if (avl_json_type(value) == AVL_JSON_OBJECT) {
				show_origin(label, name, value);
			} else {
				char *const plain = avl_json_type(value) == AVL_JSON_STRING
							? strdup(avl_json_string(root, name, ""))
							: avl_json_dump(value, NULL);
				row(label, "%s %s", name, plain ? plain : "");
				free(plain);
			}
	}
	if (licence)
		row("licence", "%s", licence);
	avl_json_free(root);
}

/* Values of the tensors whose names begin with PREFIX; all others where PREFIX is NULL. */
static size_t count_values(const struct avl_safetensors *file, const char *prefix)
{
	size_t values = 0;
	for (int i = 0; i < avl_safetensors_count(file); i++) {
		const struct avl_safetensor *const t = avl_safetensors_at(file, i);
		const int is_net = !strncmp(t->name, "image.", 6) || !strncmp(t->name, "sound.", 6);
		if (prefix ? !strncmp(t->name, prefix, strlen(prefix)) : !is_net)
			values += avl_tensor_count(&t->tensor);
	}
	return values;
}

/* Units of a fully connected layer; 0: it is none. */
static int rows_of(const struct avl_safetensor *weight)
{
	const int is_matrix = weight && weight->tensor.ndim == 2;
	return is_matrix && weight->tensor.dim[0] < 1 << 20 ? (int)weight->tensor.dim[0] : 0;
}

/* What the architecture needs and the file has not, or has in another shape. */
static void show_fit(const struct avl_safetensors *file, const struct avl_contract *contract)
{
	struct avl_parameters list;
	struct avl_err err;
	const int hidden[] = {
	    rows_of(avl_safetensors_find(file, "sound_fc1.weight")),
	    rows_of(avl_safetensors_find(file, "sound_fc2.weight")),
	};
	if (avl_parameters_list(&list, contract, hidden, &err)) {
		avl_error("%s", err.text);
		return;
	}
	int bad = 0;
	for (int i = 0; i < list.count; i++) {
		const struct avl_parameter *const p = &list.at[i];
		const struct avl_safetensor *const t = avl_safetensors_find(file, p->name);
		if (p->for_training || (!t && p->may_be_absent))
			continue;
		if (t && avl_tensor_count(&t->tensor) == avl_parameter_count(p))
			continue;
		if (!bad)
			avl_error("tensor '%s' %s", p->name,
				  t ? "has another shape than the architecture's" : "is missing");
		bad++;
	}
	row("complete", bad ? "no: %d tensors of the architecture are missing or misshapen" : "yes",
	    bad);
	avl_parameters_release(&list);
}

static void show_tensors(const struct avl_safetensors *file)
{
	const int n = avl_safetensors_count(file);
	size_t bytes = 0;
	for (int i = 0; i < n; i++) {
		const struct avl_tensor *const t = &avl_safetensors_at(file, i)->tensor;
		bytes += avl_tensor_count(t) * avl_dtype_size(t->dtype);
	}
	row("tensors", "%d, %zu bytes", n, bytes);
	row("values", "%zu of the image network, %zu of the sound network, %zu of heads and others",
	    count_values(file, "image."), count_values(file, "sound."), count_values(file, NULL));
}

static void list_tensors(const struct avl_safetensors *file)
{
	for (int i = 0; i < avl_safetensors_count(file); i++) {
		const struct avl_safetensor *const t = avl_safetensors_at(file, i);
		char name[512], shape[160];
		snprintf(name, sizeof name, "%s", t->name);
		avl_disarm(name);
		avl_tensor_describe(&t->tensor, shape, sizeof shape);
		printf("    %-52s %s\n", name, shape);
	}
}

void model_show(const char *path)
{
	struct avl_safetensors *file;
	struct avl_contract contract;
	struct avl_err err;
	if (avl_safetensors_open(&file, path, &err)) {
		avl_error("%s", err.text);
		return;
	}
	printf("%s\n", path);
	const int code = avl_contract_read(&contract, file, &err);
	if (code && code != AVL_ENONE)
		avl_error("'%s': %s", path, err.text);
	if (code)
		row("contract", code == AVL_ENONE ? "none: not a model of avl" : "damaged");
	else
		show_contract(&contract);
	show_provenance(file);
	row("digest", avl_safetensors_verified(file) ? "%s, verified" : "none",
	    avl_safetensors_verified(file) ? avl_safetensors_meta(file, "avl.digest") : "");
	show_tensors(file);
	if (!code)
		show_fit(file, &contract);
	if (avl_common.verbose)
		list_tensors(file);
	avl_safetensors_close(file);
}
