/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/contract.h"
#include "io/json.h"

/* The double with the fewest digits that becomes VALUE as a float: 123.675, not 123.675003. */
static double short_double(float value)
{
	char text[32];
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
		if ((float)strtod(text, NULL) == value)
			break;
	}
	return strtod(text, NULL);
}

static int set_triple(struct avl_json *object, const char *name, const float value[3])
{
	const double number[] = {short_double(value[0]), short_double(value[1]),
				 short_double(value[2])};
	return avl_json_set_numbers(object, name, number, 3);
}

/* Puts MEMBER, which is freed where RC or putting it says failure. */
static int put(struct avl_json *object, const char *name, struct avl_json *member, int rc)
{
	if (!rc)
		return avl_json_set(object, name, member);
	avl_json_free(member);
	return rc;
}

static int set_frame(struct avl_json *root, const struct avl_contract *contract)
{
	struct avl_json *const frame = avl_json_object();
	const char *const arithmetic = avl_arithmetic_name(contract->frame.arithmetic);
	int rc = avl_json_set_number(frame, "height", contract->frame.height);
	if (!rc)
		rc = avl_json_set_number(frame, "width", contract->frame.width);
	if (!rc)
		rc = avl_json_set_string(frame, "fit", avl_fit_name(contract->frame.fit));
	if (!rc)
		rc = avl_json_set_string(frame, "kernel",
					 avl_contract_kernel_name(contract->frame.kernel));
	if (!rc && contract->frame.arithmetic != AVL_ARITHMETIC_BYTES)
		rc = avl_json_set_string(frame, "arithmetic", arithmetic);
	if (!rc)
		rc = set_triple(frame, "mean", contract->frame.mean);
	if (!rc)
		rc = set_triple(frame, "std", contract->frame.std);
	return put(root, "frame", frame, rc);
}

static int set_sound(struct avl_json *root, const struct avl_contract *contract)
{
	struct avl_json *const sound = avl_json_object();
	int rc = avl_json_set_string(sound, "front_end", contract->sound.front_end);
	if (!rc)
		rc = avl_json_set_number(sound, "rate_hz", contract->sound.rate_hz);
	if (!rc)
		rc = avl_json_set_number(sound, "window_s", contract->sound.window_s);
	if (!rc)
		rc = avl_json_set_string(sound, "anchor", avl_anchor_name(contract->sound.anchor));
	if (!rc)
		rc = avl_json_set_string(sound, "fill", avl_fill_name(contract->sound.fill));
	if (!rc && contract->sound.channel != AVL_CHANNEL_MIX)
		rc = avl_json_set_string(sound, "channel",
					 avl_channel_name(contract->sound.channel));
	return put(root, "sound", sound, rc);
}

static int set_head(struct avl_json *root, const struct avl_contract *contract)
{
	struct avl_json *const head = avl_json_object();
	int rc = 0;
	if (contract->head.kind != AVL_HEAD_FC)
		rc = avl_json_set_string(head, "kind", avl_head_kind_name(contract->head.kind));
	if (!rc && contract->head.count != 1)
		rc = avl_json_set_number(head, "count", contract->head.count);
	if (!rc && contract->head.layers > 2)
		rc = avl_json_set_number(head, "layers", contract->head.layers);
	if (!rc)
		rc = avl_json_set_string(head, "activation",
					 avl_activation_name(contract->head.activation));
	if (!rc)
		rc = avl_json_set_number(head, "floor", contract->head.floor);
	if (!rc)
		rc = avl_json_set_string(head, "pool", avl_contract_pool_name(contract->head.pool));
	return put(root, "head", head, rc);
}

char *avl_contract_write(const struct avl_contract *contract)
{
	struct avl_json *const root = avl_json_object();
	char *text = NULL;
	int rc = avl_json_set_string(root, "arch", contract->arch);
	if (!rc && *contract->preset)
		rc = avl_json_set_string(root, "preset", contract->preset);
	if (!rc)
		rc = set_frame(root, contract);
	if (!rc)
		rc = set_sound(root, contract);
	if (!rc)
		rc = set_head(root, contract);
	if (!rc)
		rc = avl_json_set_string(root, "score", avl_score_name(contract->score));
	if (!rc && contract->temperature != 1)
		rc = avl_json_set_number(root, "temperature", contract->temperature);
	if (!rc)
		text = avl_json_dump(root, NULL);
	avl_json_free(root);
	return text;
}
