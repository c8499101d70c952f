/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/safetensors.h"
#include "io/sink.h"

/* Every byte of every tensor must be there to read. */
static unsigned sum_of(const struct avl_safetensors *file)
{
	unsigned sum = 0;
	for (int i = 0; i < avl_safetensors_count(file); i++) {
		const struct avl_safetensor *const t = avl_safetensors_at(file, i);
		const size_t n = avl_tensor_count(&t->tensor) * avl_dtype_size(t->tensor.dtype);
		FUZZ_CHECK((uintptr_t)t->tensor.data % avl_dtype_size(t->tensor.dtype) == 0);
		FUZZ_CHECK(avl_safetensors_find(file, t->name) == t);
		for (size_t k = 0; k < n; k++)
			sum += ((const uint8_t *)t->tensor.data)[k];
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct avl_safetensors *file;
	struct avl_err err = {0};
	char path[64];
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && !avl_write_all(fd, data, size, NULL));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (avl_safetensors_open(&file, path, &err)) {
		FUZZ_CHECK(err.code < 0 && !strchr(err.text, '\n'));
	} else {
		volatile unsigned sum = sum_of(file);
		(void)sum;
		(void)avl_safetensors_meta(file, "avl.digest");
		avl_safetensors_close(file);
	}
	close(fd);
	return 0;
}
