/* SPDX-License-Identifier: MIT */
#include "train/optim.h"

#include "inputs.h"

Test(optim, the_rate_rises_then_follows_its_schedule)
{
	const struct avl_schedule constant = {.rate = 2, .warmup = 4};
	cr_expect_float_eq(avl_schedule_rate(&constant, 1), 0.5, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&constant, 4), 2, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&constant, 1000), 2, 1e-12);
	const struct avl_schedule cosine = {
	    .kind = AVL_SCHEDULE_COSINE, .rate = 2, .warmup = 4, .total = 14};
	cr_expect_float_eq(avl_schedule_rate(&cosine, 2), 1, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&cosine, 5), 2, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&cosine, 10), 1, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&cosine, 14), 1 + cos(3.14159265358979 * 0.9), 1e-9);
	cr_expect_float_eq(avl_schedule_rate(&cosine, 99), 0, 1e-12);
	const struct avl_schedule step = {
	    .kind = AVL_SCHEDULE_STEP, .rate = 2, .gamma = 0.1, .every = 3};
	cr_expect_float_eq(avl_schedule_rate(&step, 3), 2, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&step, 4), 0.2, 1e-12);
	cr_expect_float_eq(avl_schedule_rate(&step, 7), 0.02, 1e-12);
}

Test(optim, gradients_are_measured_and_scaled_without_the_frozen)
{
	float a[2] = {3, 0}, b[1] = {4}, c[1] = {100};
	struct avl_param param[3] = {
	    {.count = 2, .grad = a}, {.count = 1, .grad = b}, {.count = 1, .grad = c, .frozen = 1}};
	cr_expect_float_eq(avl_grad_norm(param, 3), 5, 1e-12);
	avl_grad_scale(param, 3, 0.5);
	cr_expect_float_eq(avl_grad_norm(param, 3), 2.5, 1e-12);
	cr_expect_eq(c[0], 100);
}

Test(optim, momentum_of_zero_is_plain_descent)
{
	float value[1] = {1}, grad[1] = {2}, first[1] = {7};
	struct avl_param param = {.count = 1, .value = value, .grad = grad, .first = first};
	const struct avl_optim sgd = {.kind = AVL_OPTIM_SGD};
	avl_optim_step(&sgd, &param, 1, 5, 0.25);
	cr_expect_float_eq(value[0], 0.5f, 1e-7f);
}

/* More than one span of work, shared among three threads: the same bits. */
Test(optim, threads_change_nothing)
{
	enum { N = 150001 };
	static const enum avl_optim_kind kinds[] = {AVL_OPTIM_ADAM, AVL_OPTIM_ADAMW, AVL_OPTIM_SGD};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		struct avl_optim optim = {kinds[k], 0.9, 0.999, 1e-8, 0.9, 0.01, NULL};
		float *const all = calloc(7 * (size_t)N, sizeof *all);
		struct avl_param alone = {.count = N}, shared = {.count = N};
		alone.grad = shared.grad = all;
		alone.value = all + N;
		alone.first = all + 2 * N;
		alone.second = all + 3 * N;
		shared.value = all + 4 * N;
		shared.first = all + 5 * N;
		shared.second = all + 6 * N;
		for (int i = 0; i < N; i++) {
			all[i] = (float)(i % 1009 - 500) / 300;
			alone.value[i] = shared.value[i] = (float)(i % 811 - 400) / 100;
		}
		avl_optim_step(&optim, &alone, 1, 1, 0.01);
		avl_optim_step(&optim, &alone, 1, 2, 0.01);
		cr_assert_eq(avl_par_new(&optim.par, 3, NULL), 0);
		avl_optim_step(&optim, &shared, 1, 1, 0.01);
		avl_optim_step(&optim, &shared, 1, 2, 0.01);
		avl_par_free(optim.par);
		cr_assert_eq(memcmp(alone.value, shared.value, 3 * (size_t)N * sizeof *all), 0);
		cr_assert(alone.value[N - 1] != (float)((N - 1) % 811 - 400) / 100);
		free(all);
	}
}
