/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/belt.h"
#include "base/par.h"
#include "cmd/cmd.h"
#include "cmd/heatmap_draw.h"
#include "cmd/heatmap_sink.h"

static struct {
	const char *output, *range;
	bool raw, y4m, records, ansi, force, gzip;
	int colormap, chroma, source, columns, threads;
	double alpha, threshold, fps;
	bool solid, box, contour, peak, label, no_label;
} opt = {.alpha = 0.5, .threshold = 0.5, .source = -1};

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    {'o', "output", AVL_OPT_TEXT, &opt.output, "PATH",
     "a directory for KEY.png of every record, or FILE.png for one", NULL, 0, 0},
    {0, "y4m", AVL_OPT_FLAG, &opt.y4m, NULL, "write a YUV4MPEG2 video", NULL, 0, 0},
    {0, "raw", AVL_OPT_FLAG, &opt.raw, NULL, "write frames of bare RGB24", NULL, 0, 0},
    {0, "records", AVL_OPT_FLAG, &opt.records, NULL, "write the records, heat.png added", NULL, 0,
     0},
    {0, "ansi", AVL_OPT_FLAG, &opt.ansi, NULL, "draw on a terminal with 24-bit colour", NULL, 0, 0},
    {0, "fps", AVL_OPT_NUMBER, &opt.fps, "FPS",
     "frame rate of --y4m (default: from the times of the first two records)", NULL, 0.001, 1000},
    {0, "chroma", AVL_OPT_CHOICE, &opt.chroma, "WORD", "chroma of --y4m", "420|444", 0, 0},
    {0, "width", AVL_OPT_INT, &opt.columns, "N",
     "columns of --ansi (default: the terminal's, or 80)", NULL, 1, 1000},
    {'z', "gzip", AVL_OPT_FLAG, &opt.gzip, NULL, "compress the output of --records", NULL, 0, 0},
    {'f', "force", AVL_OPT_FLAG, &opt.force, NULL, "write binary data to a terminal", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Look", NULL, 0, 0},
    {0, "colormap", AVL_OPT_CHOICE, &opt.colormap, "NAME", "colours", AVL_COLORMAP_NAMES, 0, 0},
    {0, "alpha", AVL_OPT_NUMBER, &opt.alpha, "A", "opacity of the heat, 0 to 1", NULL, 0, 1},
    {0, "solid", AVL_OPT_FLAG, &opt.solid, NULL, "the same opacity where heat is low", NULL, 0, 0},
    {0, "range", AVL_OPT_TEXT, &opt.range, "LOW:HIGH",
     "scores shown as lowest and highest heat (default: those of each record, from 0 up)", NULL, 0,
     0},
    {0, "source", AVL_OPT_INT, &opt.source, "K",
     "of records with several maps, draw the K-th (from 1), or heat.npy (0) (default: all)", NULL,
     0, AVL_MAPS_MAX},
    {0, "box", AVL_OPT_FLAG, &opt.box, NULL, "draw the box of the region round the peak", NULL, 0,
     0},
    {0, "contour", AVL_OPT_FLAG, &opt.contour, NULL, "draw the line of the threshold", NULL, 0, 0},
    {0, "peak", AVL_OPT_FLAG, &opt.peak, NULL, "mark the peak with a cross", NULL, 0, 0},
    {0, "threshold", AVL_OPT_NUMBER, &opt.threshold, "F",
     "fraction of the peak at which the region of --box and --contour ends", NULL, 1e-6, 1},
    {0, "label", AVL_OPT_FLAG, &opt.label, NULL, "write what was heard (the default)", NULL, 0, 0},
    {0, "no-label", AVL_OPT_FLAG, &opt.no_label, NULL, "do not", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "General", NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &opt.threads, "N", "threads (default: one a processor)", NULL, 1,
     256},
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-heatmap",
    .synopsis = "[-o DIR|FILE.png] [--colormap NAME] [--alpha A] [--box] "
		"[--raw|--y4m|--records|--ansi] [FILE...]",
    .summary = "Draws the heat of records over their frames: red is where the sound comes from.",
    .options = options,
};

