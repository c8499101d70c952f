/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/record.h"

/* The input as JSON: text that is read must be written, read and written again the same. */
static void check_json(const char *text, size_t n)
{
	struct avl_json *value, *again;
	struct avl_err err = {0};
	size_t n1, n2;
	if (avl_json_parse(&value, text, n, &err)) {
		FUZZ_CHECK(err.code < 0 && !strchr(err.text, '\n'));
		return;
	}
	char *const once = avl_json_dump(value, &n1);
	FUZZ_CHECK(once && !avl_json_parse(&again, once, n1, NULL));
	char *const twice = avl_json_dump(again, &n2);
	FUZZ_CHECK(twice && n1 == n2 && !memcmp(once, twice, n1));
	free(once);
	free(twice);
	avl_json_free(again);
	avl_json_free(value);
}

static void check_seal(const char *text, size_t n, const struct avl_record *record)
{
	struct avl_json *seal, *again;
	size_t length;
	char *sealed;
	if (avl_seal_parse(&seal, text, n, NULL))
		return;
	(void)avl_header_verify(seal, NULL);
	(void)avl_seal_verify(seal, record, NULL);
	FUZZ_CHECK(!avl_seal_dump(avl_json_copy(seal), &sealed, &length, NULL));
	/* an object that is empty without its sum has no comma before it: no seal */
	FUZZ_CHECK(!avl_seal_parse(&again, sealed, length, NULL) || !avl_json_size(seal));
	avl_json_free(again);
	avl_json_free(seal);
	free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const text = (const char *)data;
	struct avl_record record;
	avl_record_init(&record, 0);
	FUZZ_CHECK(!avl_record_put_bytes(&record, "t", "hi", 2, NULL));
	check_json(text, size);
	check_seal(text, size, &record);
	/* the same with the sum that belongs to it, which no fuzzer guesses */
	char *const sealed = malloc(size + 32);
	FUZZ_CHECK(sealed);
	memcpy(sealed, text, size);
	const int n =
	    sprintf(sealed + size, ",\"crc32\":%lu}", (unsigned long)avl_crc32(0, text, size));
	check_seal(sealed, size + (size_t)n, &record);
	free(sealed);
	avl_record_release(&record);
	return 0;
}
