/* SPDX-License-Identifier: MIT */
/* usage: mkhead FEATURES UNITS CHANNELS [ARCH]
 * Writes a model file to stdout that holds a contract and a sound head at random, and no networks:
 * what avl-train needs of one, small enough to be written thousands of times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "io/safetensors.h"

static struct avl_tensor matrix(uint64_t stream, int rows, int cols)
{
	struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = 2, .dim = {rows, cols}};
	struct avl_rng rng;
	const size_t n = (size_t)rows * (size_t)cols;
	float *const value = avl_alloc(n, sizeof(float));
	if (!value)
		exit(1);
	avl_rng_init(&rng, 1, stream);
	for (size_t i = 0; i < n; i++)
		value[i] = (2 * avl_rng_uniform(&rng) - 1) / sqrtf((float)cols);
	tensor.data = value;
	return tensor;
}

int main(int argc, char **argv)
{
	char contract[1024];
	struct avl_err err;
	if (argc < 4) {
		fprintf(stderr, "usage: mkhead FEATURES UNITS CHANNELS [ARCH]\n");
		return 2;
	}
	const int features = atoi(argv[1]), units = atoi(argv[2]), channels = atoi(argv[3]);
	snprintf(contract, sizeof contract,
		 "{\"arch\":\"%.60s\",\"frame\":{\"height\":32,\"width\":32,\"fit\":\"stretch\","
		 "\"kernel\":\"bicubic\",\"mean\":[0,0,0],\"std\":[1,1,1]},\"sound\":{"
		 "\"front_end\":\"yamnet\",\"rate_hz\":16000,\"window_s\":1,\"anchor\":\"centre\","
		 "\"fill\":\"zero\"},\"head\":{\"activation\":\"sigmoid\",\"floor\":0.05,"
		 "\"pool\":\"max\"},\"score\":\"dot\"}",
		 argc > 4 ? argv[4] : "image+sound");
	struct avl_json *const metadata = avl_json_object();
	if (avl_json_set_string(metadata, "avl.contract", contract))
		return 1;
	const struct avl_safetensor tensor[] = {
	    {"sound_fc1.weight", matrix(0, units, features)},
	    {"sound_fc1.bias", matrix(1, units, 1)},
	    {"sound_fc2.weight", matrix(2, channels, units)},
	};
	struct avl_safetensor bias = tensor[1];
	bias.tensor.ndim = 1;
	const struct avl_safetensor all[] = {tensor[0], bias, tensor[2]};
	const int code = avl_safetensors_write(STDOUT_FILENO, all, 3, metadata, &err);
	if (code)
		fprintf(stderr, "mkhead: %s\n", err.text);
	for (int i = 0; i < 3; i++)
		free(all[i].tensor.data);
	avl_json_free(metadata);
	return code != 0;
}
