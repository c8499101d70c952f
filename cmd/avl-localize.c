/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "cmd/material.h"
#include "cmd/refine.h"
#include "image/region.h"
#include "io/contract.h"
#include "kern/kern.h"
#include "net/model.h"
#include "net/sources.h"

/* Sounds that a seal names. */
#define HEARD_MAX 5

static const char *model_path, *cpu = "auto";
static int score = -1, sources, precision, threads;
static bool profile;
static struct avl_refine_options refine = {.prior = NAN};

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Localizing", NULL, 0, 0},
    {'m', "model", AVL_OPT_TEXT, &model_path, "FILE",
     "model file (default: $AVL_MODEL, or the one that comes with avl)", NULL, 0, 0},
    {0, "score", AVL_OPT_CHOICE, &score, "KIND",
     "how sound and picture are compared (default: as the model says)",
     "dot|relu|cosine|class|cosine-relu", 0, 0},
    {0, "sources", AVL_OPT_INT, &sources, "K", "a map for each of the K strongest sounds as well",
     NULL, 1, 64},
    {'p', "precision", AVL_OPT_CHOICE, &precision, "TYPE",
     "arithmetic of the networks; bf16 is faster and less exact (default: fp32)", "fp32|bf16", 0,
     0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Refining maps", NULL, 0, 0},
    {0, "object-prior", AVL_OPT_NUMBER, &refine.prior, "A",
     "mix in where things are: A of the scores, 1 - A of the objects", NULL, 0, 1},
    {0, "object-model", AVL_OPT_TEXT, &refine.object_model, "FILE",
     "model file whose image network sees the objects (default: the model)", NULL, 0, 0},
    {0, "edges", AVL_OPT_FLAG, &refine.edges, NULL, "let maps follow the edges of the picture",
     NULL, 0, 0},
    {0, "map-size", AVL_OPT_TEXT, &refine.size, "N|WxH",
     "size of the maps (default: the model's, 224 where they are refined)", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Running", NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &threads, "N", "threads (default: one a processor)", NULL, 1,
     256},
    {0, "cpu", AVL_OPT_TEXT, &cpu, "LEVEL", "portable, avx2, avx512, avx512bf16, or auto: the best",
     NULL, 0, 0},
    {0, "profile", AVL_OPT_FLAG, &profile, NULL, "at the end, print the time of each stage", NULL,
     0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    AVL_STREAM_OPTIONS,
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-localize",
    .synopsis = "[-m MODEL] [--score KIND] [--sources K] [-p TYPE] [-o FILE] [FILE...]",
    .summary = "Says where in each picture its sound comes from: adds heat maps to records.",
    .options = options,
};

enum { READ, PICTURE, SOUND, IMAGE_NET, SOUND_NET, ATTENTION, WRITE, STAGES };

static struct avl_stage stage[STAGES] = {
    [READ] = {.name = "read"},           [PICTURE] = {.name = "picture"},
    [SOUND] = {.name = "sound"},         [IMAGE_NET] = {.name = "image-net"},
    [SOUND_NET] = {.name = "sound-net"}, [ATTENTION] = {.name = "attention"},
    [WRITE] = {.name = "write"},
};

struct localizer {
	struct avl_model *model;
	enum avl_score score;
	int rows, cols;
	struct avl_refiner *refiner; /* NULL: maps stay as they are scored */
	int out_rows, out_cols;      /* of the maps that are written */
	double region[4];
	bool has_units; /* that mean something alone: sounds to tell apart */
	bool said_incomplete;
};

static int run_networks(struct localizer *l, const struct avl_material *m,
			struct avl_hearing *hearing, struct avl_err *err)
{
	avl_stage_begin(&stage[PICTURE]);
	int code = avl_model_set_picture(l->model, m->frame->data, (int)m->frame->dim[0],
					 (int)m->frame->dim[1], l->region, err);
	avl_stage_end(&stage[PICTURE]);
	if (code)
		return code;
	avl_stage_begin(&stage[IMAGE_NET]);
	avl_model_run_picture(l->model);
	avl_stage_end(&stage[IMAGE_NET]);

	avl_stage_begin(&stage[SOUND]);
	code = avl_model_set_sound(l->model, m->audio->data, (size_t)m->audio->dim[0], m->rate_hz,
				   err);
	avl_stage_end(&stage[SOUND]);
	if (code)
		return code;
	avl_stage_begin(&stage[SOUND_NET]);
	code = avl_model_run_sound(l->model, hearing, err);
	avl_stage_end(&stage[SOUND_NET]);
	return code;
}

/* What people read: four places are more than the networks know. */
static double rounded(double x)
{
	return round(x * 1e4) / 1e4;
}

/* A map as the model gives it, and as it is written: the same where nothing refines it. */
struct scored {
	float *grid, *map;
};

static int make_map(struct localizer *l, const float *q, struct scored *scored, struct avl_err *err)
{
	avl_model_score(l->model, l->score, q, scored->grid);
	return l->refiner ? avl_refiner_run(l->refiner, scored->grid, scored->map, err) : 0;
}

/* Puts the peak of a map, the box round it and how sure it is into OBJECT; a map without a positive
 * value has neither peak nor box. */
static int set_place(const struct localizer *l, const struct scored *scored,
		     struct avl_json *object, struct avl_err *err)
{
	double place[6]; /* peak, box */
	avl_region_peak(scored->map, l->out_rows, l->out_cols, place);
	const int found =
	    avl_region_box(scored->map, l->out_rows, l->out_cols, 0.5, place + 2, err);
	if (found < 0)
		return found;
	avl_region_to_frame(l->region, place, 3);
	for (int i = 0; i < 6; i++)
		place[i] = rounded(place[i]);
	const double sure = avl_model_sure(l->model, l->score, scored->grid);
	if ((sure >= 0 && avl_json_set_number(object, "sure", rounded(sure))) ||
	    (found && (avl_json_set_numbers(object, "peak", place, 2) ||
		       avl_json_set_numbers(object, "box", place + 2, 4))))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	return 0;
}

static struct avl_json *name_sound(const struct avl_model *model, int unit, double strength)
{
	char number[32];
	const char *const name = avl_model_class(model, unit);
	snprintf(number, sizeof number, "unit %d", unit);
	struct avl_json *const sound = avl_json_object();
	if (sound && !avl_json_set_string(sound, "name", name ? name : number) &&
	    !avl_json_set_number(sound, "score", rounded(strength)))
		return sound;
	avl_json_free(sound);
	return NULL;
}

/* The loudest units, those that look for something in the picture or, where there are none, the
 * others: AudioSet has sounds that nobody can see, and silence. */
static int set_heard(const struct localizer *l, const struct avl_hearing *hearing, int visible,
		     struct avl_json *seal)
{
	const struct avl_sound_head *const head = avl_model_head(l->model);
	struct avl_json *const heard = avl_json_array();
	float below = INFINITY;
	int best = -1;
	for (int n = 0; n < HEARD_MAX; n++) {
		const int last = best;
		best = -1;
		for (int u = 0; u < hearing->units; u++) {
			const float q = hearing->q[u];
			const int is_left = q < below || (q == below && u > last);
			if ((head->length[u] > 0) == visible && q > 0 && is_left &&
			    (best < 0 || q > hearing->q[best]))
				best = u;
		}
		if (best < 0)
			break;
		below = hearing->q[best];
		if (avl_json_append(heard, name_sound(l->model, best, (double)below))) {
			avl_json_free(heard);
			return AVL_ENOMEM;
		}
	}
	return avl_json_set(seal, "heard", heard);
}

static int put_map(struct avl_record *record, const char *suffix, float *map, int ndim,
		   const int64_t dim[3], struct avl_err *err)
{
	struct avl_tensor tensor = {.dtype = AVL_F4, .ndim = ndim, .data = map};
	memcpy(tensor.dim, dim + 3 - ndim, (size_t)ndim * sizeof *dim);
	return avl_record_put(record, suffix, &tensor, err);
}

/* GRID: room for a map of the model's. The sources into the seal and, with --sources, a map for
 * each. */
static int score_sources(struct localizer *l, const struct avl_hearing *hearing, float *grid,
			 struct avl_record *record, struct avl_err *err)
{
	struct avl_source *source;
	int found;
	const int code = avl_sources_find(avl_model_head(l->model), avl_model_class_map(l->model),
					  hearing->q, &record->arena, &source, &found, err);
	if (code)
		return code;
	const int count = found < sources ? found : sources;
	const size_t area = (size_t)l->out_rows * (size_t)l->out_cols;
	float *const maps = avl_arena_alloc(&record->arena, (size_t)count * area * sizeof *maps);
	struct avl_json *const list = avl_json_array();
	if (!maps || !list || set_heard(l, hearing, found > 0, record->seal) ||
	    avl_json_set(record->seal, "sources", list))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (int k = 0; k < found && k < (count > HEARD_MAX ? count : HEARD_MAX); k++) {
		struct avl_json *const entry =
		    name_sound(l->model, source[k].unit, (double)hearing->q[source[k].unit]);
		if (avl_json_append(list, entry))
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		if (k >= count)
			continue;
		float *const map = maps + (size_t)k * area;
		struct scored scored = {l->refiner ? grid : map, map};
		if (make_map(l, source[k].q, &scored, err) || set_place(l, &scored, entry, err))
			return err->code;
	}
	if (!sources)
		return 0;
	return put_map(record, "heats.npy", maps, 3, (int64_t[]){count, l->out_rows, l->out_cols},
		       err);
}

static int covers_all(const double region[4])
{
	return region[0] <= 0 && region[1] <= 0 && region[2] >= 1 && region[3] >= 1;
}

/* The picture once, for all maps of it. */
static int see(struct localizer *l, const struct avl_material *m, struct avl_err *err)
{
	return l->refiner ? avl_refiner_see(l->refiner, m->frame->data, (int)m->frame->dim[0],
					    (int)m->frame->dim[1], l->region, err)
			  : 0;
}

static int score_all(struct localizer *l, const struct avl_hearing *hearing,
		     struct avl_record *record, struct avl_err *err)
{
	const size_t grid = (size_t)l->rows * (size_t)l->cols;
	const size_t area = (size_t)l->out_rows * (size_t)l->out_cols;
	float *const room = avl_arena_alloc(&record->arena, (area + 2 * grid) * sizeof *room);
	if (!room)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	struct scored scored = {l->refiner ? room + area : room, room};
	int code = make_map(l, hearing->q, &scored, err);
	if (!code)
		code = put_map(record, "heat.npy", scored.map, 2,
			       (int64_t[]){1, l->out_rows, l->out_cols}, err);
	if (!code && l->has_units)
		code = score_sources(l, hearing, room + area + grid, record, err);
	return code ? code : set_place(l, &scored, record->seal, err);
}

static int answer(struct localizer *l, const struct avl_material *m,
		  const struct avl_hearing *hearing, struct avl_record *record, struct avl_err *err)
{
	struct avl_json *const seal = record->seal;
	avl_stage_begin(&stage[ATTENTION]);
	int code = see(l, m, err);
	if (!code)
		code = score_all(l, hearing, record, err);
	avl_stage_end(&stage[ATTENTION]);
	if (!code &&
	    (avl_json_set_string(seal, "scoring", avl_score_name(l->score)) ||
	     avl_refiner_seal(l->refiner, seal) ||
	     (!covers_all(l->region) && avl_json_set_numbers(seal, "heat_region", l->region, 4))))
		code = avl_fail(err, AVL_ENOMEM, "out of memory");
	return code;
}

/* A record that cannot be answered is passed on as it came. */
static bool localize(void *argument, const char *stream, struct avl_record *record)
{
	struct localizer *const l = argument;
	struct avl_err err;
	struct avl_material material = {0};
	struct avl_hearing hearing = {0};
	int code = avl_material_find(&material, record, &err);
	if (code == AVL_ENONE) {
		if (!l->said_incomplete)
			avl_error("'%s': record '%s' %s; such records get no heat map", stream,
				  record->key, err.text);
		l->said_incomplete = true;
		return true;
	}
	if (!code)
		code = run_networks(l, &material, &hearing, &err);
	if (!code && avl_model_verify(l->model, &err))
		avl_die_err(&err);
	if (!code)
		code = answer(l, &material, &hearing, record, &err);
	if (code)
		avl_error("'%s': record '%s': %s", stream, record->key, err.text);
	return true;
}

static struct avl_json *settings(const char *path, enum avl_score kind)
{
	const char *const slash = strrchr(path, '/');
	struct avl_json *const s = avl_json_object();
	if (s && !avl_json_set_string(s, "model", slash ? slash + 1 : path) &&
	    !avl_json_set_string(s, "scoring", avl_score_name(kind)) &&
	    (!sources || !avl_json_set_number(s, "sources", sources)))
		return s;
	avl_die(AVL_EXIT_FAILURE, "out of memory");
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct localizer l = {0};
	struct avl_par *par;
	struct avl_err err;
	if (avl_kern_use(cpu, &err))
		avl_usage("%s", err.text);
	if (avl_par_new(&par, threads > 0 ? threads : avl_par_processors(), &err))
		avl_die_err(&err);
	char *const path = model_path ? strdup(model_path) : avl_model_path();
	if (!path)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (avl_model_open_unverified(&l.model, path, (enum avl_precision)precision, par, &err))
		avl_die_err(&err);
	l.score = score >= 0 ? (enum avl_score)score : avl_model_contract(l.model)->score;
	if (avl_model_can_score(l.model, l.score, &err))
		avl_die(AVL_EXIT_USAGE, "'%s': %s", path, err.text);
	l.has_units = avl_model_contract(l.model)->head.kind == AVL_HEAD_FC;
	if (sources && !l.has_units)
		avl_die(AVL_EXIT_USAGE, "'%s': the model cannot tell sounds apart", path);
	avl_model_map_size(l.model, &l.rows, &l.cols);
	l.out_rows = l.rows;
	l.out_cols = l.cols;
	if (refine.object_model && isnan(refine.prior))
		avl_usage("--object-model is of --object-prior");
	const int refused = avl_refiner_new(&l.refiner, &refine, l.model, par, &err);
	if (refused)
		avl_die(refused == AVL_EUSAGE ? AVL_EXIT_USAGE : AVL_EXIT_FAILURE, "%s", err.text);
	avl_refiner_size(l.refiner, &l.out_rows, &l.out_cols);
	struct avl_json *const header = settings(path, l.score);
	const struct avl_filter filter = {
	    .producer = command.name,
	    .settings = header,
	    .each = localize,
	    .arg = &l,
	    .read = &stage[READ],
	    .write = &stage[WRITE],
	};
	avl_filter_run(&filter, argv + first, argc - first);
	if (avl_model_verify(l.model, &err))
		avl_die_err(&err);
	avl_json_free(header);
	if (profile)
		avl_profile_print(stage, STAGES);
	avl_refiner_free(l.refiner);
	avl_model_close(l.model);
	avl_par_free(par);
	free(path);
	return avl_finish();
}
