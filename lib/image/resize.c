/* SPDX-License-Identifier: MIT */
#include "image/resize.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define FIXED_BITS 22
#define FIXED_HALF (1 << (FIXED_BITS - 1))
#define BLOCK      16 /* rows a work item takes */
#define LANES      64 /* columns a vertical sum holds at a time */

struct avl_resize {
	struct avl_resize_spec spec;
	struct avl_filter_axis across, down;
	int first_row, rows;  /* of the input, that the result needs */
	int is_across_needed; /* else rows are taken as they are */
	int is_down_needed;
	int is_down_first; /* of pictures */
	void *scratch;     /* rows x width, 3 bytes or one float each; crop_h x in_w, 3 bytes */
};

/* One call's arguments for the threads. */
struct job {
	const struct avl_resize *plan;
	const void *src;
	void *dst;
	int first_row; /* of what the axis down counts, the row that SRC begins with */
	int rows;      /* to go across */
	size_t stride; /* bytes of a row to go down */
};

struct avl_resize_spec avl_resize_stretch(int in_h, int in_w, int out_h, int out_w,
					  enum avl_filter filter)
{
	return (struct avl_resize_spec){
	    .in_h = in_h, .in_w = in_w, .out_h = out_h, .out_w = out_w, .filter = filter};
}

static int half_to_even(int n)
{
	const int half = n / 2;
	return n % 2 ? half + half % 2 : half;
}

struct avl_resize_spec avl_resize_centre_crop(int in_h, int in_w, int side, int crop_h, int crop_w,
					      enum avl_filter filter)
{
	const int is_tall = in_h >= in_w;
	const int shorter = is_tall ? in_w : in_h;
	const int longer = is_tall ? in_h : in_w;
	const int length = shorter > 0 ? (int)((double)side * longer / shorter) : 0;
	struct avl_resize_spec spec = avl_resize_stretch(in_h, in_w, is_tall ? length : side,
							 is_tall ? side : length, filter);
	spec.crop_h = crop_h;
	spec.crop_w = crop_w;
	spec.crop_y = half_to_even(spec.out_h - crop_h);
	spec.crop_x = half_to_even(spec.out_w - crop_w);
	return spec;
}

static void fill_defaults(struct avl_resize_spec *spec)
{
	static const float none[4];
	if (memcmp(spec->box, none, sizeof(none)) == 0) {
		spec->box[2] = (float)spec->in_w;
		spec->box[3] = (float)spec->in_h;
	}
	if (spec->crop_h == 0 && spec->crop_w == 0) {
		spec->crop_h = spec->out_h;
		spec->crop_w = spec->out_w;
	}
}

void avl_resize_region(const struct avl_resize_spec *given, double region[4])
{
	struct avl_resize_spec spec = *given;
	fill_defaults(&spec);
	const double step_x = (double)(spec.box[2] - spec.box[0]) / spec.out_w;
	const double step_y = (double)(spec.box[3] - spec.box[1]) / spec.out_h;
	region[0] = (spec.box[0] + spec.crop_x * step_x) / spec.in_w;
	region[1] = (spec.box[1] + spec.crop_y * step_y) / spec.in_h;
	region[2] = (spec.box[0] + (spec.crop_x + spec.crop_w) * step_x) / spec.in_w;
	region[3] = (spec.box[1] + (spec.crop_y + spec.crop_h) * step_y) / spec.in_h;
}

static int is_side(int n)
{
	return n >= 1 && n <= AVL_SIDE_MAX;
}

static int check(const struct avl_resize_spec *s, struct avl_err *err)
{
	if (!is_side(s->in_h) || !is_side(s->in_w))
		return avl_fail(err, AVL_EUSAGE, "cannot resize a picture of %d x %d pixels",
				s->in_w, s->in_h);
	if (!is_side(s->out_h) || !is_side(s->out_w))
		return avl_fail(err, AVL_EUSAGE, "cannot resize to %d x %d pixels", s->out_w,
				s->out_h);
	if (!(s->box[0] >= 0 && s->box[1] >= 0 && s->box[2] <= (float)s->in_w &&
	      s->box[3] <= (float)s->in_h && s->box[0] < s->box[2] && s->box[1] < s->box[3]))
		return avl_fail(err, AVL_EUSAGE, "box outside the %d x %d picture", s->in_w,
				s->in_h);
	if (s->crop_x < 0 || s->crop_y < 0 || s->crop_w < 1 || s->crop_h < 1 ||
	    s->crop_w > s->out_w - s->crop_x || s->crop_h > s->out_h - s->crop_y)
		return avl_fail(err, AVL_EUSAGE, "cannot crop %d x %d from %d x %d pixels",
				s->crop_w, s->crop_h, s->out_w, s->out_h);
	return 0;
}

/* Pillow leaves an axis alone where nothing changes along it. Its filters would too, except for
 * the point filters' and others' rounding of weights, so this is for speed only. */
static int is_changed(int in, int out, float from, float to)
{
	return in != out || from != 0 || to != (float)in;
}

