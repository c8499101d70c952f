/* SPDX-License-Identifier: MIT */
#include "cmd/refine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "eval/upsample.h"
#include "image/guided.h"
#include "image/resize.h"
#include "net/objects.h"

/* The side that published codes mix and judge at. */
#define USUAL_SIDE 224
/* The radius of the guided filter in cells of the model's map, and its eps: what colours may differ
 * by, squared, within one thing. Chosen on the development composites. */
#define RADIUS_CELLS 1.5
#define EPS          1e-3

/* How a published method mixes: SLAVC takes both maps on fixed scales, the others on their own. */
struct mixing {
	enum avl_upsample upsample;
	bool is_fixed;
};

#define OBJECTS_MOST 2.5 /* SLAVC: objects lie in 0..2.5, and cosines in -1..1 */

struct avl_refiner {
	struct avl_refine_options options;
	struct mixing mixing;
	struct avl_model *model;
	struct avl_par *par;
	struct avl_object_net *net;
	struct avl_upsampler scores, things;
	struct avl_guided *guided;
	struct avl_resize *resize;
	int in_h, in_w;
	int grid_rows, grid_cols, object_rows, object_cols, rows, cols;
	float *grid, *objects; /* as they are seen; enlarged and normalised */
	uint8_t *guide;
};

static struct mixing mixing_of(const struct avl_contract *contract, bool has_prior)
{
	const char *const preset = contract->preset;
	if (has_prior && !strcmp(preset, "slavc"))
		return (struct mixing){AVL_UPSAMPLE_TORCH_CUBIC_CORNERS, true};
	if (has_prior && (!strcmp(preset, "ezvsl") || !strcmp(preset, "fnac")))
		return (struct mixing){AVL_UPSAMPLE_TORCH_LINEAR_CORNERS, false};
	return (struct mixing){AVL_UPSAMPLE_TORCH_LINEAR, false};
}

static int set_size(struct avl_refiner *r, struct avl_err *err)
{
	int used = 0;
	const char *const text = r->options.size;
	r->rows = r->cols = USUAL_SIDE;
	if (!text)
		return 0;
	const int n = sscanf(text, "%5d%n", &r->cols, &used);
	r->rows = r->cols;
	if (n == 1 && text[used] == 'x')
		used += sscanf(text + used, "x%5d", &r->rows) == 1
			    ? 1 + (int)strspn(text + used + 1, "0123456789")
			    : 0;
	if (n != 1 || text[used] || r->rows < 1 || r->cols < 1 || r->rows > 4096 || r->cols > 4096)
		return avl_fail(err, AVL_EUSAGE, "'%s' is no size of a map, N or WxH of 1 to 4096",
				text);
	return 0;
}

static int open_objects(struct avl_refiner *r, struct avl_err *err)
{
	r->object_rows = r->grid_rows;
	r->object_cols = r->grid_cols;
	if (isnan(r->options.prior) || !r->options.object_model)
		return 0;
	const int code = avl_object_net_open(&r->net, r->options.object_model, r->par, err);
	if (code)
		return code;
	avl_object_net_map_size(r->net, &r->object_rows, &r->object_cols);
	if (avl_object_net_contract(r->net)->frame.fit != avl_model_contract(r->model)->frame.fit)
		return avl_fail(err, AVL_EUSAGE,
				"'%s' sees another part of the frame than the model",
				r->options.object_model);
	return 0;
}

static int allocate(struct avl_refiner *r, struct avl_err *err)
{
	const size_t area = (size_t)r->rows * (size_t)r->cols;
	const double cell = ((double)r->rows / r->grid_rows + (double)r->cols / r->grid_cols) / 2;
	const double radius = fmax(1, round(RADIUS_CELLS * cell));
	r->grid = avl_alloc((size_t)r->object_rows * (size_t)r->object_cols, sizeof *r->grid);
	r->objects = avl_alloc(area, sizeof *r->objects);
	r->guide = avl_alloc(area, 3);
	if (!r->grid || !r->objects || !r->guide)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	return r->options.edges
		   ? avl_guided_new(&r->guided, r->rows, r->cols, (int)radius, EPS, err)
		   : 0;
}

int avl_refiner_new(struct avl_refiner **out, const struct avl_refine_options *options,
		    struct avl_model *model, struct avl_par *par, struct avl_err *err)
{
	*out = NULL;
	if (isnan(options->prior) && !options->edges && !options->size)
		return 0;
	struct avl_refiner *const r = calloc(1, sizeof *r);
	if (!r)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	*r = (struct avl_refiner){.options = *options, .model = model, .par = par};
	r->mixing = mixing_of(avl_model_contract(model), !isnan(options->prior));
	avl_model_map_size(model, &r->grid_rows, &r->grid_cols);
	int code = set_size(r, err);
	if (!code)
		code = open_objects(r, err);
	if (!code)
		code = allocate(r, err);
	if (!code)
		*out = r;
	else
		avl_refiner_free(r);
	return code;
}

