/* SPDX-License-Identifier: MIT */

/* The gradient of a convolution's weights from maps in bf16. Some pixels at a time are laid side by
 * side: in pairs where the CPU multiplies those, else widened, for the kernel in fp32. */

/* Their copies take half of a first level cache at most. */
#define DW_CHUNK 96

/* The pixels of a job, one after the other. */
struct dw_cursor {
	const uint16_t *x, *dy;
	int row, pixel;
};

INLINE void dw_next(const struct avl_conv_dw_job *job, struct dw_cursor *at)
{
	at->x += job->x_pixel;
	at->dy += AVL_BLOCK;
	if (++at->pixel < job->pixels)
		return;
	at->pixel = 0;
	at->row++;
	at->x = (const uint16_t *)job->x + at->row * job->x_row;
	at->dy = (const uint16_t *)job->dy + at->row * job->dy_row;
}

#if defined(AVL_BF16)
/* COUNT pixels to X and DY [pairs][16][2]; the second of a pair may be missing. */
static void dw_pair(const struct avl_conv_dw_job *job, struct dw_cursor *at, int count, uint16_t *x,
		    uint16_t *dy)
{
	for (int k = 0; k < count; k += 2, x += 2 * AVL_BLOCK, dy += 2 * AVL_BLOCK) {
		const struct dw_cursor first = *at;
		dw_next(job, at);
		const int single = k + 1 == count;
		*(vecu *)(void *)x = paired(first.x, single ? NULL : at->x);
		*(vecu *)(void *)dy = paired(first.dy, single ? NULL : at->dy);
		if (!single)
			dw_next(job, at);
	}
}

static void dw_chunk(const struct avl_conv_dw_job *job, struct dw_cursor *at, int count,
		     vec sum[AVL_BLOCK])
{
	_Alignas(64) uint16_t x[DW_CHUNK * AVL_BLOCK], dy[DW_CHUNK * AVL_BLOCK];
	vec part[AVL_BLOCK];
	dw_pair(job, at, count, x, dy);
	FOR (i, AVL_BLOCK)
		part[i] = sum[i];
	for (int k = 0; k < (count + 1) / 2 * 2 * AVL_BLOCK; k += 2 * AVL_BLOCK) {
		const vecu pair = load_pairs(dy + k);
		FOR (i, AVL_BLOCK)
			part[i] = dot(part[i], splat_pair(x + k + 2 * i), pair);
	}
	FOR (i, AVL_BLOCK)
		sum[i] = part[i];
}

static void conv_dw_bf16(const struct avl_conv_dw_job *job)
{
	vec sum[AVL_BLOCK] = {0};
	struct dw_cursor at = {job->x, job->dy, 0, 0};
	for (int left = job->rows * job->pixels; left > 0; left -= DW_CHUNK)
		dw_chunk(job, &at, left < DW_CHUNK ? left : DW_CHUNK, sum);
	for (int i = 0; i < job->inputs; i++)
		store(job->dw + i * AVL_BLOCK, load(job->dw + i * AVL_BLOCK) + sum[i]);
}
#else
static void conv_dw_bf16(const struct avl_conv_dw_job *job)
{
	_Alignas(64) float x[DW_CHUNK * AVL_BLOCK], dy[DW_CHUNK * AVL_BLOCK];
	struct dw_cursor at = {job->x, job->dy, 0, 0};
	for (int left = job->rows * job->pixels; left > 0; left -= DW_CHUNK) {
		const int count = left < DW_CHUNK ? left : DW_CHUNK;
		for (int k = 0; k < count; k++, dw_next(job, &at))
			FOR (v, NV) {
				const int lane = v * AVL_VECTOR, to = k * AVL_BLOCK + lane;
				store(x + to, load_bf16(at.x + lane));
				store(dy + to, load_bf16(at.dy + lane));
			}
		conv_dw(&(struct avl_conv_dw_job){
		    .x = x,
		    .x_pixel = AVL_BLOCK,
		    .inputs = job->inputs,
		    .dy = dy,
		    .rows = 1,
		    .pixels = count,
		    .dw = job->dw,
		});
	}
}
#endif
