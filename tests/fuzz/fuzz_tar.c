/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fuzz.h"
#include "io/record.h"
#include "io/tar.h"

/* Input of less than a block is filled with zeros and given a good sum, which no fuzzer guesses. */
static void make_block(const uint8_t *data, size_t size, unsigned char block[AVL_TAR_BLOCK])
{
	memset(block, 0, AVL_TAR_BLOCK);
	memcpy(block, data, size < AVL_TAR_BLOCK ? size : AVL_TAR_BLOCK);
	if (size >= AVL_TAR_BLOCK)
		return;
	unsigned sum = 8 * ' ';
	for (int i = 0; i < AVL_TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	for (int i = 153; i >= 148; i--, sum >>= 3)
		block[i] = (unsigned char)('0' + (sum & 7));
	block[154] = 0;
	block[155] = ' ';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char block[AVL_TAR_BLOCK], written[AVL_TAR_BLOCK];
	struct avl_tar_entry entry, again;
	struct avl_err err = {0};
	char key[AVL_KEY_MAX + 1], suffix[AVL_SUFFIX_MAX + 1];
	make_block(data, size, block);
	const int rc = avl_tar_decode(block, &entry, &err);
	if (rc < 0)
		FUZZ_CHECK(err.code < 0 && !strchr(err.text, '\n'));
	if (rc <= 0)
		return 0;
	FUZZ_CHECK(strlen(entry.name) <= AVL_TAR_NAME_MAX);
	if (!avl_tar_encode(entry.name, entry.size, written, NULL)) {
		FUZZ_CHECK(avl_tar_decode(written, &again, NULL) == 1);
		FUZZ_CHECK(!strcmp(again.name, entry.name) && again.size == entry.size);
	}
	if (!avl_name_split(entry.name, key, suffix, NULL))
		FUZZ_CHECK(avl_key_valid(key) && avl_suffix_valid(suffix));
	return 0;
}
