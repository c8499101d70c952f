/* SPDX-License-Identifier: MIT */
#include "material.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "io/record.h"
#include "net/preset.h"

uint8_t *material_picture(void)
{
	uint8_t *const rgb = malloc((size_t)MATERIAL_HEIGHT * MATERIAL_WIDTH * 3), *at = rgb;
	for (int y = 0; y < MATERIAL_HEIGHT; y++)
		for (int x = 0; x < MATERIAL_WIDTH; x++, at += 3) {
			at[0] = (uint8_t)(3 * x + 5 * y);
			at[1] = (uint8_t)(7 * x + 2 * y + 40);
			at[2] = (uint8_t)(x * y / 16 + 11 * x);
		}
	return rgb;
}

float *material_sound(int rate_hz, size_t n)
{
	float *const samples = malloc(n * sizeof *samples);
	struct avl_rng rng;
	avl_rng_init(&rng, MATERIAL_SEED, (uint64_t)rate_hz);
	for (size_t i = 0; i < n; i++) {
		const int noise = (int)(avl_rng_u32(&rng) >> 19) - 4096;
		samples[i] = (float)(noise + (i / 37 % 2 ? 6000 : -6000)) / 32768;
	}
	return samples;
}

void material_parameter(const struct avl_parameter *p, float *values)
{
	static const double centre[] = {[AVL_PARAMETER_SCALE] = 1, [AVL_PARAMETER_VARIANCE] = 1};
	const size_t n = avl_parameter_count(p);
	double reach = p->role == AVL_PARAMETER_VARIANCE ? 0.5 : 0.2;
	const double middle = p->role < AVL_PARAMETER_SCALE ? 0 : centre[p->role];
	struct avl_rng rng;
	if (p->role == AVL_PARAMETER_WEIGHT)
		reach = sqrt(6.0 / p->fan_in);
	avl_rng_init(&rng, MATERIAL_SEED, avl_crc32(0, p->name, strlen(p->name)));
	for (size_t i = 0; i < n; i++) {
		const double unit = 2.0 * avl_rng_uniform(&rng) - 1.0;
		values[i] = (float)(middle + reach * unit);
	}
}

static int write_parameters(int fd, const struct avl_contract *contract)
{
	struct avl_parameters list;
	struct avl_arena memory;
	if (avl_parameters_list(&list, contract, NULL, NULL))
		return -1;
	struct avl_safetensor *const tensor = calloc((size_t)list.count, sizeof *tensor);
	struct avl_json *const metadata = avl_json_object();
	char *const text = avl_contract_write(contract);
	avl_arena_init(&memory, 0);
	for (int i = 0; i < list.count; i++) {
		const struct avl_parameter *const p = &list.at[i];
		float *const values = avl_arena_alloc(&memory, avl_parameter_count(p) * 4);
		material_parameter(p, values);
		tensor[i].name = p->name;
		tensor[i].tensor =
		    (struct avl_tensor){.dtype = AVL_F4, .ndim = p->ndim, .data = values};
		memcpy(tensor[i].tensor.dim, p->dim, sizeof p->dim);
	}
	avl_json_set_string(metadata, "avl.contract", text);
	const int code = avl_safetensors_write(fd, tensor, list.count, metadata, NULL);
	avl_json_free(metadata);
	avl_arena_release(&memory);
	avl_parameters_release(&list);
	free(tensor);
	free(text);
	return code ? -1 : 0;
}

int material_model(const char *name, char *path, size_t size)
{
	struct avl_contract contract;
	const char *const folder = getenv("TMPDIR");
	snprintf(path, size, "%s/avl-test-XXXXXX", folder ? folder : "/tmp");
	if (avl_preset_contract(&contract, name, NULL))
		return -1;
	const int fd = mkstemp(path);
	if (fd < 0)
		return -1;
	const int code = write_parameters(fd, &contract);
	close(fd);
	return code;
}
