/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/model.h"

static int seed, dtype = MODEL_KEEP;

static const struct avl_option options[] = {
    {0, "seed", AVL_OPT_INT, &seed, "N", "init: of the random values", NULL, 0, INT_MAX},
    {0, "dtype", AVL_OPT_CHOICE, &dtype, "TYPE",
     "convert: what weights are kept in (default: as they are)", "fp32|fp16|bf16", 0, 0},
    {'o', "output", AVL_OPT_TEXT, &avl_common.output, "FILE",
     "init, convert: write to FILE, which appears when it is complete (default: standard output)",
     NULL, 0, 0},
    {'f', "force", AVL_OPT_FLAG, &avl_common.force, NULL, "write to a terminal as well", NULL, 0,
     0},
    {'q', "quiet", AVL_OPT_FLAG, &avl_common.quiet, NULL, "no warnings", NULL, 0, 0},
    {'v', "verbose", AVL_OPT_COUNT, &avl_common.verbose, NULL, "show: list the tensors", NULL, 0,
     0},
    {0},
};

static const struct avl_command command = {
    .name = "avl-model",
    .synopsis = "list\nshow [-v] FILE...\ninit [--seed N] [-o FILE] NAME\n"
		"convert [--dtype TYPE] [-o FILE] FILE",
    .summary = "Describes, makes and rewrites model files.",
    .options = options,
};

static void need(const char *verb, int found, int wanted, const char *what)
{
	if (found < wanted)
		avl_usage("%s: needs %s", verb, what);
	if (found > wanted)
		avl_usage("%s: takes one operand", verb);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	const char *const verb = first < argc ? argv[first] : "";
	char **const operand = argv + first + 1;
	const int operands = argc - first - 1;
	if (!strcmp(verb, "list")) {
		if (operands)
			avl_usage("list: takes no operand");
		model_list();
	} else if (!strcmp(verb, "show")) {
		if (operands < 1)
			avl_usage("show: needs a model file");
		for (int i = 0; i < operands; i++)
			model_show(operand[i]);
	} else if (!strcmp(verb, "init")) {
		need(verb, operands, 1, "an architecture or a preset (avl-model list)");
		model_init(operand[0], (uint64_t)seed, avl_common.output, avl_common.force);
	} else if (!strcmp(verb, "convert")) {
		need(verb, operands, 1, "a model file");
		model_convert(operand[0], (enum model_dtype)dtype, avl_common.output,
			      avl_common.force);
	} else if (*verb) {
		avl_usage("'%s' is none of list, show, init, convert", verb);
	} else {
		avl_usage("needs one of list, show, init, convert");
	}
	return avl_finish();
}
