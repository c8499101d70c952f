/* SPDX-License-Identifier: MIT */

/* The transforms of Winograd's F(m x m, 3x3) (Lavin & Gray 2016) with the points 0, 1, -1 and
 * infinity (m = 2), 2 and -2 besides (m = 4), 1/2 and -1/2 besides (m = 6): B' d B of a tile of
 * input, G g G' of a kernel, A' m A of a tile of products, a block of channels in each element.
 * Each is a sum along one side, then along the other. */

INLINE void winograd_b6(const int pair, const vec *d, vec out[2])
{
	if (pair == 0) {
		out[0] = d[0] - d[6] + splat(5.25F) * (d[4] - d[2]);
		out[1] = d[7] - d[1] + splat(5.25F) * (d[3] - d[5]);
		return;
	}
	vec a, b;
	if (pair == 1) {
		a = d[2] + d[6] - splat(4.25F) * d[4];
		b = d[1] + d[5] - splat(4.25F) * d[3];
	} else if (pair == 2) {
		a = d[6] + splat(0.25F) * d[2] - splat(1.25F) * d[4];
		b = splat(0.5F) * d[1] - splat(2.5F) * d[3] + splat(2) * d[5];
	} else {
		a = d[6] + splat(4) * d[2] - splat(5) * d[4];
		b = splat(2) * d[1] - splat(2.5F) * d[3] + splat(0.5F) * d[5];
	}
	out[0] = a + b;
	out[1] = a - b;
}

/* Rows 2 * pair - 1 and 2 * pair of B', which share terms; of pair 0 the first row and the last. */
INLINE void winograd_b(const int m, const int pair, const vec *d, vec out[2])
{
	if (m == 2) {
		out[0] = pair ? d[1] + d[2] : d[0] - d[2];
		out[1] = pair ? d[2] - d[1] : d[1] - d[3];
		return;
	}
	if (m == 6) {
		winograd_b6(pair, d, out);
		return;
	}
	if (pair == 0) {
		out[0] = splat(4) * d[0] - splat(5) * d[2] + d[4];
		out[1] = splat(4) * d[1] - splat(5) * d[3] + d[5];
		return;
	}
	const vec a = pair == 1 ? d[4] - splat(4) * d[2] : d[4] - d[2];
	const vec b = pair == 1 ? d[3] - splat(4) * d[1] : d[3] - d[1];
	const vec factor = splat(pair == 1 ? 1 : 2);
	out[0] = a + factor * b;
	out[1] = a - factor * b;
}

INLINE int winograd_row(const int m, const int pair, const int which)
{
	return pair ? 2 * pair - 1 + which : which * (m + 1);
}

/* A tile whose inputs lie ROW floats below each other. Two rows at a time, so that the registers
 * hold what is between the two sums. */
INLINE void winograd_input_tile(const int m, const float *x, ptrdiff_t row, float *out,
				ptrdiff_t step)
{
	FOR (pair, (m + 2) / 2) {
		vec half[2][8];
		FOR (j, m + 2) {
			vec d[8], t[2];
			FOR (i, m + 2)
				d[i] = load(x + i * row + j * AVL_BLOCK);
			winograd_b(m, pair, d, t);
			half[0][j] = t[0];
			half[1][j] = t[1];
		}
		FOR (which, 2)
			FOR (other, (m + 2) / 2) {
				vec t[2];
				float *const to =
				    out + winograd_row(m, pair, which) * (m + 2) * step;
				winograd_b(m, other, half[which], t);
				store(to + winograd_row(m, other, 0) * step, t[0]);
				store(to + winograd_row(m, other, 1) * step, t[1]);
			}
	}
}

