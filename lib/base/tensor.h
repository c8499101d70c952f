/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_TENSOR_H
#define AVL_BASE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a tensor's elements are. The stream carries the first six; F2 and BF2 (IEEE half and
 * bfloat16) occur in model files only. All are little-endian in files and in memory. */
enum avl_dtype { AVL_F4, AVL_F8, AVL_U1, AVL_I2, AVL_I4, AVL_I8, AVL_F2, AVL_BF2, AVL_DTYPES };

#define AVL_DIMS_MAX 8

/* A dense array in C order: the last dimension is contiguous. A tensor is a view; who owns the
 * data is said where the tensor comes from. No dimensions: one element. */
struct avl_tensor {
	enum avl_dtype dtype;
	int ndim;
	int64_t dim[AVL_DIMS_MAX];
	void *data;
};

/* Bytes an element takes: 4, 8, 1, 2, ... */
size_t avl_dtype_size(enum avl_dtype dtype);

/* "f4", "u1", ...: NumPy's letters, with "f2" and "bf2" for the half types. */
const char *avl_dtype_name(enum avl_dtype dtype);

/* Number of elements and of bytes; AVL_ELIMIT where a dimension is negative or the number of
 * bytes exceeds MAX_BYTES (no product is formed that overflows). */
int avl_tensor_measure(const struct avl_tensor *tensor, uint64_t max_bytes, size_t *count,
		       size_t *bytes, struct avl_err *err);

/* Number of elements of a tensor that has been measured before. */
size_t avl_tensor_count(const struct avl_tensor *tensor);

/* True where the type is DTYPE and the shape is the NDIM numbers given; -1 stands for any. */
int avl_tensor_is(const struct avl_tensor *tensor, enum avl_dtype dtype, int ndim,
		  const int64_t *dim);

/* "f4 (3, 224, 224)" into TEXT, cut at SIZE. */
void avl_tensor_describe(const struct avl_tensor *tensor, char *text, size_t size);

/* Widens or converts N elements of SRC to float: exact for all but F8, I4 and I8, which round
 * to nearest. */
void avl_tensor_to_float(const void *src, enum avl_dtype dtype, size_t n, float *dst);

/* IEEE half and bfloat16, round to nearest even; NaN stays NaN. */
float avl_half_to_float(uint16_t half);
uint16_t avl_float_to_half(float value);
float avl_bfloat_to_float(uint16_t bits);
uint16_t avl_float_to_bfloat(float value);

#endif
