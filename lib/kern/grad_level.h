/* SPDX-License-Identifier: MIT */

/* Gradients of convolutions. A weight's gradient is held in registers while the pixels go by:
 * some input channels by one block of output channels. */

#if AVL_VECTOR == 16
#define DW_INPUTS 16
#elif AVL_VECTOR == 8
#define DW_INPUTS 4
#else
#define DW_INPUTS 2
#endif

INLINE void conv_dw_tile(const struct avl_conv_dw_job *job, int first, const int inputs)
{
	vec sum[DW_INPUTS][NV];
	float *const dw = job->dw + first * AVL_BLOCK;
	FOR (i, inputs)
		FOR (v, NV)
			sum[i][v] = load(dw + i * AVL_BLOCK + v * AVL_VECTOR);
	for (int r = 0; r < job->rows; r++) {
		const float *x = (const float *)job->x + r * job->x_row + first;
		const float *from = (const float *)job->dy + r * job->dy_row;
		for (int p = 0; p < job->pixels; p++, x += job->x_pixel, from += AVL_BLOCK) {
			vec dy[NV];
			FOR (v, NV)
				dy[v] = load(from + v * AVL_VECTOR);
			FOR (i, inputs)
				FOR (v, NV)
					sum[i][v] = madd(splat(x[i]), dy[v], sum[i][v]);
		}
	}
	FOR (i, inputs)
		FOR (v, NV)
			store(dw + i * AVL_BLOCK + v * AVL_VECTOR, sum[i][v]);
}

static void conv_dw(const struct avl_conv_dw_job *job)
{
	int i = 0;
	for (; i + DW_INPUTS <= job->inputs; i += DW_INPUTS)
		conv_dw_tile(job, i, DW_INPUTS);
	/* a sum alone would wait for itself */
	if (i + DW_INPUTS / 2 <= job->inputs) {
		conv_dw_tile(job, i, DW_INPUTS / 2);
		i += DW_INPUTS / 2;
	}
#if DW_INPUTS > 4
	if (i + DW_INPUTS / 4 <= job->inputs) {
		conv_dw_tile(job, i, DW_INPUTS / 4);
		i += DW_INPUTS / 4;
	}
	if (i + DW_INPUTS / 8 <= job->inputs) {
		conv_dw_tile(job, i, DW_INPUTS / 8);
		i += DW_INPUTS / 8;
	}
#endif
	for (; i < job->inputs; i++)
		conv_dw_tile(job, i, 1);
}

/* The pixels first..last-1 see column Q of the kernel inside 0..width-1. */
static void pixels_seeing(const struct avl_depthwise_grad_job *job, int q, int *first, int *last)
{
	const int before = job->pad - q, behind = job->width - 1 + job->pad - q;
	*first = before > 0 ? (before + job->stride - 1) / job->stride : 0;
	*last = behind < 0 ? 0 : behind / job->stride + 1;
	if (*last > job->pixels)
		*last = job->pixels;
}

static void depthwise_grad(const struct avl_depthwise_grad_job *job)
{
	for (int r = 0; r < job->rows; r++)
		for (int q = 0; q < job->columns; q++) {
			int first, last;
			pixels_seeing(job, q, &first, &last);
			const ptrdiff_t tap = (ptrdiff_t)(r * job->columns + q) * AVL_BLOCK;
			const ptrdiff_t left =
			    ((ptrdiff_t)r * job->width - job->pad + q) * AVL_BLOCK;
			const ptrdiff_t step = (ptrdiff_t)job->stride * AVL_BLOCK;
			for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
				const float *const dy = job->dy + v;
				for (int p = first; job->dx && p < last; p++) {
					float *const dx = job->dx + left + p * step + v;
					store(dx, madd(load(job->w + tap + v),
						       load(dy + p * AVL_BLOCK), load(dx)));
				}
				if (!job->dw)
					continue;
				vec sum = load(job->dw + tap + v);
				for (int p = first; p < last; p++)
					sum = madd(load(job->x + left + p * step + v),
						   load(dy + p * AVL_BLOCK), sum);
				store(job->dw + tap + v, sum);
			}
		}
}

INLINE void maxpool_grad_of(const struct avl_maxpool_grad_job *job, const int half)
{
	for (int p = 0; p < job->pixels; p++) {
		const int left = p * job->stride - job->pad;
		const int q0 = left < 0 ? -left : 0;
		const int q1 = left + job->columns > job->width ? job->width - left : job->columns;
		for (int v = 0; v < AVL_BLOCK; v += AVL_VECTOR) {
			const vec y = fetch(job->y, p * AVL_BLOCK + v, half);
			const vec dy = fetch(job->dy, p * AVL_BLOCK + v, half);
			veci free = ~(veci){0};
			for (int r = 0; r < job->rows; r++)
				for (int q = q0; q < q1; q++) {
					const ptrdiff_t at =
					    ((ptrdiff_t)r * job->width + left + q) * AVL_BLOCK + v;
					const veci first =
					    (veci)(fetch(job->x, at, half) == y) & free;
					keep(job->dx, at,
					     fetch(job->dx, at, half) + (vec)(first & (veci)dy),
					     half);
					free &= ~first;
				}
		}
	}
}

static void maxpool_grad(const struct avl_maxpool_grad_job *job)
{
	maxpool_grad_of(job, 0);
}

static void maxpool_grad_bf16(const struct avl_maxpool_grad_job *job)
{
	maxpool_grad_of(job, 1);
}
