/* SPDX-License-Identifier: MIT */

/* Gradients of convolutions. A weight's gradient is held in registers while a row of pixels goes
 * by: some input channels by one block of output channels. */

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
	for (int p = 0; p < job->pixels; p++) {
		const float *const x = job->x + p * job->x_pixel + first;
		vec dy[NV];
		FOR (v, NV)
			dy[v] = load(job->dy + p * AVL_BLOCK + v * AVL_VECTOR);
		FOR (i, inputs)
			FOR (v, NV)
				sum[i][v] = madd(splat(x[i]), dy[v], sum[i][v]);
	}
	FOR (i, inputs)
		FOR (v, NV)
			store(dw + i * AVL_BLOCK + v * AVL_VECTOR, sum[i][v]);
}

static void conv_dw(const struct avl_conv_dw_job *job)
{
	if (job->inner == 1) {
		conv_dw_tile(job, 0, 1);
		return;
	}
	for (int i = 0; i < AVL_BLOCK; i += DW_INPUTS)
		conv_dw_tile(job, i, DW_INPUTS);
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