/* Inputs of a tile in fp32, zeros where it sticks out of the picture. */
INLINE void winograd_patch(const int m, const struct avl_winograd_input_job *job, int left,
			   float *patch, const int half)
{
	for (int i = 0; i < m + 2; i++)
		for (int j = 0; j < m + 2; j++, patch += AVL_BLOCK) {
			const int y = job->top + i, x = left + j;
			const int inside = y >= 0 && y < job->h && x >= 0 && x < job->w;
			const ptrdiff_t from =
			    ((ptrdiff_t)(inside ? y : 0) * job->w + (inside ? x : 0)) * AVL_BLOCK;
			FOR (v, NV)
				store(patch + v * AVL_VECTOR,
				      inside ? fetch(job->x, from + v * AVL_VECTOR, half)
					     : (vec){0});
		}
}

/* The same of one that lies inside. */
INLINE void winograd_widen(const int m, const uint16_t *x, ptrdiff_t row, float *patch)
{
	for (int i = 0; i < m + 2; i++)
		FOR (j, m + 2)
			FOR (v, NV)
				store(patch + (i * (m + 2) + j) * AVL_BLOCK + v * AVL_VECTOR,
				      load_bf16(x + i * row + j * AVL_BLOCK + v * AVL_VECTOR));
}

INLINE void winograd_input_tiles(const int m, const struct avl_winograd_input_job *job,
				 const int half)
{
	_Alignas(64) float patch[64 * AVL_BLOCK];
	const int rows_inside = job->top >= 0 && job->top + m + 2 <= job->h;
	for (int t = 0; t < job->tiles; t++) {
		const int left = job->left + t * m;
		const int inside = rows_inside && left >= 0 && left + m + 2 <= job->w;
		const ptrdiff_t at = ((ptrdiff_t)job->top * job->w + left) * AVL_BLOCK;
		const float *x = patch;
		ptrdiff_t row = (m + 2) * AVL_BLOCK;
		if (!inside) {
			winograd_patch(m, job, left, patch, half);
		} else if (half) {
			winograd_widen(m, (const uint16_t *)job->x + at,
				       (ptrdiff_t)job->w * AVL_BLOCK, patch);
		} else {
			x = (const float *)job->x + at;
			row = (ptrdiff_t)job->w * AVL_BLOCK;
		}
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR)
			winograd_input_tile(m, x + v, row, job->out + t * AVL_BLOCK + v, job->step);
	}
}

/* Apart, so that each keeps its patch and its registers to itself. */
#define WINOGRAD_INPUT(m, half)                                                                    \
	static __attribute__((noinline)) void winograd_input_##m##_##half(                         \
	    const struct avl_winograd_input_job *job)                                              \
	{                                                                                          \
		winograd_input_tiles(m, job, half);                                                \
	}
WINOGRAD_INPUT(2, 0)
WINOGRAD_INPUT(2, 1)
WINOGRAD_INPUT(4, 0)
WINOGRAD_INPUT(4, 1)
WINOGRAD_INPUT(6, 0)
WINOGRAD_INPUT(6, 1)

static void winograd_input(const struct avl_winograd_input_job *job)
{
	static void (*const by_m[][2])(const struct avl_winograd_input_job *job) = {
	    {winograd_input_2_0, winograd_input_2_1},
	    {winograd_input_4_0, winograd_input_4_1},
	    {winograd_input_6_0, winograd_input_6_1},
	};
	by_m[job->m / 2 - 1][job->is_bf16 != 0](job);
}

INLINE void winograd_g6(const vec g[3], vec *out)
{
	const vec ends = splat(-2.0F / 9) * (g[0] + g[2]), middle = splat(2.0F / 9) * g[1];
	const vec two = splat(1.0F / 90) * g[0] + splat(2.0F / 45) * g[2];
	const vec half = splat(32.0F / 45) * g[0] + splat(8.0F / 45) * g[2];
	out[0] = g[0];
	out[1] = ends - middle;
	out[2] = ends + middle;
	out[3] = two + splat(1.0F / 45) * g[1];
	out[4] = two - splat(1.0F / 45) * g[1];
	out[5] = half + splat(16.0F / 45) * g[1];
	out[6] = half - splat(16.0F / 45) * g[1];
	out[7] = g[2];
}

