/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fuzz.h"
#include "io/npy.h"

/* What is read must lie inside the input, and must come back from the header written for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct avl_tensor tensor, again;
	struct avl_err err = {0};
	unsigned char header[AVL_NPY_HEADER_MAX + 1];
	if (avl_npy_parse(data, size, &tensor, &err)) {
		FUZZ_CHECK(err.code < 0 && err.text[0] && !strchr(err.text, '\n'));
		return 0;
	}
	const size_t n = avl_tensor_count(&tensor) * avl_dtype_size(tensor.dtype);
	FUZZ_CHECK((const uint8_t *)tensor.data + n == data + size);
	const size_t nheader = avl_npy_header(&tensor, header);
	FUZZ_CHECK(nheader % 64 == 0 && nheader <= AVL_NPY_HEADER_MAX);
	const int rc = avl_npy_parse(header, nheader, &again, NULL);
	FUZZ_CHECK(rc == 0 || n > 0);
	FUZZ_CHECK(rc != 0 || avl_tensor_is(&again, tensor.dtype, tensor.ndim, tensor.dim));
	return 0;
}
