/* SPDX-License-Identifier: MIT */
#include "net/image_head.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

static int init_head(struct avl_image_head *head, int i, const struct avl_safetensors *file,
		     const struct avl_shape *v, int *channels, struct avl_err *err)
{
	char name[32];
	snprintf(name, sizeof name, head->count > 1 ? "image_proj%d" : "image_proj", i + 1);
	struct avl_linear *const linear = &head->linear[i];
	const int code = avl_linear_init(linear, file, name, v->c, err);
	if (code == AVL_ENONE) /* a contract that says "linear" needs it */
		return avl_fail(err, AVL_ESHAPE, "tensor '%s.weight' is missing", name);
	if (code)
		return code;
	if (i && linear->out != *channels)
		return avl_fail(err, AVL_ESHAPE, "'%s' has %d channels, the head before it %d",
				name, linear->out, *channels);
	*channels = linear->out;
	const struct avl_shape shape = {.n = 1, .c = linear->out, .h = v->h, .w = v->w};
	head->map[i].data = avl_alloc(avl_shape_floats(&shape), sizeof(float));
	return head->map[i].data ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
}

int avl_image_head_init(struct avl_image_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, const struct avl_shape *v,
			int *channels, struct avl_err *err)
{
	int code = 0;
	*head = (struct avl_image_head){.count = contract->head.count};
	*channels = v->c;
	if (contract->head.kind == AVL_HEAD_LINEAR)
		for (int i = 0; i < head->count && !code; i++)
			code = init_head(head, i, file, v, channels, err);
	head->score = avl_alloc((size_t)v->h * (size_t)v->w, sizeof(float));
	if (!code && !head->score)
		code = avl_fail(err, AVL_ENOMEM, "out of memory");
	if (code)
		avl_image_head_release(head);
	return code;
}

void avl_image_head_release(struct avl_image_head *head)
{
	for (int i = 0; i < AVL_HEADS_MAX; i++)
		if (head->linear[i].packed) {
			avl_linear_release(&head->linear[i]);
			free(head->map[i].data);
		}
	free(head->score);
	*head = (struct avl_image_head){0};
}

void avl_image_head_run(struct avl_image_head *head, const struct avl_map *v, struct avl_par *par)
{
	for (int i = 0; i < head->count; i++)
		if (head->linear[i].packed)
			avl_linear_run(&head->linear[i], v, &head->map[i], par);
		else
			head->map[i] = *v;
}

void avl_image_head_score(struct avl_image_head *head, enum avl_attention kind, const float *h,
			  float *map)
{
	const struct avl_shape *const shape = &head->map[0].shape;
	const int positions = shape->h * shape->w;
	avl_attention_score(kind, &head->map[0], h, map);
	for (int i = 1; i < head->count; i++) {
		avl_attention_score(kind, &head->map[i], h + (ptrdiff_t)i * shape->c, head->score);
		for (int p = 0; p < positions; p++)
			map[p] += head->score[p];
	}
	for (int p = 0; head->count > 1 && p < positions; p++)
		map[p] /= (float)head->count;
}
