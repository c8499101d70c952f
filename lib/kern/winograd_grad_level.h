/* SPDX-License-Identifier: MIT */

/* The transforms of F(4x4, 3x3) with respect to its weights, which are those of the products and of
 * the weights turned about: A dy A' and G' m G (kern/winograd_level.h). */

INLINE void winograd_a_back(const vec y[4], vec out[6])
{
	const vec even = y[0] + y[2], odd = y[1] + y[3];
	const vec far = y[0] + splat(4) * y[2], farther = splat(2) * y[1] + splat(8) * y[3];
	out[0] = y[0];
	out[1] = even + odd;
	out[2] = even - odd;
	out[3] = far + farther;
	out[4] = far - farther;
	out[5] = y[3];
}

/* The 4 x 4 gradients at row TOP and column LEFT, lane LANE on, zeros outside the picture. */
INLINE void winograd_spread_tile(const struct avl_winograd_input_job *job, int left, int lane,
				 float *out, const int in_bf16)
{
	const int rows = job->h - job->top < 4 ? job->h - job->top : 4;
	const int cols = job->w - left < 4 ? job->w - left : 4;
	vec half[6][4];
	FOR (j, 4) {
		vec y[4], t[6];
		FOR (i, 4)
			y[i] = i < rows && j < cols
				   ? fetch(job->x,
					   ((ptrdiff_t)(job->top + i) * job->w + left + j) *
						   AVL_BLOCK +
					       lane,
					   in_bf16)
				   : (vec){0};
		winograd_a_back(y, t);
		FOR (i, 6)
			half[i][j] = t[i];
	}
	FOR (i, 6) {
		vec t[6];
		winograd_a_back(half[i], t);
		FOR (j, 6)
			store(out + (i * 6 + j) * job->step, t[j]);
	}
}

INLINE void winograd_spread_tiles(const struct avl_winograd_input_job *job, const int in_bf16)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR)
		for (int t = 0; t < job->tiles; t++)
			winograd_spread_tile(job, job->left + 4 * t, v,
					     job->out + t * AVL_BLOCK + v, in_bf16);
}

static __attribute__((noinline)) void winograd_spread_bf16(const struct avl_winograd_input_job *job)
{
	winograd_spread_tiles(job, 1);
}

static void winograd_spread(const struct avl_winograd_input_job *job)
{
	if (job->is_bf16)
		winograd_spread_bf16(job);
	else
		winograd_spread_tiles(job, 0);
}

INLINE void winograd_g_back(const vec m[6], vec out[3])
{
	const vec near = m[1] + m[2], far = m[3] + m[4];
	out[0] = splat(1.0F / 4) * m[0] - splat(1.0F / 6) * near + splat(1.0F / 24) * far;
	out[1] = splat(1.0F / 6) * (m[2] - m[1]) + splat(1.0F / 12) * (m[3] - m[4]);
	out[2] = splat(1.0F / 6) * (far - near) + m[5];
}

static void winograd_gather(const float *m, float *dw)
{
	enum { TILE = AVL_BLOCK * AVL_BLOCK };
	for (int at = 0; at < TILE; at += AVL_VECTOR) {
		vec half[3][6];
		FOR (j, 6) {
			vec column[6], t[3];
			FOR (i, 6)
				column[i] = load(m + (i * 6 + j) * TILE + at);
			winograd_g_back(column, t);
			FOR (i, 3)
				half[i][j] = t[i];
		}
		FOR (i, 3) {
			vec t[3];
			winograd_g_back(half[i], t);
			FOR (j, 3) {
				float *const to = dw + (i * 3 + j) * TILE + at;
				store(to, load(to) + t[j]);
			}
		}
	}
}
