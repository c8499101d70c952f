/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/filter.h"
#include "cmd/members.h"
#include "eval/annotation.h"
#include "eval/control.h"
#include "eval/mask.h"

/* The frame that VGG-SS annotates, in seconds of its 10 s clip. */
#define VGGSS_TIME_S 5.0

static const char *path[AVL_ANNOTATION_KINDS], *masks_path;
static const char *drop;
static int control = -1, seed = 1;

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Annotations", NULL, 0, 0},
    {0, "vggss", AVL_OPT_TEXT, &path[AVL_ANNOTATION_VGGSS], "JSON", "boxes of VGG-SS", NULL, 0, 0},
    {0, "flickr", AVL_OPT_TEXT, &path[AVL_ANNOTATION_FLICKR], "DIR|TSV",
     "boxes of Flickr-SoundNet: a folder of .xml, or rows", NULL, 0, 0},
    {0, "is3", AVL_OPT_TEXT, &path[AVL_ANNOTATION_IS3], "JSON", "boxes of IS3", NULL, 0, 0},
    {0, "boxes", AVL_OPT_TEXT, &path[AVL_ANNOTATION_BOXES], "TSV",
     "rows: key, x0, y0, x1, y1, annotator", NULL, 0, 0},
    {0, "masks", AVL_OPT_TEXT, &masks_path, "DIR", "PNG files named as keys or pictures", NULL, 0,
     0},
    {0, "silent", AVL_OPT_TEXT, &path[AVL_ANNOTATION_SILENT], "CSV",
     "rows: video,audio,non-sounding: pairs with no visible source", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Controls", NULL, 0, 0},
    {0, "control", AVL_OPT_CHOICE, &control, "KIND",
     "put a sound that is not the picture's into every record, and say so:\n"
     "silence, noise, shuffled (another clip's), offscreen (only say so)",
     "silence|noise|offscreen|shuffled", 0, 0},
    {0, "seed", AVL_OPT_INT, &seed, "N", "seed of the noise", NULL, 0, 2147483647},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    {0, "drop", AVL_OPT_TEXT, &drop, "NAME[,NAME]",
     "leave these members out: frame,audio is what avl-eval does not need", NULL, 0, 0},
    AVL_STREAM_OPTIONS,
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-truth",
    .synopsis =
	"[--vggss JSON] [--flickr DIR|TSV] [--boxes TSV] [--masks DIR] "
	"[--silent CSV] [--is3 JSON] [--control KIND] [--drop NAME[,NAME]] [-o FILE] [FILE...]",
    .summary = "Adds to records what is known of where their sound comes from.",
    .options = options,
};

struct truth {
	struct avl_annotations *annotations;
	struct avl_masks *masks;
	struct avl_controller controller;
	double records, known, dropped;
	bool said_time;
};

static void read_annotations(struct truth *truth)
{
	struct avl_err err;
	if (avl_annotations_new(&truth->annotations, &err))
		avl_die_err(&err);
	for (int kind = 0; kind < AVL_ANNOTATION_KINDS; kind++)
		if (path[kind] &&
		    avl_annotations_read(truth->annotations, (enum avl_annotation_kind)kind,
					 path[kind], &err))
			avl_die_err(&err);
	if (masks_path && avl_masks_open(&truth->masks, masks_path, &err))
		avl_die_err(&err);
}

static int put_rows(struct avl_record *record, const char *suffix, double *box, int n,
		    struct avl_err *err)
{
	static double nothing;
	const struct avl_tensor tensor = {
	    .dtype = AVL_F8, .ndim = 2, .dim = {n, 5}, .data = n ? box : &nothing};
	return avl_record_put(record, suffix, &tensor, err);
}