/* --- the command line --- */

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A name like "x.jpg" was meant for a picture that cannot be written, hardly for a directory. */
static bool names_other_picture(const char *path)
{
	static const char *const endings[] = {"jpg", "jpeg", "jpe",  "gif", "webp", "bmp",
					      "tif", "tiff", "avif", "ppm", "jxl",  "mp4",
					      "mkv", "webm", "mov",  "avi", "y4m"};
	const char *const slash = strrchr(path, '/');
	const char *const dot = strrchr(slash ? slash : path, '.');
	for (size_t i = 0; dot && i < sizeof(endings) / sizeof(*endings); i++)
		if (!strcasecmp(dot + 1, endings[i]))
			return true;
	return false;
}

static enum avl_sink_mode choose_mode(void)
{
	const size_t n = opt.output ? strlen(opt.output) : 0;
	if (opt.raw + opt.y4m + opt.records + opt.ansi > 1)
		avl_usage("--raw, --y4m, --records and --ansi exclude each other");
	if (opt.label && opt.no_label)
		avl_usage("--label and --no-label exclude each other");
	if (opt.output && n == 0)
		avl_usage("-o needs a name");
	if (opt.raw || opt.y4m || opt.records || opt.ansi)
		return opt.raw       ? AVL_SINK_RAW
		       : opt.y4m     ? AVL_SINK_Y4M
		       : opt.records ? AVL_SINK_RECORDS
				     : AVL_SINK_ANSI;
	if (!opt.output || !strcmp(opt.output, "-"))
		return AVL_SINK_STDOUT;
	if (is_directory(opt.output))
		return AVL_SINK_DIRECTORY;
	if (n > 4 && !strcmp(opt.output + n - 4, ".png"))
		return AVL_SINK_FILE;
	if (names_other_picture(opt.output))
		avl_usage("-o '%s': pictures are written as PNG, to FILE.png or a directory (a "
			  "video: --y4m)",
			  opt.output);
	return AVL_SINK_DIRECTORY;
}

static struct avl_heat_range read_range(void)
{
	double low, high;
	char end;
	if (!opt.range)
		return (struct avl_heat_range){0, 0};
	if (sscanf(opt.range, "%lf:%lf%c", &low, &high, &end) != 2 || !isfinite((float)low) ||
	    !isfinite((float)high) || !((float)low < (float)high))
		avl_usage("--range '%s': must be LOW:HIGH, two numbers that rise", opt.range);
	return (struct avl_heat_range){(float)low, (float)high};
}

static struct avl_painter_look read_look(void)
{
	return (struct avl_painter_look){
	    .style = {.colormap = (enum avl_colormap)opt.colormap,
		      .alpha = opt.alpha,
		      .is_solid = opt.solid,
		      .range = read_range(),
		      .threshold = opt.threshold,
		      .has_contour = opt.contour,
		      .has_box = opt.box,
		      .has_peak = opt.peak},
	    .source = opt.source,
	    .has_labels = !opt.no_label,
	};
}

/* --- records on the belt: one thread reads, some draw, the caller's writes --- */

enum { READING, DRAWING, WRITING, STAGES };

struct item {
	struct avl_record record;
	struct avl_err err;
	int got;  /* of avl_input_try; negative: ERR says why there is no record */
	int code; /* of drawing; negative: ERR says why there is no picture */
	struct avl_canvas canvas;
	struct avl_png png;
	bool is_shown;
};

struct line {
	struct avl_input *input;
	enum avl_sink_mode mode;
	struct avl_painter_look look;
	struct avl_belt *belt;
	struct item *item;
	int items, workers;
	pthread_t reader, *worker;
};

static void *read_all(void *arg)
{
	struct line *const line = arg;
	for (int slot; (slot = avl_belt_take(line->belt, READING)) >= 0;) {
		struct item *const item = &line->item[slot];
		item->got = avl_input_try(line->input, &item->record, &item->err);
		if (!item->got) {
			avl_belt_end(line->belt);
			return NULL;
		}
		avl_belt_pass(line->belt, READING, slot);
	}
	return NULL;
}

static void draw(const struct line *line, struct avl_painter *painter, struct item *item)
{
	item->code = avl_painter_draw(painter, &item->record, &item->canvas, &item->err);
	item->is_shown =
	    item->code == 0 || (avl_sink_is_video(line->mode) && item->canvas.picture.height > 0);
	if (item->is_shown && avl_sink_takes_png(line->mode)) {
		item->code = avl_png_encode(&item->png, &item->canvas.picture, &item->err);
		item->is_shown = item->code == 0;
	}
}