void avl_refiner_free(struct avl_refiner *r)
{
	if (!r)
		return;
	avl_object_net_close(r->net);
	avl_upsampler_release(&r->scores);
	avl_upsampler_release(&r->things);
	avl_guided_free(r->guided);
	avl_resize_free(r->resize);
	free(r->grid);
	free(r->objects);
	free(r->guide);
	free(r);
}

void avl_refiner_size(const struct avl_refiner *r, int *rows, int *cols)
{
	if (!r)
		return;
	*rows = r->rows;
	*cols = r->cols;
}

/* (map - low) / (high - low), in single precision as NumPy has it. */
static void scale_to(float *map, size_t n, float low, float high)
{
	if (high - low == 0)
		return;
	for (size_t i = 0; i < n; i++)
		map[i] = (map[i] - low) / (high - low);
}

static void minmax(float *map, size_t n)
{
	float least = map[0], most = map[0];
	for (size_t i = 1; i < n; i++) {
		least = fminf(least, map[i]);
		most = fmaxf(most, map[i]);
	}
	scale_to(map, n, least, most);
}

static int see_objects(struct avl_refiner *r, const uint8_t *rgb, int h, int w, struct avl_err *err)
{
	const size_t area = (size_t)r->rows * (size_t)r->cols;
	double region[4]; /* the model's own: both fit the frame alike */
	int code = 0;
	if (r->net)
		code = avl_object_net_see(r->net, rgb, h, w, r->grid, region, err);
	else
		avl_objects_score(avl_model_features(r->model), r->grid);
	if (!code)
		code = avl_upsample(&r->things, r->mixing.upsample, r->grid, r->object_rows,
				    r->object_cols, r->objects, r->rows, r->cols, err);
	if (code)
		return code;
	if (r->mixing.is_fixed)
		scale_to(r->objects, area, 0, (float)OBJECTS_MOST);
	else
		minmax(r->objects, area);
	return 0;
}

/* The part of the picture that the map covers, at the map's size. */
static int see_edges(struct avl_refiner *r, const uint8_t *rgb, int h, int w,
		     const double region[4], struct avl_err *err)
{
	if (!r->resize || r->in_h != h || r->in_w != w) {
		struct avl_resize_spec spec =
		    avl_resize_stretch(h, w, r->rows, r->cols, AVL_FILTER_BILINEAR);
		for (int k = 0; k < 4; k++)
			spec.box[k] = (float)(region[k] * (k % 2 ? h : w));
		avl_resize_free(r->resize);
		r->resize = NULL;
		const int code = avl_resize_new(&r->resize, &spec, err);
		if (code)
			return code;
		r->in_h = h;
		r->in_w = w;
	}
	avl_resize_rgb(r->resize, rgb, r->guide, r->par);
	avl_guided_see(r->guided, r->guide);
	return 0;
}

int avl_refiner_see(struct avl_refiner *r, const uint8_t *rgb, int h, int w, const double region[4],
		    struct avl_err *err)
{
	int code = isnan(r->options.prior) ? 0 : see_objects(r, rgb, h, w, err);
	if (!code && r->guided)
		code = see_edges(r, rgb, h, w, region, err);
	return code;
}

/* final = mm(A mm(scores) + (1 - A) mm(objects)); SLAVC: A scores + (1 - A) objects. */
static void mix(const struct avl_refiner *r, float *map)
{
	const size_t area = (size_t)r->rows * (size_t)r->cols;
	const float a = (float)r->options.prior, b = (float)(1 - r->options.prior);
	if (r->mixing.is_fixed)
		scale_to(map, area, -1, 1);
	else
		minmax(map, area);
	for (size_t i = 0; i < area; i++)
		map[i] = map[i] * a + r->objects[i] * b;
	if (!r->mixing.is_fixed)
		minmax(map, area);
}

int avl_refiner_run(struct avl_refiner *r, const float *map, float *out, struct avl_err *err)
{
	const int code = avl_upsample(&r->scores, r->mixing.upsample, map, r->grid_rows,
				      r->grid_cols, out, r->rows, r->cols, err);
	if (code)
		return code;
	if (!isnan(r->options.prior))
		mix(r, out);
	if (r->guided)
		avl_guided_run(r->guided, out, out);
	return 0;
}

int avl_refiner_seal(const struct avl_refiner *r, struct avl_json *seal)
{
	static const double fraction[] = {0, 1};
	const bool has_prior = r && !isnan(r->options.prior);
	if (!r)
		return 0;
	struct avl_json *const refined = avl_json_object();
	if (!refined || (has_prior && avl_json_set_number(refined, "prior", r->options.prior)) ||
	    (r->options.edges && avl_json_set_string(refined, "edges", "guided"))) {
		avl_json_free(refined);
		return AVL_ENOMEM;
	}
	return avl_json_set(seal, "refined", refined) ||
	       (has_prior && avl_json_set_numbers(seal, "heat_range", fraction, 2));
}
