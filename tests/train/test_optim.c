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