/* What avl-eval wants to know beside the boxes: whose rules apply, and what was repaired. */
static int seal_truth(struct avl_record *record, const struct avl_annotation *found,
		      struct avl_err *err)
{
	struct avl_json *const from = avl_json_object();
	if (!from || avl_json_set_string(from, "from", avl_annotation_name(found->kind)) ||
	    (found->label && avl_json_set_string(from, "class", found->label)) ||
	    (found->clipped && avl_json_set_number(from, "clipped", found->clipped))) {
		avl_json_free(from);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	return avl_json_set(record->seal, "truth", from)
		   ? avl_fail(err, AVL_ENOMEM, "out of memory")
		   : 0;
}

static void say_traps(struct truth *truth, const struct avl_record *record,
		      const struct avl_annotation *found)
{
	const char *const kind = avl_annotation_name(found->kind);
	const double time = avl_json_number(record->seal, "time", VGGSS_TIME_S);
	if (found->empty && found->empty == found->nboxes)
		avl_warn("record '%s': no box of %s entry '%s' has an area%s: "
			 "every map scores 0 there",
			 record->key, kind, found->name,
			 found->clipped ? " (values outside the frame were clipped)" : "");
	else if (found->clipped)
		avl_warn("record '%s': %s entry '%s' holds %.10g, outside the frame: clipped",
			 record->key, kind, found->name, found->outside);
	else if (found->empty)
		avl_warn("record '%s': %d of %d boxes of %s entry '%s' have no area", record->key,
			 found->empty, found->nboxes, kind, found->name);
	if (!found->nboxes && found->kind != AVL_ANNOTATION_SILENT &&
	    found->kind != AVL_ANNOTATION_BOXES)
		avl_warn("record '%s': %s entry '%s' has no box: counts as no visible source",
			 record->key, kind, found->name);
	if (found->kind == AVL_ANNOTATION_VGGSS && !truth->said_time && time > 0 &&
	    fabs(time - VGGSS_TIME_S) > 0.05) {
		avl_warn("record '%s' is at %.6g s: VGG-SS boxes are of the frame at %g s "
			 "(avl-extract -t %g)",
			 record->key, time, VGGSS_TIME_S, VGGSS_TIME_S);
		truth->said_time = true;
	}
}

/* 1 where boxes were attached. */
static int attach_boxes(struct truth *truth, struct avl_record *record, struct avl_err *err)
{
	struct avl_annotation found;
	const struct avl_annotation_query query = {
	    .key = record->key,
	    .source = avl_json_string(record->seal, "source", NULL),
	    .sound = avl_json_string(record->seal, "sound", NULL),
	};
	int rc = avl_annotations_find(truth->annotations, &query, &record->arena, &found, err);
	if (rc <= 0)
		return rc;
	rc = put_rows(record, "boxes.npy", found.box, found.nboxes, err);
	if (!rc && found.nothers)
		rc = put_rows(record, "other.npy", found.other, found.nothers, err);
	if (!rc)
		rc = seal_truth(record, &found, err);
	if (rc)
		return rc;
	say_traps(truth, record, &found);
	return 1;
}

static const char *find_mask(const struct truth *truth, const struct avl_record *record)
{
	char stem[256];
	const char *const source = avl_json_string(record->seal, "source", NULL);
	const char *file = avl_masks_find(truth->masks, record->key);
	if (file || !source)
		return file;
	avl_stem(source, stem, sizeof stem);
	return avl_masks_find(truth->masks, stem);
}

/* 1 where a mask was attached. */
static int attach_mask(struct truth *truth, struct avl_record *record, struct avl_err *err)
{
	struct avl_tensor mask = {.dtype = AVL_U1, .ndim = 2};
	const char *const file = truth->masks ? find_mask(truth, record) : NULL;
	uint8_t *pixels;
	int height, width;
	if (!file)
		return 0;
	int rc = avl_mask_read(file, &pixels, &height, &width, err);
	if (rc)
		return rc;
	const size_t n = (size_t)height * (size_t)width;
	mask.dim[0] = height;
	mask.dim[1] = width;
	mask.data = avl_arena_alloc(&record->arena, n);
	if (mask.data)
		memcpy(mask.data, pixels, n);
	if (!memchr(pixels, 1, n))
		avl_warn("record '%s': the mask '%s' is empty: no visible source", record->key,
			 file);
	free(pixels);
	rc = mask.data ? avl_record_put(record, "mask.npy", &mask, err)
		       : avl_fail(err, AVL_ENOMEM, "out of memory");
	return rc ? rc : 1;
}

static void attach(struct truth *truth, const char *stream, struct avl_record *record)
{
	struct avl_err err;
	const int boxes = attach_boxes(truth, record, &err);
	const int mask = boxes < 0 ? boxes : attach_mask(truth, record, &err);
	if (boxes < 0 || mask < 0)
		avl_error("'%s': record '%s': %s", stream, record->key, err.text);
	truth->known += boxes > 0 || mask > 0;
}

/* Truth first: the sound of a control must not decide which entry a record is. False where the
 * record cannot be made a control and is left out. */
static bool make_control(struct truth *truth, const char *stream, struct avl_record *record)
{
	struct avl_err err;
	const int rc = avl_control_make(&truth->controller, record, &err);
	if (!rc)
		return true;
	truth->dropped++;
	if (rc != AVL_ENONE)
		avl_error("'%s': record '%s': %s", stream, record->key, err.text);
	return false;
}

static bool annotate(void *argument, const char *stream, struct avl_record *record)
{
	struct truth *const truth = argument;
	truth->records++;
	attach(truth, stream, record);
	if (!make_control(truth, stream, record))
		return false;
	avl_members_drop(record, drop);
	return true;
}

static bool wants_truth(void)
{
	for (int kind = 0; kind < AVL_ANNOTATION_KINDS; kind++)
		if (path[kind])
			return true;
	return masks_path != NULL;
}

static void report(const struct truth *truth)
{
	const int entries = avl_annotations_count(truth->annotations) +
			    (truth->masks ? avl_masks_count(truth->masks) : 0);
	if (truth->dropped > 0)
		avl_warn("left out %.0f records that could not get the control's sound",
			 truth->dropped);
	if (truth->records == 0 || (!wants_truth() && (control >= 0 || drop)))
		return;
	if (!wants_truth())
		avl_error("no annotations were named: nothing was added");
	else if (truth->known == 0)
		avl_error("none of %.0f records is among the %d annotated names", truth->records,
			  entries);
	else if (truth->known < truth->records)
		avl_warn("%.0f of %.0f records are annotated; the others are passed on as they are",
			 truth->known, truth->records);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct truth truth = {.controller = {.seed = (uint64_t)seed}};
	if (control >= 0)
		truth.controller.kind = (enum avl_control)(control + 1);
	read_annotations(&truth);
	const struct avl_filter filter = {
	    .producer = command.name, .each = annotate, .arg = &truth};
	avl_filter_run(&filter, argv + first, argc - first);
	report(&truth);
	avl_controller_release(&truth.controller);
	avl_masks_close(truth.masks);
	avl_annotations_free(truth.annotations);
	return avl_finish();
}
