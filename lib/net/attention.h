/* SPDX-License-Identifier: MIT */
#ifndef AVL_NET_ATTENTION_H
#define AVL_NET_ATTENTION_H

#include "ops/ops.h"

/* The localization score map (Senocak et al. 2018, section 3.3, eq. 1-2, before the softmax): at
 * every position i the inner product of the sound embedding h with the picture's feature v_i.
 *
 *   dot          h . v_i
 *   relu         max(0, h . v_i)
 *   cosine       h . v_i / (|h| |v_i|), 0 where either is 0
 *   cosine-relu  max(0, that) */
enum avl_attention {
	AVL_ATTENTION_DOT,
	AVL_ATTENTION_RELU,
	AVL_ATTENTION_COSINE,
	AVL_ATTENTION_COSINE_RELU,
};

/* V: blocked, n = 1, c x rows x cols; H: c floats; MAP: rows x cols. The sum over channels runs in
 * 16 interleaved partial sums, whatever the CPU. */
void avl_attention_score(enum avl_attention kind, const struct avl_map *v, const float *h,
			 float *map);

#endif
