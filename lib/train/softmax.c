/* SPDX-License-Identifier: MIT */
#include "train/softmax.h"

#include <math.h>

double avl_softmax(const float *score, int n, double temperature, double *alpha)
{
	double largest = (double)score[0], sum = 0;
	for (int i = 1; i < n; i++)
		largest = (double)score[i] > largest ? (double)score[i] : largest;
	for (int i = 0; i < n; i++)
		sum += alpha[i] = exp(((double)score[i] - largest) / temperature);
	for (int i = 0; i < n; i++)
		alpha[i] /= sum;
	return largest / temperature + log(sum);
}

void avl_softmax_backward(const double *alpha, const double *slope, int n, double temperature,
			  float *grad_score)
{
	double mean = 0;
	for (int i = 0; i < n; i++)
		mean += alpha[i] * slope[i];
	for (int i = 0; i < n; i++)
		grad_score[i] += (float)(alpha[i] * (slope[i] - mean) / temperature);
}
