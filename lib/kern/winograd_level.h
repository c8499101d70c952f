/* SPDX-License-Identifier: MIT */

/* The transforms of Winograd's F(4x4, 3x3) (Lavin & Gray 2016, with the points 0, 1, -1, 2, -2 and
 * infinity): B' d B of a 6 x 6 tile of input, A' m A of a 6 x 6 tile of products, a block of
 * channels in each element. Both are six times six sums along one side, then along the other. */

INLINE void winograd_b(const vec d[6], vec out[6])
{
	const vec a = d[4] - splat(4) * d[2], b = d[3] - splat(4) * d[1];
	const vec c = d[4] - d[2], e = splat(2) * (d[3] - d[1]);
	out[0] = splat(4) * d[0] - splat(5) * d[2] + d[4];
	out[1] = a + b;
	out[2] = a - b;
	out[3] = c + e;
	out[4] = c - e;
	out[5] = splat(4) * d[1] - splat(5) * d[3] + d[5];
}

INLINE void winograd_a(const vec m[6], vec out[4])
{
	const vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
	out[0] = m[0] + a + c;
	out[1] = b + splat(2) * d;
	out[2] = a + splat(4) * c;
	out[3] = b + splat(8) * d + m[5];
}

static void winograd_input(const float *x, int h, int w, int top, int left, float *out,
			   ptrdiff_t step)
{
	const int y0 = top < 0 ? -top : 0, y1 = h - top < 6 ? h - top : 6;
	const int x0 = left < 0 ? -left : 0, x1 = w - left < 6 ? w - left : 6;
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec half[6][6];
		for (int i = 0; i < 6; i++) {
			vec d[6] = {{0}};
			if (i >= y0 && i < y1) {
				const float *const row =
				    x + ((ptrdiff_t)(top + i) * w + left) * AVL_BLOCK + v;
				for (int j = x0; j < x1; j++)
					d[j] = load(row + j * AVL_BLOCK);
			}
			winograd_b(d, half[i]);
		}
		FOR (j, 6) {
			vec d[6], t[6];
			FOR (i, 6)
				d[i] = half[i][j];
			winograd_b(d, t);
			FOR (i, 6)
				store(out + (i * 6 + j) * step + v, t[i]);
		}
	}
}

static void winograd_output(const struct avl_winograd_output_job *job)
{
	const int rows = job->h - job->top < 4 ? job->h - job->top : 4;
	const int cols = job->w - job->left < 4 ? job->w - job->left : 4;
	const vec lo = splat(job->lo), hi = splat(job->hi);
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec half[6][4];
		const vec bias = job->bias ? load(job->bias + v) : (vec){0};
		FOR (i, 6) {
			vec m[6];
			FOR (j, 6)
				m[j] = load(job->m + (i * 6 + j) * job->step + v);
			winograd_a(m, half[i]);
		}
		FOR (j, 4) {
			vec m[6], t[4];
			FOR (i, 6)
				m[i] = half[i][j];
			winograd_a(m, t);
			for (int i = 0; i < rows && j < cols; i++) {
				const ptrdiff_t at =
				    ((ptrdiff_t)(job->top + i) * job->w + job->left + j) *
					AVL_BLOCK +
				    v;
				vec y = t[i] + bias;
				if (job->residual)
					y += load(job->residual + at);
				store(job->y + at, clamp(y, lo, hi));
			}
		}
	}
}
