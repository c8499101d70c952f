/* SPDX-License-Identifier: MIT */
#include "train/dataset.h"

#include "inputs.h"

Test(dataset, every_epoch_is_another_order_of_all)
{
	enum { N = 97 };
	int64_t first[N], again[N], next[N];
	avl_shuffle(5, 0, N, first);
	avl_shuffle(5, 0, N, again);
	avl_shuffle(5, 1, N, next);
	int moved = 0, other = 0, seen[N] = {0};
	for (int i = 0; i < N; i++) {
		cr_assert(first[i] >= 0 && first[i] < N);
		seen[first[i]]++;
		cr_expect_eq(first[i], again[i]);
		moved += first[i] != i;
		other += first[i] != next[i];
	}
	for (int i = 0; i < N; i++)
		cr_expect_eq(seen[i], 1);
	cr_expect_gt(moved, N / 2);
	cr_expect_gt(other, N / 2);
}

Test(dataset, another_seed_is_another_order)
{
	int64_t a[50], b[50];
	int other = 0;
	avl_shuffle(1, 3, 50, a);
	avl_shuffle(2, 3, 50, b);
	for (int i = 0; i < 50; i++)
		other += a[i] != b[i];
	cr_expect_gt(other, 25);
}
