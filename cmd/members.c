/* SPDX-License-Identifier: MIT */
#include "cmd/members.h"

#include <string.h>

bool avl_members_list(const char *list, const char *suffix)
{
	const size_t length = strcspn(suffix, ".");
	for (const char *at = list; at && *at;) {
		const size_t n = strcspn(at, ",");
		const bool whole = n == strlen(suffix) && !strncmp(at, suffix, n);
		if (whole || (n == length && !strncmp(at, suffix, n)))
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

void avl_members_drop(struct avl_record *record, const char *list)
{
	int kept = 0;
	for (int i = 0; i < record->nmembers; i++)
		if (!avl_members_list(list, record->member[i].suffix))
			record->member[kept++] = record->member[i];
	record->nmembers = kept;
}
