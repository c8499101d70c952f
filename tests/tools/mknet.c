/* SPDX-License-Identifier: MIT */
/* usage: mknet NAME SIDE SECONDS [PREFIX[,PREFIX]]
 * Writes a new model of the preset or architecture NAME to stdout, for pictures of SIDE pixels and
 * sounds of SECONDS, without the tensors whose names begin so: small enough to be trained whole in
 * a test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "net/parameters.h"
#include "net/preset.h"

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "mknet: %s\n", what);
	exit(1);
}

static int is_left_out(const char *name, const char *prefixes)
{
	for (const char *at = prefixes; at && *at;) {
		const size_t n = strcspn(at, ",");
		if (!strncmp(name, at, n))
			return 1;
		at += n + (at[n] == ',');
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct avl_contract contract;
	struct avl_parameters list;
	struct avl_arena memory;
	struct avl_err err;
	if (argc < 4) {
		fprintf(stderr, "usage: mknet NAME SIDE SECONDS [PREFIX[,PREFIX]]\n");
		return 2;
	}
	if (avl_preset_contract(&contract, argv[1], &err))
		die(err.text);
	contract.frame.height = contract.frame.width = atoi(argv[2]);
	contract.sound.window_s = atof(argv[3]);
	if (avl_parameters_list(&list, &contract, NULL, &err))
		die(err.text);
	struct avl_json *const metadata = avl_json_object();
	char *const text = avl_contract_write(&contract);
	struct avl_safetensor *const tensor = calloc((size_t)list.count, sizeof *tensor);
	if (!text || !tensor || avl_json_set_string(metadata, "avl.contract", text))
		die("out of memory");
	avl_arena_init(&memory, 0);
	int n = 0;
	for (int i = 0; i < list.count; i++) {
		const struct avl_parameter *const p = &list.at[i];
		if (is_left_out(p->name, argv[4]))
			continue;
		float *const values = avl_arena_alloc(&memory, avl_parameter_count(p) * 4);
		if (!values)
			die("out of memory");
		avl_parameter_init(p, 1, values);
		tensor[n].name = p->name;
		tensor[n].tensor =
		    (struct avl_tensor){.dtype = AVL_F4, .ndim = p->ndim, .data = values};
		memcpy(tensor[n++].tensor.dim, p->dim, sizeof p->dim);
	}
	if (avl_safetensors_write(STDOUT_FILENO, tensor, n, metadata, &err))
		die(err.text);
	avl_json_free(metadata);
	avl_arena_release(&memory);
	avl_parameters_release(&list);
	free(tensor);
	free(text);
	return 0;
}