static void *draw_all(void *arg)
{
	struct line *const line = arg;
	struct avl_painter *painter;
	struct avl_err failure;
	const int code = avl_painter_new(&painter, &line->look, &failure);
	for (int slot; (slot = avl_belt_take(line->belt, DRAWING)) >= 0;) {
		struct item *const item = &line->item[slot];
		if (code) {
			item->code = code;
			item->err = failure;
		} else if (item->got > 0) {
			draw(line, painter, item);
		}
		avl_belt_pass(line->belt, DRAWING, slot);
	}
	avl_painter_free(painter);
	return NULL;
}

static void open_line(struct line *line)
{
	struct avl_err err;
	line->workers = opt.threads > 0 ? opt.threads : avl_par_processors();
	line->items = line->workers + 2;
	line->item = calloc((size_t)line->items, sizeof *line->item);
	line->worker = calloc((size_t)line->workers, sizeof *line->worker);
	if (!line->item || !line->worker)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (avl_belt_new(&line->belt, line->items, STAGES, &err))
		avl_die_err(&err);
	for (int i = 0; i < line->items; i++)
		avl_record_init(&line->item[i].record, 0);
	bool ok = !pthread_create(&line->reader, NULL, read_all, line);
	for (int i = 0; ok && i < line->workers; i++)
		ok = !pthread_create(&line->worker[i], NULL, draw_all, line);
	if (!ok)
		avl_die(AVL_EXIT_FAILURE, "cannot start %d threads", line->workers + 1);
}

/* The reader may wait for input that nobody wants any more. */
static void close_line(struct line *line)
{
	avl_belt_stop(line->belt);
	pthread_cancel(line->reader);
	pthread_join(line->reader, NULL);
	for (int i = 0; i < line->workers; i++)
		pthread_join(line->worker[i], NULL);
	for (int i = 0; i < line->items; i++) {
		avl_record_release(&line->item[i].record);
		avl_png_release(&line->item[i].png);
		free(line->item[i].canvas.picture.rgb);
	}
	avl_belt_free(line->belt);
	free(line->item);
	free(line->worker);
}

/* Records without frame or heat come in crowds (a film without sound): they get one message. */
static struct {
	char key[AVL_KEY_MAX + 1], text[128];
	int count;
} missing;

static void note_missing(const struct avl_record *record, const struct avl_err *err)
{
	if (missing.count++ > 0)
		return;
	snprintf(missing.key, sizeof(missing.key), "%s", record->key);
	snprintf(missing.text, sizeof(missing.text), "%.120s", err->text);
}

static void report_missing(void)
{
	if (missing.count == 1)
		avl_error("'%s': %s", missing.key, missing.text);
	else if (missing.count > 1)
		avl_error("'%s' and %d more records: %s", missing.key, missing.count - 1,
			  missing.text);
}

/* False where no more pictures can be taken. */
static bool write_item(struct avl_picture_sink *sink, struct item *item)
{
	if (item->got < 0) {
		avl_error("%s", item->err.text);
		return true;
	}
	if (item->code == AVL_ENOMEM)
		avl_die_err(&item->err);
	if (item->code == AVL_ENONE)
		note_missing(&item->record, &item->err);
	else if (item->code < 0)
		avl_error("'%s': %s", item->record.key, item->err.text);
	const struct avl_drawn drawn = {&item->canvas.picture, &item->png, item->is_shown};
	return avl_sink_write(sink, &item->record, &drawn);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct line line = {.look = read_look()};
	line.input = avl_input_open(argv + first, argc - first);
	line.mode = choose_mode();
	struct avl_picture_sink *const sink =
	    avl_sink_open(&(struct avl_sink_options){.mode = line.mode,
						     .path = opt.output,
						     .force = opt.force,
						     .gzip = opt.gzip,
						     .fps = opt.fps,
						     .chroma = (enum avl_chroma)opt.chroma,
						     .columns = opt.columns});
	open_line(&line);
	avl_progress_start("pictures", 0);
	bool is_open = true;
	for (int slot; is_open && (slot = avl_belt_take(line.belt, WRITING)) >= 0;) {
		is_open = write_item(sink, &line.item[slot]);
		avl_belt_pass(line.belt, WRITING, slot);
	}
	close_line(&line);
	report_missing();
	avl_sink_close(sink, avl_input_damaged(line.input));
	avl_input_close(line.input);
	return avl_finish();
}
