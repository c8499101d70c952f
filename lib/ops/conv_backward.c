/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "ops/conv.h"

/* The weights of output channel O from those of its block. */
static void unpack_output(const struct avl_attr *attr, const struct avl_conv_plan *p,
			  const float *from, int o, float *to)
{
	const size_t window = (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t inner = (size_t)p->inner, lane = (size_t)(o % AVL_BLOCK);
	for (size_t c = 0; c < (size_t)p->in.c; c++)
		for (size_t k = 0; k < window; k++)
			*to++ =
			    from[((c / inner * window + k) * inner + c % inner) * AVL_BLOCK + lane];
}

void avl_conv_unpack(const struct avl_attr *attr, const struct avl_shape *in, const float *from,
		     const struct avl_params_out *params)
{
	assert(!attr->winograd);
	const struct avl_conv_plan p = avl_conv_plan(attr, in);
	const size_t each = (size_t)in->c * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t block = (size_t)p.taps * (size_t)p.inner * AVL_BLOCK;
	const float *const weights = from + (size_t)avl_blocks(attr->out) * AVL_BLOCK;
	for (int o = 0; params->bias && o < attr->out; o++)
		params->bias[o] = from[o];
	for (int o = 0; params->weight && o < attr->out; o++)
		unpack_output(attr, &p, weights + (size_t)(o / AVL_BLOCK) * block, o,
			      params->weight + (size_t)o * each);
}

/* Backward to the input: the gradient of the output, its pixels set apart by the stride and
 * bordered, is convolved with the kernel turned round and its channels exchanged. */
struct reverse {
	struct avl_conv_plan p;
	int h, w;      /* of the picture of gradients with its border */
	int top, left; /* where the first gradient stands in it */
	int blocks;    /* of output channels: what the reverse convolution reads */
	size_t spread; /* floats of that picture */
	size_t turned; /* floats of the turned weights */
};

static struct reverse reverse_of(const struct avl_attr *attr, const struct avl_shape *in)
{
	struct reverse r = {.p = avl_conv_plan(attr, in)};
	r.h = in->h + attr->kernel_h - 1;
	r.w = in->w + attr->kernel_w - 1;
	r.top = attr->kernel_h - 1 - r.p.before_h;
	r.left = attr->kernel_w - 1 - r.p.before_w;
	r.blocks = avl_blocks(attr->out);
	r.spread = (size_t)r.blocks * AVL_BLOCK * (size_t)in->n * (size_t)r.h * (size_t)r.w;
	r.turned = (size_t)r.blocks * (size_t)avl_blocks(in->c) * AVL_BLOCK * AVL_BLOCK *
		   (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	return r;
}

size_t avl_conv_grad_scratch(const struct avl_attr *attr, const struct avl_shape *in)
{
	const struct reverse r = reverse_of(attr, in);
	const size_t taps = (size_t)r.blocks * (size_t)attr->kernel_h * (size_t)attr->kernel_w;
	const size_t reverse = r.spread + r.turned + taps * sizeof(ptrdiff_t) / sizeof(float);
	const size_t copy = avl_conv_border_floats(&r.p);
	return attr->planar || copy > reverse ? copy : reverse;
}

struct grad_job {
	const struct avl_op_run *run;
	const struct avl_op_grad *grad;
	struct reverse r;
	const float *x; /* bordered input */
	ptrdiff_t *tap;
};

/* Item: the gradients of one block of output channels in one picture, set apart. */
static void spread_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const out = &r->p.out;
	const size_t area = (size_t)r->h * (size_t)r->w * AVL_BLOCK;
	float *const to = job->grad->scratch + (size_t)item * area;
	const float *from =
	    job->grad->dout + (size_t)item * (size_t)out->h * (size_t)out->w * AVL_BLOCK;
	memset(to, 0, area * sizeof *to);
	for (int y = 0; y < out->h; y++) {
		const int row = r->top + y * attr->stride_h;
		for (int x = 0; x < out->w; x++, from += AVL_BLOCK) {
			const int col = r->left + x * attr->stride_w;
			if (row < r->h && col < r->w)
				memcpy(to + ((ptrdiff_t)row * r->w + col) * AVL_BLOCK, from,
				       AVL_BLOCK * sizeof *to);
		}
	}
}

/* Item: the turned weights that lead to one block of input channels. */
static void turn_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const int window = job->run->attr->kernel_h * job->run->attr->kernel_w;
	const float *const weights = job->run->packed + (size_t)r->blocks * AVL_BLOCK;
	const size_t tile = (size_t)AVL_BLOCK * AVL_BLOCK;
	float *to = job->grad->scratch + r->spread +
		    (size_t)item * (size_t)r->blocks * (size_t)window * tile;
	for (int o = 0; o < r->blocks; o++)
		for (int k = window - 1; k >= 0; k--, to += tile) {
			const float *const from =
			    weights +
			    ((size_t)o * (size_t)r->p.taps + (size_t)(item * window + k)) * tile;
			for (int i = 0; i < AVL_BLOCK; i++)
				for (int j = 0; j < AVL_BLOCK; j++)
					to[j * AVL_BLOCK + i] = from[i * AVL_BLOCK + j];
		}
}