/* Pillow 13 goes down the columns first where the height shrinks by more than twice as many pixels as the
 * width (its pull request 9549); before, it never did. */
static int is_down_first(const struct avl_resize *plan)
{
	const struct avl_resize_spec *const s = &plan->spec;
	const int less_wide = s->in_w > s->out_w ? s->in_w - s->out_w : 0;
	return plan->is_across_needed && plan->is_down_needed && s->in_h - s->out_h > 2 * less_wide;
}

static int plan_axes(struct avl_resize *plan, struct avl_err *err)
{
	const struct avl_resize_spec *const s = &plan->spec;
	int rc = avl_filter_axis_init(&plan->across, s->filter, s->in_w, s->box[0], s->box[2],
				      s->out_w, s->crop_x, s->crop_w, err);
	if (rc == 0)
		rc = avl_filter_axis_init(&plan->down, s->filter, s->in_h, s->box[1], s->box[3],
					  s->out_h, s->crop_y, s->crop_h, err);
	if (rc < 0)
		return rc;
	const int last = s->crop_h - 1;
	plan->is_across_needed = is_changed(s->in_w, s->out_w, s->box[0], s->box[2]);
	plan->is_down_needed = is_changed(s->in_h, s->out_h, s->box[1], s->box[3]);
	plan->is_down_first = is_down_first(plan);
	plan->first_row = plan->is_down_needed ? plan->down.first[0] : s->crop_y;
	plan->rows = plan->is_down_needed
			 ? plan->down.first[last] + plan->down.count[last] - plan->first_row
			 : s->crop_h;
	return 0;
}

static size_t scratch_floats(const struct avl_resize *plan)
{
	const size_t across = (size_t)plan->rows * (size_t)plan->spec.crop_w;
	const size_t down = (size_t)plan->spec.crop_h * (size_t)plan->spec.in_w;
	return plan->is_down_first && down > across ? down : across;
}

int avl_resize_new(struct avl_resize **out, const struct avl_resize_spec *spec, struct avl_err *err)
{
	struct avl_resize *const plan = calloc(1, sizeof(*plan));
	int rc;
	*out = NULL;
	if (!plan)
		return avl_fail(err, AVL_ENOMEM, "out of memory for resizing");
	plan->spec = *spec;
	fill_defaults(&plan->spec);
	rc = check(&plan->spec, err);
	if (rc == 0)
		rc = plan_axes(plan, err);
	if (rc < 0)
		goto fail;
	plan->scratch = avl_alloc(scratch_floats(plan), sizeof(float));
	if (!plan->scratch) {
		rc = avl_fail(err, AVL_ENOMEM, "out of memory for resizing");
		goto fail;
	}
	*out = plan;
	return 0;
fail:
	avl_resize_free(plan);
	return rc;
}

void avl_resize_free(struct avl_resize *plan)
{
	if (!plan)
		return;
	avl_filter_axis_release(&plan->across);
	avl_filter_axis_release(&plan->down);
	free(plan->scratch);
	free(plan);
}

int avl_resize_height(const struct avl_resize *plan)
{
	return plan->spec.crop_h;
}

int avl_resize_width(const struct avl_resize *plan)
{
	return plan->spec.crop_w;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static uint8_t to_byte(int32_t sum)
{
	const int32_t value = sum >> FIXED_BITS;
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void across_rgb(const struct avl_filter_axis *axis, const uint8_t *restrict src,
		       uint8_t *restrict dst)
{
	for (int x = 0; x < axis->outputs; x++, dst += 3) {
		const int32_t *const k = axis->fixed + (size_t)x * (size_t)axis->taps;
		const uint8_t *const from = src + (size_t)axis->first[x] * 3;
		int32_t r = FIXED_HALF, g = FIXED_HALF, b = FIXED_HALF;
		for (int t = 0; t < axis->count[x]; t++) {
			r += from[3 * t] * k[t];
			g += from[3 * t + 1] * k[t];
			b += from[3 * t + 2] * k[t];
		}
		dst[0] = to_byte(r);
		dst[1] = to_byte(g);
		dst[2] = to_byte(b);
	}
}

static void across_rgb_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_resize *const plan = job->plan;
	const size_t from = (size_t)plan->spec.in_w * 3, to = (size_t)plan->spec.crop_w * 3;
	const int end = smaller(job->rows, (item + 1) * BLOCK);
	(void)thread;
	for (int y = item * BLOCK; y < end; y++) {
		const uint8_t *const src = (const uint8_t *)job->src + (size_t)y * from;
		uint8_t *const dst = (uint8_t *)job->dst + (size_t)y * to;
		if (plan->is_across_needed)
			across_rgb(&plan->across, src, dst);
		else
			memcpy(dst, src + (size_t)plan->spec.crop_x * 3, to);
	}
}

/* N <= LANES neighbouring bytes of one output row. */
static void down_bytes(const struct avl_filter_axis *axis, int y, const uint8_t *restrict src,
		       size_t stride, uint8_t *restrict dst, int n)
{
	const int32_t *const k = axis->fixed + (size_t)y * (size_t)axis->taps;
	int32_t sum[LANES];
	for (int i = 0; i < n; i++)
		sum[i] = FIXED_HALF;
	for (int t = 0; t < axis->count[y]; t++)
		for (int i = 0; i < n; i++)
			sum[i] += src[(size_t)t * stride + (size_t)i] * k[t];
	for (int i = 0; i < n; i++)
		dst[i] = to_byte(sum[i]);
}

static void down_rgb_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_resize *const plan = job->plan;
	const size_t stride = job->stride;
	const int end = smaller(plan->spec.crop_h, (item + 1) * BLOCK);
	(void)thread;
	for (int y = item * BLOCK; y < end; y++) {
		const size_t row = (size_t)(plan->down.first[y] - job->first_row);
		const uint8_t *const src = (const uint8_t *)job->src + row * stride;
		uint8_t *const dst = (uint8_t *)job->dst + (size_t)y * stride;
		for (size_t x = 0; x < stride; x += LANES)
			down_bytes(&plan->down, y, src + x, stride, dst + x,
				   stride - x < LANES ? (int)(stride - x) : LANES);
	}
}

