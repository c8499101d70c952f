/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/tensor.h"

static struct avl_tensor shaped(enum avl_dtype dtype, int ndim, int64_t a, int64_t b, int64_t c)
{
	return (struct avl_tensor){.dtype = dtype, .ndim = ndim, .dim = {a, b, c}};
}

Test(tensor, types_have_names_and_sizes)
{
	static const char names[AVL_DTYPES][4] = {"f4", "f8", "u1", "i2", "i4", "i8", "f2", "bf2"};
	static const size_t sizes[AVL_DTYPES] = {4, 8, 1, 2, 4, 8, 2, 2};
	for (int t = 0; t < AVL_DTYPES; t++) {
		cr_assert_str_eq(avl_dtype_name((enum avl_dtype)t), names[t]);
		cr_assert_eq(avl_dtype_size((enum avl_dtype)t), sizes[t]);
	}
}

Test(tensor, measure_counts)
{
	struct avl_tensor tensor = shaped(AVL_F8, 3, 2, 3, 5);
	size_t count, bytes;
	cr_assert_eq(avl_tensor_measure(&tensor, 240, &count, &bytes, NULL), 0);
	cr_assert_eq(count, 30);
	cr_assert_eq(bytes, 240);
	cr_assert_eq(avl_tensor_count(&tensor), 30);
	cr_assert_eq(avl_tensor_measure(&tensor, 239, &count, &bytes, NULL), AVL_ELIMIT);
	tensor.ndim = 0;
	cr_assert_eq(avl_tensor_measure(&tensor, 8, &count, &bytes, NULL), 0);
	cr_assert_eq(count, 1);
	tensor = shaped(AVL_F4, 2, 0, 5, 0);
	cr_assert_eq(avl_tensor_measure(&tensor, 1 << 20, &count, &bytes, NULL), 0);
	cr_assert_eq(count, 0);
	cr_assert_eq(bytes, 0);
}

Test(tensor, measure_refuses_what_overflows)
{
	const struct avl_tensor bad[] = {
	    shaped(AVL_F4, 1, -1, 0, 0),
	    shaped(AVL_F4, 2, INT64_MAX, 2, 0),
	    shaped(AVL_F4, 3, INT64_C(1) << 32, INT64_C(1) << 32, 1),
	    shaped(AVL_F8, 1, INT64_C(1) << 61, 0, 0),
	    shaped(AVL_F4, 3, INT64_MAX, INT64_MAX, 0),
	    shaped(AVL_F4, 3, 0, INT64_MAX, INT64_MAX),
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct avl_err err = {0};
		size_t count, bytes;
		cr_assert_eq(avl_tensor_measure(&bad[i], INT64_MAX, &count, &bytes, &err),
			     AVL_ELIMIT, "shape %zu", i);
		cr_assert_neq(err.text[0], 0);
	}
}

Test(tensor, is_compares_type_and_shape)
{
	const struct avl_tensor tensor = shaped(AVL_U1, 3, 4, 6, 3);
	cr_assert(avl_tensor_is(&tensor, AVL_U1, 3, (const int64_t[]){4, 6, 3}));
	cr_assert(avl_tensor_is(&tensor, AVL_U1, 3, (const int64_t[]){-1, -1, 3}));
	cr_assert_not(avl_tensor_is(&tensor, AVL_U1, 3, (const int64_t[]){-1, -1, 4}));
	cr_assert_not(avl_tensor_is(&tensor, AVL_F4, 3, (const int64_t[]){-1, -1, 3}));
	cr_assert_not(avl_tensor_is(&tensor, AVL_U1, 2, (const int64_t[]){-1, -1}));
}

Test(tensor, describe_writes_the_shape)
{
	char text[64];
	struct avl_tensor tensor = shaped(AVL_F4, 3, 3, 224, 225);
	avl_tensor_describe(&tensor, text, sizeof text);
	cr_assert_str_eq(text, "f4 (3, 224, 225)");
	tensor.ndim = 1;
	avl_tensor_describe(&tensor, text, sizeof text);
	cr_assert_str_eq(text, "f4 (3)");
	tensor.ndim = 0;
	avl_tensor_describe(&tensor, text, sizeof text);
	cr_assert_str_eq(text, "f4 ()");
	tensor.ndim = 3;
	for (size_t size = 1; size < 20; size++) {
		memset(text, '#', sizeof text);
		avl_tensor_describe(&tensor, text, size);
		cr_assert_lt(strlen(text), size);
		cr_assert_eq(strncmp(text, "f4 (3, 224, 225)", strlen(text)), 0);
		cr_assert_eq(text[size], '#');
	}
}

/* What the 16 bits mean: (-1)^s 2^(e - 15) 1.f, 2^-14 0.f where e is 0. */
static double half_value(uint16_t half)
{
	const int exponent = half >> 10 & 31, fraction = half & 1023;
	const double sign = half >> 15 ? -1 : 1;
	if (exponent == 31)
		return fraction ? (double)NAN : sign * (double)INFINITY;
	return exponent ? sign * ldexp(1024 + fraction, exponent - 25)
			: sign * ldexp(fraction, -24);
}

static double bfloat_value(uint16_t bits)
{
	const int exponent = bits >> 7 & 255, fraction = bits & 127;
	const double sign = bits >> 15 ? -1 : 1;
	if (exponent == 255)
		return fraction ? (double)NAN : sign * (double)INFINITY;
	return exponent ? sign * ldexp(128 + fraction, exponent - 134)
			: sign * ldexp(fraction, -133);
}

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

