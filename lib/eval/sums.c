/* SPDX-License-Identifier: MIT */
#include "eval/sums.h"

#include <math.h>

#define LANES 8
#define BLOCK 128

/* One body for both types: the order is the point. */
#define SUM(name, type)                                                                            \
	static type name(const type *value, int n)                                                 \
	{                                                                                          \
		type lane[LANES], sum = 0;                                                         \
		int i = 0;                                                                         \
		if (n > BLOCK) {                                                                   \
			const int half = n / 2 - n / 2 % LANES;                                    \
			return name(value, half) + name(value + half, n - half);                   \
		}                                                                                  \
		if (n >= LANES) {                                                                  \
			for (int k = 0; k < LANES; k++)                                            \
				lane[k] = value[k];                                                \
			for (i = LANES; i < n - n % LANES; i += LANES)                             \
				for (int k = 0; k < LANES; k++)                                    \
					lane[k] += value[i + k];                                   \
			sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) +                        \
			      ((lane[4] + lane[5]) + (lane[6] + lane[7]));                         \
		}                                                                                  \
		for (; i < n; i++)                                                                 \
			sum += value[i];                                                           \
		return sum;                                                                        \
	}

SUM(sum_floats, float)
SUM(sum_doubles, double)

float avl_sum_float(const float *value, int n)
{
	return sum_floats(value, n);
}

double avl_sum(const double *value, int n)
{
	return sum_doubles(value, n);
}

double avl_mean(const double *value, int n)
{
	return n ? avl_sum(value, n) / n : NAN;
}
