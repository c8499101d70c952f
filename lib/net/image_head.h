/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_IMAGE_HEAD_H
#define AVL_NET_IMAGE_HEAD_H

#include "io/contract.h"
#include "net/attention.h"
#include "net/linear.h"

/* What stands between v and the score. With a linear head, v goes through one 1x1 convolution a
 * head ("image_proj", or "image_proj1", "image_proj2" ... where there are several); the scores of
 * the heads are averaged. Without, v is taken as it is. */
struct avl_image_head {
	int count;                               /* of heads */
	struct avl_linear linear[AVL_HEADS_MAX]; /* where the contract has them */
	struct avl_map map[AVL_HEADS_MAX];       /* the last picture's, projected; owned */
	float *score;                            /* of one head, rows x cols; owned */
};

/* V: the shape of the image network's output. *CHANNELS: of each head's map. */
int avl_image_head_init(struct avl_image_head *head, const struct avl_contract *contract,
			const struct avl_safetensors *file, const struct avl_shape *v,
			int *channels, struct avl_err *err);
void avl_image_head_release(struct avl_image_head *head);

/* Projects V, which must stay as long as scores are asked for. */
void avl_image_head_run(struct avl_image_head *head, const struct avl_map *v, struct avl_par *par);

/* MAP (rows x cols): the mean over heads of the scores of H (heads, channels). */
void avl_image_head_score(struct avl_image_head *head, enum avl_attention kind, const float *h,
			  float *map);

#endif
