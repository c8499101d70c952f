/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "io/record.h"

int avl_order_member(struct avl_order *order, const char *name, uint64_t size, struct avl_err *err)
{
	char key[AVL_KEY_MAX + 1];
	const int rc = avl_name_split(name, key, order->suffix, err);
	if (rc)
		return rc;
	if (!order->key[0]) {
		order->left = order->limit;
		if (!strcmp(order->last, key))
			return avl_fail(err, AVL_EFORMAT, "the record '%s' comes twice", key);
		strcpy(order->key, key);
	} else if (strcmp(order->key, key)) {
		return avl_fail(err, AVL_EFORMAT, "the record has no seal before '%s'", key);
	}
	const int is_seal = !strcmp(order->suffix, "json");
	if (size > (is_seal ? AVL_SEAL_MAX : order->left))
		return avl_fail(err, AVL_ELIMIT, "'%s' is too large (%llu bytes)", order->suffix,
				(unsigned long long)size);
	order->left -= is_seal ? 0 : (size_t)size;
	return is_seal;
}

void avl_order_close(struct avl_order *order)
{
	strcpy(order->last, order->key);
	order->key[0] = 0;
}

int avl_order_end(const struct avl_order *order, struct avl_err *err)
{
	return order->key[0] ? avl_fail(err, AVL_EFORMAT, "the record has no seal") : 0;
}

int avl_order_header(const struct avl_tar_entry *entry, int found, struct avl_err *err)
{
	if (!found || strcmp(entry->name, AVL_HEADER_NAME))
		return avl_fail(err, AVL_EFORMAT, "not an avl stream: '%s' is not there",
				AVL_HEADER_NAME);
	if (entry->size > AVL_SEAL_MAX)
		return avl_fail(err, AVL_ELIMIT, "the header is larger than %zu bytes",
				AVL_SEAL_MAX);
	return 0;
}

int avl_order_locate(const struct avl_order *order, const char *name, uint64_t offset, int rc,
		     struct avl_err *err)
{
	char where[sizeof err->text];
	if (!err)
		return rc;
	if (order->key[0])
		snprintf(where, sizeof where, "'%.160s': record '%s', byte %llu", name, order->key,
			 (unsigned long long)offset);
	else if (offset)
		snprintf(where, sizeof where, "'%.160s': byte %llu", name,
			 (unsigned long long)offset);
	else
		snprintf(where, sizeof where, "'%.160s'", name);
	return avl_fail_prefix(err, where);
}
