/* SPDX-License-Identifier: MIT */
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t size;
} types[AVL_DTYPES] = {
    [AVL_F4] = {"f4", 4}, [AVL_F8] = {"f8", 8}, [AVL_U1] = {"u1", 1}, [AVL_I2] = {"i2", 2},
    [AVL_I4] = {"i4", 4}, [AVL_I8] = {"i8", 8}, [AVL_F2] = {"f2", 2}, [AVL_BF2] = {"bf2", 2},
};

size_t avl_dtype_size(enum avl_dtype dtype)
{
	return types[dtype].size;
}

const char *avl_dtype_name(enum avl_dtype dtype)
{
	return types[dtype].name;
}

int avl_tensor_measure(const struct avl_tensor *tensor, uint64_t max_bytes, size_t *count,
		       size_t *bytes, struct avl_err *err)
{
	uint64_t n = 1;
	int empty = 0;
	for (int i = 0; i < tensor->ndim; i++) {
		const int64_t d = tensor->dim[i];
		if (d < 0)
			return avl_fail(err, AVL_ELIMIT, "negative dimension %lld", (long long)d);
		if (d == 0)
			empty = 1;
		else if (__builtin_mul_overflow(n, (uint64_t)d, &n))
			return avl_fail(err, AVL_ELIMIT, "dimensions overflow");
	}
	uint64_t total;
	if (__builtin_mul_overflow(n, (uint64_t)types[tensor->dtype].size, &total) ||
	    (!empty && total > max_bytes))
		return avl_fail(err, AVL_ELIMIT, "tensor exceeds %llu bytes",
				(unsigned long long)max_bytes);
	*count = empty ? 0 : (size_t)n;
	*bytes = empty ? 0 : (size_t)total;
	return 0;
}

size_t avl_tensor_count(const struct avl_tensor *tensor)
{
	size_t n = 1;
	for (int i = 0; i < tensor->ndim; i++)
		n *= (size_t)tensor->dim[i];
	return n;
}

int avl_tensor_is(const struct avl_tensor *tensor, enum avl_dtype dtype, int ndim,
		  const int64_t *dim)
{
	if (tensor->dtype != dtype || tensor->ndim != ndim)
		return 0;
	for (int i = 0; i < ndim; i++)
		if (dim[i] != -1 && dim[i] != tensor->dim[i])
			return 0;
	return 1;
}

void avl_tensor_describe(const struct avl_tensor *tensor, char *text, size_t size)
{
	size_t at = 0;
	const char *before = " (";
	int n = snprintf(text, size, "%s", types[tensor->dtype].name);
	for (int i = 0; i < tensor->ndim && n >= 0 && (at += (size_t)n) < size; i++) {
		n = snprintf(text + at, size - at, "%s%lld", before, (long long)tensor->dim[i]);
		before = ", ";
	}
	if (n >= 0 && (at += (size_t)n) < size)
		snprintf(text + at, size - at, tensor->ndim ? ")" : " ()");
}

static float float_from_bits(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static uint32_t bits_of_float(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

float avl_half_to_float(uint16_t half)
{
	const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
	const uint32_t exponent = half >> 10 & 31u, fraction = half & 1023u;
	if (exponent == 31)
		return float_from_bits(sign | 0x7f800000u | fraction << 13);
	if (exponent)
		return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
	const float tiny = (float)fraction * 0x1p-24f;
	return sign ? -tiny : tiny;
}

uint16_t avl_float_to_half(float value)
{
	const uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffffu;
	const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
	if (magnitude > 0x7f800000u)
		return sign | 0x7e00u;
	if (magnitude >= 0x477ff000u) /* rounds to 65536 or more */
		return sign | 0x7c00u;
	if (magnitude < 0x38800000u) { /* below the smallest normal half: units of 2^-24 */
		const float scaled = float_from_bits(magnitude) + 0.5f; /* ulp of 0.5 is 2^-24 */
		return sign | (uint16_t)(bits_of_float(scaled) - 0x3f000000u);
	}
	const uint32_t even = magnitude >> 13 & 1u;
	return sign | (uint16_t)((magnitude - 0x38000000u + 0xfffu + even) >> 13);
}

float avl_bfloat_to_float(uint16_t bits)
{
	return float_from_bits((uint32_t)bits << 16);
}

uint16_t avl_float_to_bfloat(float value)
{
	const uint32_t bits = bits_of_float(value);
	if ((bits & 0x7fffffffu) > 0x7f800000u)
		return (uint16_t)(bits >> 16 | 0x40u);
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* avl_half_to_float without branches, so that it becomes vector code: a half's bits, moved to a
 * float's places, are the number times 2^-112, subnormal or not. */
static void widen_halves(const uint16_t *half, size_t n, float *dst)
{
	for (size_t i = 0; i < n; i++) {
		const float value = float_from_bits((half[i] & 0x7fffu) << 13) * 0x1p112F;
		const uint32_t special = value >= 65536.0F ? 0x7f800000u : 0;
		dst[i] =
		    float_from_bits(bits_of_float(value) | special | (half[i] & 0x8000u) << 16);
	}
}

#define CONVERT(type)                                                                              \
	do {                                                                                       \
		for (size_t i = 0; i < n; i++)                                                     \
			dst[i] = (float)((const type *)src)[i];                                    \
	} while (0)

void avl_tensor_to_float(const void *src, enum avl_dtype dtype, size_t n, float *dst)
{
	const uint16_t *const half = src;
	switch (dtype) {
	case AVL_F4:
		memcpy(dst, src, n * sizeof *dst);
		break;
	case AVL_F8:
		CONVERT(double);
		break;
	case AVL_U1:
		CONVERT(uint8_t);
		break;
	case AVL_I2:
		CONVERT(int16_t);
		break;
	case AVL_I4:
		CONVERT(int32_t);
		break;
	case AVL_I8:
		CONVERT(int64_t);
		break;
	case AVL_F2:
		widen_halves(half, n, dst);
		break;
	case AVL_BF2:
		for (size_t i = 0; i < n; i++)
			dst[i] = avl_bfloat_to_float(half[i]);
		break;
	case AVL_DTYPES:
		break;
	}
}