struct narrow {
	double (*value)(uint16_t bits);
	float (*widen)(uint16_t bits);
	uint16_t (*round)(float value);
	uint16_t infinity; /* the numbers from 0 to here are in order */
	double over;       /* where the step above the largest would be */
};

static const struct narrow *kind(int i)
{
	static const struct narrow half = {half_value, avl_half_to_float, avl_float_to_half, 0x7c00,
					   65536};
	static const struct narrow bfloat = {bfloat_value, avl_bfloat_to_float, avl_float_to_bfloat,
					     0x7f80, 0x1p128};
	return i ? &bfloat : &half;
}

Test(tensor, narrow_types_widen_exactly)
{
	for (int k = 0; k < 2; k++)
		for (unsigned bits = 0; bits < 65536; bits++)
			if (!same_number(kind(k)->widen((uint16_t)bits),
					 kind(k)->value((uint16_t)bits)))
				cr_assert_fail("type %d, bits %04x", k, bits);
}

/* The naive reference: of the two neighbours of VALUE the nearer, of two as near the even one. */
static uint16_t round_naively(const struct narrow *narrow, float value, unsigned below)
{
	const double low = narrow->value((uint16_t)below), size = fabs((double)value);
	double high = narrow->value((uint16_t)(below + 1));
	if (isinf(high))
		high = narrow->over;
	const double to_low = size - low, to_high = high - size;
	const bool up = to_high < to_low || (to_high == to_low && (below & 1));
	return (uint16_t)((below + up) | (signbit(value) ? 0x8000u : 0u));
}

static void check_rounding(const struct narrow *narrow, float value, unsigned below)
{
	for (int sign = 0; sign < 2; sign++, value = -value) {
		const uint16_t got = narrow->round(value),
			       wanted = round_naively(narrow, value, below);
		if (got != wanted)
			cr_assert_fail("%a rounds to %04x instead of %04x", (double)value, got,
				       wanted);
	}
}

/* Every number of the narrow type, every midpoint, and their float neighbours. */
Test(tensor, rounding_is_to_nearest_even)
{
	for (int k = 0; k < 2; k++) {
		const struct narrow *const narrow = kind(k);
		for (unsigned below = 0; below < narrow->infinity; below++) {
			const double low = narrow->value((uint16_t)below);
			double high = narrow->value((uint16_t)(below + 1));
			if (isinf(high))
				high = narrow->over;
			const double middle = low + (high - low) / 2;
			const float points[] = {(float)low, nextafterf((float)low, INFINITY),
						nextafterf((float)middle, 0), (float)middle,
						nextafterf((float)middle, INFINITY)};
			for (int i = 0; i < 5; i++)
				if (isfinite(points[i]) && points[i] >= low && points[i] < high)
					check_rounding(narrow, points[i], below);
		}
	}
}

Test(tensor, rounding_keeps_what_is_no_number)
{
	for (int k = 0; k < 2; k++) {
		const struct narrow *const narrow = kind(k);
		cr_assert_eq(narrow->round(INFINITY), narrow->infinity);
		cr_assert_eq(narrow->round(-INFINITY), 0x8000 | narrow->infinity);
		cr_assert_eq(narrow->round(0x1.fffffep127f), narrow->infinity);
		static const uint32_t nans[] = {0x7fc00000, 0x7f800001, 0xffc00000,
						0xff800001, 0x7fffffff, 0x7f80ffff};
		for (int i = 0; i < 6; i++) {
			float nan;
			memcpy(&nan, &nans[i], sizeof nan);
			cr_assert(isnan(narrow->widen(narrow->round(nan))), "NaN %x", nans[i]);
			cr_assert_eq(narrow->round(nan) >> 15, nans[i] >> 31);
		}
		for (unsigned bits = 0; bits <= narrow->infinity; bits++)
			cr_assert_eq(narrow->round(narrow->widen((uint16_t)bits)), bits);
	}
}

static void check_conversion(enum avl_dtype dtype, const void *src, const float *wanted, size_t n)
{
	float got[8];
	memset(got, 0xff, sizeof got);
	avl_tensor_to_float(src, dtype, n, got);
	for (size_t i = 0; i < n; i++)
		cr_assert(got[i] == wanted[i], "%s element %zu: %g", avl_dtype_name(dtype), i,
			  (double)got[i]);
	cr_assert(isnan(got[n]));
}

Test(tensor, every_type_becomes_float)
{
	check_conversion(AVL_F4, (const float[]){1.5f, -2, 0x1p-149f},
			 (const float[]){1.5f, -2, 0x1p-149f}, 3);
	check_conversion(AVL_F8, (const double[]){0.1, 1e300, -3},
			 (const float[]){0.1f, INFINITY, -3}, 3);
	check_conversion(AVL_U1, (const uint8_t[]){0, 255, 7}, (const float[]){0, 255, 7}, 3);
	check_conversion(AVL_I2, (const int16_t[]){-32768, 32767, 1},
			 (const float[]){-32768, 32767, 1}, 3);
	check_conversion(AVL_I4, (const int32_t[]){INT32_MIN, INT32_MAX, 16777217},
			 (const float[]){-0x1p31f, 0x1p31f, 16777216}, 3);
	check_conversion(AVL_I8, (const int64_t[]){INT64_MIN, INT64_MAX, 5},
			 (const float[]){-0x1p63f, 0x1p63f, 5}, 3);
	check_conversion(AVL_F2, (const uint16_t[]){0x3c00, 0xc000, 0x0001},
			 (const float[]){1, -2, 0x1p-24f}, 3);
	check_conversion(AVL_BF2, (const uint16_t[]){0x3f80, 0xc000, 0x7f80},
			 (const float[]){1, -2, INFINITY}, 3);
}
