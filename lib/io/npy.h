/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_NPY_H
#define AVL_IO_NPY_H

#include <stddef.h>

#include "base/err.h"
#include "base/tensor.h"

/* NumPy's .npy: versions 1, 2 and 3 read, version 1 written; little-endian, C order, f4 f8 u1 i2
 * i4 i8 (and |b1 is refused like everything else, by name). */

/* The longest header that is written, and its size for a given shape is a multiple of 64. */
#define AVL_NPY_HEADER_MAX 512

/* Reads the header at BYTES and points *TENSOR at the data behind it, which must fill the N bytes
 * exactly. The tensor borrows BYTES. Data that does not lie on its natural alignment is still
 * valid here; the stream reader keeps payloads aligned. */
int avl_npy_parse(const void *bytes, size_t n, struct avl_tensor *tensor, struct avl_err *err);

/* Writes the version 1 header of TENSOR (only type and shape are looked at) into HEADER and
 * returns its size, a multiple of 64, as numpy.save writes it. */
size_t avl_npy_header(const struct avl_tensor *tensor, unsigned char header[AVL_NPY_HEADER_MAX]);

#endif
