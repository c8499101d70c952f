/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_GOLDEN_H
#define AVL_TESTS_GOLDEN_H

/* Reads the golden files of this folder. Lines that begin with # are comments; every other line is
 * one tensor:
 *
 *     NAME NDIM DIM... MEAN STD LARGEST COUNT INDEX:VALUE...
 *
 * with the mean, the deviation and the largest magnitude over all elements, and COUNT elements
 * picked out by their place in C order: the first, the last, and others spread evenly. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_DIMS = 8, GOLDEN_VALUES = 512 };

struct golden {
	char name[64];
	int ndim;
	long dim[GOLDEN_DIMS];
	double mean, std, largest;
	int count;
	long index[GOLDEN_VALUES];
	double value[GOLDEN_VALUES];
};

/* A file of this folder; tests run at the top of the tree, or with TOP naming it. */
static inline FILE *golden_open(const char *name)
{
	const char *top = getenv("TOP");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/golden/%s", top ? top : ".", name);
	return fopen(path, "r");
}

/* 1: a tensor, 0: the end of the file, -1: a line that is not as described. */
static inline int golden_next(FILE *file, struct golden *golden)
{
	int c;

	while ((c = fgetc(file)) == '#')
		while ((c = fgetc(file)) != '\n' && c != EOF)
			;
	if (c == EOF)
		return 0;
	ungetc(c, file);

	if (fscanf(file, "%63s %d", golden->name, &golden->ndim) != 2 || golden->ndim < 0 ||
	    golden->ndim > GOLDEN_DIMS)
		return -1;
	for (int d = 0; d < golden->ndim; d++)
		if (fscanf(file, "%ld", &golden->dim[d]) != 1)
			return -1;
	if (fscanf(file, "%lf %lf %lf %d", &golden->mean, &golden->std, &golden->largest,
		   &golden->count) != 4 ||
	    golden->count < 1 || golden->count > GOLDEN_VALUES)
		return -1;
	for (int i = 0; i < golden->count; i++)
		if (fscanf(file, "%ld:%lf", &golden->index[i], &golden->value[i]) != 2)
			return -1;
	while ((c = fgetc(file)) != '\n' && c != EOF)
		;
	return 1;
}

static inline size_t golden_size(const struct golden *golden)
{
	size_t size = 1;

	for (int d = 0; d < golden->ndim; d++)
		size *= (size_t)golden->dim[d];
	return size;
}

/* Finds the tensor NAME in the file NAME_OF_FILE; 1 or 0. */
static inline int golden_find(const char *name_of_file, const char *name, struct golden *golden)
{
	FILE *file = golden_open(name_of_file);
	int found = 0;

	while (file && !found && golden_next(file, golden) == 1)
		found = strcmp(golden->name, name) == 0;
	if (file)
		fclose(file);
	return found;
}

/* The largest difference between DATA (golden_size elements) and the golden values, mean and
 * deviation, as a share of the largest magnitude. NaN anywhere gives infinity. */
static inline double golden_distance(const struct golden *golden, const float *data)
{
	const size_t n = golden_size(golden);
	double sum = 0.0, squares = 0.0, mean, std, worst;

	for (size_t i = 0; i < n; i++)
		sum += (double)data[i];
	mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += ((double)data[i] - mean) * ((double)data[i] - mean);
	std = sqrt(squares / (double)n);

	worst = fmax(fabs(mean - golden->mean), fabs(std - golden->std));
	if (!isfinite(mean) || !isfinite(std))
		return INFINITY;
	for (int i = 0; i < golden->count; i++)
		worst = fmax(worst, fabs((double)data[golden->index[i]] - golden->value[i]));
	return worst / golden->largest;
}

#endif