static void across_map_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_resize *const plan = job->plan;
	const struct avl_filter_axis *const axis = &plan->across;
	const int end = smaller(job->rows, (item + 1) * BLOCK);
	(void)thread;
	for (int y = item * BLOCK; y < end; y++) {
		const float *const src =
		    (const float *)job->src + (size_t)y * (size_t)plan->spec.in_w;
		float *const dst = (float *)job->dst + (size_t)y * (size_t)axis->outputs;
		for (int x = 0; x < axis->outputs; x++) {
			const double *const k = axis->weight + (size_t)x * (size_t)axis->taps;
			double sum = 0;
			for (int t = 0; t < axis->count[x]; t++)
				sum += k[t] * src[axis->first[x] + t];
			dst[x] = (float)sum;
		}
	}
}

static void down_map_block(void *arg, int item, int thread)
{
	const struct job *const job = arg;
	const struct avl_resize *const plan = job->plan;
	const struct avl_filter_axis *const axis = &plan->down;
	const size_t width = (size_t)plan->spec.crop_w;
	const int end = smaller(plan->spec.crop_h, (item + 1) * BLOCK);
	(void)thread;
	for (int y = item * BLOCK; y < end; y++) {
		const float *const src =
		    (const float *)job->src + (size_t)(axis->first[y] - job->first_row) * width;
		float *const dst = (float *)job->dst + (size_t)y * width;
		memset(dst, 0, width * sizeof(*dst));
		for (int t = 0; t < axis->count[y]; t++) {
			const float k =
			    (float)axis->weight[(size_t)y * (size_t)axis->taps + (size_t)t];
			for (size_t x = 0; x < width; x++)
				dst[x] += k * src[(size_t)t * width + x];
		}
	}
}

typedef void work(void *arg, int item, int thread);

static int blocks(int rows)
{
	return (rows + BLOCK - 1) / BLOCK;
}

static void run(struct avl_resize *plan, const void *src, void *dst, struct avl_par *par,
		work *across, work *down)
{
	const struct avl_resize_spec *const s = &plan->spec;
	const size_t skipped = (size_t)plan->first_row * (size_t)s->in_w;
	const size_t each = across == across_rgb_block ? 3 : sizeof(float);
	struct job first = {.plan = plan,
			    .src = (const uint8_t *)src + skipped * each,
			    .dst = plan->is_down_needed ? plan->scratch : dst,
			    .rows = plan->rows};
	struct job second = {.plan = plan,
			     .src = plan->scratch,
			     .dst = dst,
			     .first_row = plan->first_row,
			     .stride = (size_t)s->crop_w * each};
	avl_par_for(par, blocks(plan->rows), across, &first);
	if (plan->is_down_needed)
		avl_par_for(par, blocks(s->crop_h), down, &second);
}

static void run_down_first(struct avl_resize *plan, const uint8_t *src, uint8_t *dst,
			   struct avl_par *par)
{
	const struct avl_resize_spec *const s = &plan->spec;
	struct job first = {
	    .plan = plan, .src = src, .dst = plan->scratch, .stride = (size_t)s->in_w * 3};
	struct job second = {.plan = plan, .src = plan->scratch, .dst = dst, .rows = s->crop_h};
	avl_par_for(par, blocks(s->crop_h), down_rgb_block, &first);
	avl_par_for(par, blocks(s->crop_h), across_rgb_block, &second);
}

void avl_resize_rgb(struct avl_resize *plan, const uint8_t *src, uint8_t *dst, struct avl_par *par)
{
	assert(src && dst);
	if (plan->is_down_first)
		run_down_first(plan, src, dst, par);
	else
		run(plan, src, dst, par, across_rgb_block, down_rgb_block);
}

void avl_resize_map(struct avl_resize *plan, const float *src, float *dst, struct avl_par *par)
{
	assert(src && dst);
	run(plan, src, dst, par, across_map_block, down_map_block);
}