/* Item: one row of one picture. */
static void din_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const struct avl_shape *const in = &r->p.in;
	const int n = item / in->h, y = item % in->h;
	float *const din = job->grad->din[0] + ((ptrdiff_t)n * in->h + y) * in->w * AVL_BLOCK;
	avl_kern()->conv(&(struct avl_conv_job){
	    .x = job->grad->scratch + ((ptrdiff_t)n * r->h + y) * r->w * AVL_BLOCK,
	    .x_pixel = AVL_BLOCK,
	    .tap = job->tap,
	    .taps = r->blocks * attr->kernel_h * attr->kernel_w,
	    .inner = AVL_BLOCK,
	    .w = job->grad->scratch + r->spread,
	    .residual = din,
	    .y = din,
	    .y_block = avl_block_stride(in),
	    .pixels = in->w,
	    .blocks = avl_blocks(in->c),
	    .lo = -INFINITY,
	    .hi = INFINITY,
	});
}

static void backward_input(struct grad_job *job)
{
	const struct reverse *const r = &job->r;
	const struct avl_attr *const attr = job->run->attr;
	const ptrdiff_t plane = (ptrdiff_t)r->p.in.n * r->h * r->w * AVL_BLOCK;
	ptrdiff_t *tap = (ptrdiff_t *)(void *)(job->grad->scratch + r->spread + r->turned);
	job->tap = tap;
	for (int o = 0; o < r->blocks; o++)
		for (int y = 0; y < attr->kernel_h; y++)
			for (int x = 0; x < attr->kernel_w; x++)
				*tap++ = o * plane + ((ptrdiff_t)y * r->w + x) * AVL_BLOCK;
	avl_par_for(job->run->par, r->blocks * r->p.in.n, spread_item, job);
	avl_par_for(job->run->par, avl_blocks(r->p.in.c), turn_item, job);
	avl_par_for(job->run->par, r->p.in.n * r->p.in.h, din_item, job);
}

/* Item: the weights between one block of output channels and one plane of input, and with the first
 * plane the bias. */
static void dweight_item(void *argument, int item, int thread)
{
	(void)thread;
	const struct grad_job *const job = argument;
	const struct avl_conv_plan *const p = &job->r.p;
	const struct avl_attr *const attr = job->run->attr;
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	const int block = item / planes, plane = item % planes;
	const int window = attr->kernel_h * attr->kernel_w;
	const ptrdiff_t area = (ptrdiff_t)p->h * p->w * p->inner, tile = p->inner * AVL_BLOCK;
	const ptrdiff_t picture = p->planar ? area * p->in.c : area;
	const float *const x = job->x + plane * (p->planar ? area : area * p->in.n);
	const float *const dy = job->grad->dout + block * avl_block_stride(&p->out);
	float *const dbias = job->grad->dpacked + (ptrdiff_t)block * AVL_BLOCK;
	float *const dw = job->grad->dpacked + (ptrdiff_t)job->r.blocks * AVL_BLOCK +
			  ((ptrdiff_t)block * p->taps + (ptrdiff_t)plane * window) * tile;
	for (int n = 0; n < p->out.n; n++)
		for (int y = 0; y < p->out.h; y++) {
			const float *const row =
			    dy + ((ptrdiff_t)n * p->out.h + y) * p->out.w * AVL_BLOCK;
			for (int k = 0; k < window; k++)
				avl_kern()->conv_dw(&(struct avl_conv_dw_job){
				    .x = x + n * picture +
					 ((ptrdiff_t)(y * attr->stride_h + k / attr->kernel_w) *
					      p->w +
					  k % attr->kernel_w) *
					     p->inner,
				    .x_pixel = (ptrdiff_t)attr->stride_w * p->inner,
				    .inner = p->inner,
				    .dy = row,
				    .pixels = p->out.w,
				    .dw = dw + k * tile,
				});
			if (plane > 0 || !attr->bias)
				continue;
			_Alignas(AVL_ALIGN) float sum[AVL_BLOCK];
			avl_kern()->sum(sum, row, (size_t)p->out.w, 1);
			for (int i = 0; i < AVL_BLOCK; i++)
				dbias[i] += sum[i];
		}
}

void avl_conv_backward(const struct avl_op_run *run, const struct avl_op_grad *grad)
{
	struct grad_job job = {
	    .run = run,
	    .grad = grad,
	    .r = reverse_of(run->attr, &run->in[0].shape),
	    .x = run->in[0].data,
	};
	const struct avl_conv_plan *const p = &job.r.p;
	assert(!run->in[1].data && run->attr->lo == -INFINITY && run->attr->hi == INFINITY);
	assert((!p->planar || !grad->din[0]) && !run->attr->winograd);
	const int planes = p->planar ? p->in.c : avl_blocks(p->in.c);
	if (grad->dpacked) {
		if (p->copied) {
			avl_conv_border(p, run->par, run->in[0].data, grad->scratch);
			job.x = grad->scratch;
		}
		avl_par_for(run->par, job.r.blocks * planes, dweight_item, &job);
	}
	if (grad->din[0])
		backward_input(&job);
}