INLINE void winograd_g(const int m, const vec g[3], vec *out)
{
	if (m == 2) {
		const vec ends = splat(0.5F) * (g[0] + g[2]), middle = splat(0.5F) * g[1];
		out[0] = g[0];
		out[1] = ends + middle;
		out[2] = ends - middle;
		out[3] = g[2];
		return;
	}
	if (m == 6) {
		winograd_g6(g, out);
		return;
	}
	const vec ends = splat(-1.0F / 6) * (g[0] + g[2]), middle = splat(1.0F / 6) * g[1];
	const vec far = splat(1.0F / 24) * g[0] + splat(1.0F / 6) * g[2];
	const vec half = splat(1.0F / 12) * g[1];
	out[0] = splat(0.25F) * g[0];
	out[1] = ends - middle;
	out[2] = ends + middle;
	out[3] = far + half;
	out[4] = far - half;
	out[5] = g[2];
}

INLINE void winograd_weights_of(const int m, const float *g, float *out, ptrdiff_t step)
{
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		vec half[3][8];
		FOR (j, 3) {
			vec column[3];
			FOR (i, 3)
				column[i] = load(g + (i * 3 + j) * AVL_BLOCK + v);
			winograd_g(m, column, half[j]);
		}
		FOR (i, m + 2) {
			vec t[8];
			winograd_g(m, (const vec[]){half[0][i], half[1][i], half[2][i]}, t);
			FOR (j, m + 2)
				store(out + (i * (m + 2) + j) * step + v, t[j]);
		}
	}
}

static void winograd_weights(int m, const float *g, float *out, ptrdiff_t step)
{
	if (m == 6)
		winograd_weights_of(6, g, out, step);
	else if (m == 4)
		winograd_weights_of(4, g, out, step);
	else
		winograd_weights_of(2, g, out, step);
}

INLINE void winograd_a(const int m, const vec *p, vec *out)
{
	const vec a = p[1] + p[2], b = p[1] - p[2];
	if (m == 2) {
		out[0] = p[0] + a;
		out[1] = b - p[3];
		return;
	}
	const vec c = p[3] + p[4], d = p[3] - p[4];
	if (m == 6) {
		const vec e = p[5] + p[6], f = p[5] - p[6];
		out[0] = p[0] + a + c + e;
		out[1] = b + splat(2) * d + splat(1.0F / 2) * f;
		out[2] = a + splat(4) * c + splat(1.0F / 4) * e;
		out[3] = b + splat(8) * d + splat(1.0F / 8) * f;
		out[4] = a + splat(16) * c + splat(1.0F / 16) * e;
		out[5] = b + splat(32) * d + splat(1.0F / 32) * f + p[7];
		return;
	}
	out[0] = p[0] + a + c;
	out[1] = b + splat(2) * d;
	out[2] = a + splat(4) * c;
	out[3] = b + splat(8) * d + p[5];
}

/* A' m A of the products at P. The bias is added to the one product that has the factor 1 in every
 * output. */
INLINE void winograd_sums(const int m, const float *p, ptrdiff_t step, vec bias, vec out[6][6])
{
	vec half[8][6];
	FOR (i, m + 2) {
		vec row[8];
		FOR (j, m + 2)
			row[j] = load(p + (i * (m + 2) + j) * step);
		if (i == 1)
			row[1] += bias;
		winograd_a(m, row, half[i]);
	}
	FOR (j, m) {
		vec column[8], t[6];
		FOR (i, m + 2)
			column[i] = half[i][j];
		winograd_a(m, column, t);
		FOR (i, m)
			out[i][j] = t[i];
	}
}

