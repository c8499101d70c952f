/* SPDX-License-Identifier: MIT */
#include "cmd/train_learn.h"
#include "cmd/train_options.h"
#include "kern/kern.h"

int main(int argc, char **argv)
{
	const int first = avl_command_start(&train_command, argc, argv);
	struct session s = {0};
	struct avl_err err;
	train_options_check(argc - first, argv + first);
	if (avl_kern_use(train.cpu, &err))
		avl_usage("%s", err.text);
	if (avl_par_new(&s.par, train.threads > 0 ? train.threads : avl_par_processors(), &err))
		avl_die_err(&err);
	train_catch_signals();
	session_open(&s, argc - first, argv + first);
	train_learn(&s);
	session_close(&s);
	avl_par_free(s.par);
	return avl_finish();
}