/* The largest of four, NaN where one of them is. */
INLINE vec winograd_largest(vec a, vec b, vec c, vec d)
{
	const veci nan = (veci)(a != a) | (veci)(b != b) | (veci)(c != c);
	return (vec)((veci)max(max(a, b), max(c, d)) | nan);
}

/* ROWS and COLS of the tile lie inside the picture. */
INLINE void winograd_store(const int m, const struct avl_winograd_output_job *job,
			   const vec out[6][6], ptrdiff_t at, const int rows, const int cols,
			   const int half)
{
	const vec lo = splat(job->lo), hi = splat(job->hi);
	FOR (i, m)
		FOR (j, m) {
			const ptrdiff_t to = at + ((ptrdiff_t)i * job->w + j) * AVL_BLOCK;
			if (i >= rows || j >= cols)
				continue;
			vec y = out[i][j];
			if (job->residual)
				y += fetch(job->residual, to, half);
			keep(job->y, to, clamp(y, lo, hi), half);
		}
}

INLINE void winograd_store_pooled(const int m, const struct avl_winograd_output_job *job,
				  const vec out[6][6], ptrdiff_t at, const int rows, const int cols,
				  const int half)
{
	const vec lo = splat(job->lo), hi = splat(job->hi);
	FOR (i, m / 2)
		FOR (j, m / 2) {
			if (2 * i + 1 >= rows || 2 * j + 1 >= cols)
				continue;
			const vec y =
			    winograd_largest(out[2 * i][2 * j], out[2 * i][2 * j + 1],
					     out[2 * i + 1][2 * j], out[2 * i + 1][2 * j + 1]);
			keep(job->y, at + ((ptrdiff_t)i * (job->w / 2) + j) * AVL_BLOCK,
			     clamp(y, lo, hi), half);
		}
}

INLINE void winograd_output_tiles(const int m, const struct avl_winograd_output_job *job,
				  const int half)
{
	const int rows = job->h - job->top < m ? job->h - job->top : m;
	for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
		const vec bias = job->bias ? load(job->bias + v) : (vec){0};
		for (int t = 0; t < job->tiles; t++) {
			const int left = job->left + t * m;
			const int cols = job->w - left < m ? job->w - left : m;
			vec out[6][6];
			winograd_sums(m, job->p + t * AVL_BLOCK + v, job->step, bias, out);
			const ptrdiff_t at = ((ptrdiff_t)job->top * job->w + left) * AVL_BLOCK + v;
			if (job->pool)
				winograd_store_pooled(
				    m, job, (const vec(*)[6])out,
				    ((ptrdiff_t)(job->top / 2) * (job->w / 2) + left / 2) *
					    AVL_BLOCK +
					v,
				    rows, cols, half);
			else if (rows == m && cols == m)
				winograd_store(m, job, (const vec(*)[6])out, at, m, m, half);
			else
				winograd_store(m, job, (const vec(*)[6])out, at, rows, cols, half);
		}
	}
}

#define WINOGRAD_OUTPUT(m, half)                                                                   \
	static __attribute__((noinline)) void winograd_output_##m##_##half(                        \
	    const struct avl_winograd_output_job *job)                                             \
	{                                                                                          \
		winograd_output_tiles(m, job, half);                                               \
	}
WINOGRAD_OUTPUT(2, 0)
WINOGRAD_OUTPUT(2, 1)
WINOGRAD_OUTPUT(4, 0)
WINOGRAD_OUTPUT(4, 1)
WINOGRAD_OUTPUT(6, 0)
WINOGRAD_OUTPUT(6, 1)

static void winograd_output(const struct avl_winograd_output_job *job)
{
	static void (*const by_m[][2])(const struct avl_winograd_output_job *job) = {
	    {winograd_output_2_0, winograd_output_2_1},
	    {winograd_output_4_0, winograd_output_4_1},
	    {winograd_output_6_0, winograd_output_6_1},
	};
	by_m[job->m / 2 - 1][job->is_bf16 != 0](job);
}
