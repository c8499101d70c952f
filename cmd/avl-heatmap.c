/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/par.h"
#include "cmd/cmd.h"
#include "image/ansi.h"
#include "image/draw.h"
#include "image/heatmap.h"
#include "image/png.h"
#include "image/resize.h"
#include "image/y4m.h"

#define PATH_MAX_BYTES 4096
#define LABELS_MAX     6 /* of a picture, and maps of heats.npy that are drawn at once */
#define MAPS_MAX       1024
#define RATE_DEFAULT   1.0

static struct {
	const char *output, *range;
	bool raw, y4m, records, ansi, force, gzip;
	int colormap, chroma, source, columns, threads;
	double alpha, threshold, fps;
	bool solid, box, contour, peak, label, no_label;
} opt = {.alpha = 0.5, .threshold = 0.5, .source = -1, .threads = 1};

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
     0, MAPS_MAX},
    {0, "box", AVL_OPT_FLAG, &opt.box, NULL, "draw the box of the region round the peak", NULL, 0,
     0},
    {0, "contour", AVL_OPT_FLAG, &opt.contour, NULL, "draw the line of the threshold", NULL, 0, 0},
    {0, "peak", AVL_OPT_FLAG, &opt.peak, NULL, "mark the peak with a cross", NULL, 0, 0},
    {0, "threshold", AVL_OPT_NUMBER, &opt.threshold, "F",
     "fraction of the peak at which the region of --box and --contour ends", NULL, 1e-6, 1},
    {0, "label", AVL_OPT_FLAG, &opt.label, NULL, "write what was heard (the default)", NULL, 0, 0},
    {0, "no-label", AVL_OPT_FLAG, &opt.no_label, NULL, "do not", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "General", NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &opt.threads, "N", "threads", NULL, 1, 256},
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

/* --- the picture of a record --- */

/* A record's maps: as many as are drawn. */
struct maps {
	const struct avl_tensor *tensor; /* heat.npy or heats.npy */
	int first, count, rows, cols;    /* maps of the tensor; a heat.npy is one */
	int is_many;                     /* each in its own colour */
	double region[4];
};

/* What is kept from record to record. */
static struct {
	struct avl_picture picture;
	size_t capacity; /* of picture.rgb, in bytes */
	struct avl_heatmap *heatmap;
	float *score; /* of the maps that are drawn */
	size_t cells; /* room there */
	struct avl_par *par;
	struct avl_heat_range range; /* of --range */
} canvas;

static void *need(void *memory)
{
	if (!memory)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	return memory;
}

/* Copies the frame, which is drawn on. */
static int load_frame(const struct avl_record *record, struct avl_err *err)
{
	static const int64_t shape[3] = {-1, -1, 3};
	const struct avl_member *const member = avl_record_find(record, "frame.npy");
	char text[128];
	if (!member)
		return avl_fail(err, AVL_ENONE, "no frame.npy");
	const int64_t *const dim = member->tensor.dim;
	avl_tensor_describe(&member->tensor, text, sizeof(text));
	if (!avl_tensor_is(&member->tensor, AVL_U1, 3, shape) || dim[0] < 1 || dim[1] < 1 ||
	    dim[0] > AVL_SIDE_MAX || dim[1] > AVL_SIDE_MAX)
		return avl_fail(err, AVL_ESHAPE, "frame.npy is %s, not a picture u1 (h, w, 3)",
				text);
	const size_t size = avl_tensor_count(&member->tensor);
	if (size > canvas.capacity) {
		free(canvas.picture.rgb);
		canvas.picture.rgb = need(avl_alloc(size, 1));
		canvas.capacity = size;
	}
	canvas.picture.height = (int)dim[0];
	canvas.picture.width = (int)dim[1];
	memcpy(canvas.picture.rgb, member->tensor.data, size);
	return 0;
}

static int read_region(const struct avl_record *record, double region[4], struct avl_err *err)
{
	static const double whole[4] = {0, 0, 1, 1};
	const struct avl_json *const array = avl_json_get(record->seal, "heat_region");
	for (int i = 0; i < 4; i++)
		region[i] = array ? avl_json_number_at(array, i, -1) : whole[i];
	if (region[0] >= 0 && region[1] >= 0 && region[0] < region[2] && region[1] < region[3] &&
	    region[2] <= 1 && region[3] <= 1)
		return 0;
	return avl_fail(err, AVL_EFORMAT, "heat_region is no part of the frame");
}

/* Chooses among heat.npy and the maps of heats.npy. */
static int find_maps(const struct avl_record *record, struct maps *maps, struct avl_err *err)
{
	const struct avl_member *const one = avl_record_find(record, "heat.npy");
	const struct avl_member *const many = avl_record_find(record, "heats.npy");
	/* Where nothing was heard there are no maps of sounds. */
	const int has_many = many && !(many->tensor.ndim == 3 && many->tensor.dim[0] == 0);
	const int use_many = has_many && opt.source != 0;
	const struct avl_member *const member = use_many ? many : one;
	const char *const name = use_many ? "heats.npy" : "heat.npy";
	const int ndim = use_many ? 3 : 2;
	static const int64_t shape[3] = {-1, -1, -1};
	char text[128];
	if (!member)
		return avl_fail(err, AVL_ENONE, "no heat.npy");
	maps->tensor = &member->tensor;
	avl_tensor_describe(maps->tensor, text, sizeof(text));
	const int64_t *const dim = maps->tensor->dim + ndim - 2;
	const int64_t count = use_many ? maps->tensor->dim[0] : 1;
	if (!avl_tensor_is(maps->tensor, AVL_F4, ndim, shape) || dim[0] < 1 || dim[1] < 1 ||
	    dim[0] > AVL_SIDE_MAX || dim[1] > AVL_SIDE_MAX || dim[0] * dim[1] > INT32_MAX ||
	    count < 1 || count > MAPS_MAX)
		return avl_fail(err, AVL_ESHAPE, "%s is %s, not f4 (%srows, cols)", name, text,
				use_many ? "maps, " : "");
	if (opt.source > (use_many ? count : 0))
		return avl_fail(err, AVL_ENONE, "there is no map of source %d", opt.source);
	maps->rows = (int)dim[0];
	maps->cols = (int)dim[1];
	maps->first = opt.source > 0 ? opt.source - 1 : 0;
	maps->count = opt.source > 0 ? 1 : count < LABELS_MAX ? (int)count : LABELS_MAX;
	maps->is_many = use_many && opt.source < 0 && count > 1;
	return read_region(record, maps->region, err);
}

/* Copies all maps that will be drawn. They are checked before any is drawn: a picture is drawn
 * whole or not at all. */
static int load_maps(const struct maps *maps, struct avl_err *err)
{
	const size_t cells = (size_t)maps->rows * (size_t)maps->cols;
	const size_t n = cells * (size_t)maps->count;
	if (n > canvas.cells) {
		free(canvas.score);
		canvas.score = need(avl_alloc(n, sizeof(float)));
		canvas.cells = n;
	}
	memcpy(canvas.score,
	       (const char *)maps->tensor->data + (size_t)maps->first * cells * sizeof(float),
	       n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		if (!isfinite(canvas.score[i]))
			return avl_fail(err, AVL_EFORMAT, "the heat holds %s",
					isnan(canvas.score[i]) ? "NaN" : "an infinity");
	return 0;
}

/* "Dog 0.72" of what the seal's array NAME tells about sound I, or nothing. A character outside
 * ASCII is one '?'. */
static int describe_sound(const struct avl_json *seal, const char *name, int i, char text[128])
{
	const struct avl_json *const row = avl_json_at(avl_json_get(seal, name), i);
	const char *from = row ? avl_json_string(row, "name", NULL) : NULL;
	const double score = row ? avl_json_number(row, "score", NAN) : NAN;
	int n = 0;
	if (!from)
		return 0;
	for (; *from && n < 100; from++)
		if (((unsigned char)*from & 0xc0) != 0x80)
			text[n++] = *from;
	text[n] = 0;
	if (isfinite(score))
		snprintf(text + n, (size_t)(128 - n), " %.2f", score);
	return 1;
}

static void draw_labels(const struct avl_record *record, const struct maps *maps,
			const double box[4])
{
	char text[LABELS_MAX][128];
	struct avl_label label[LABELS_MAX];
	int n = 0;
	for (int i = 0; i < maps->count; i++) {
		const int sound = maps->first + i;
		if (!describe_sound(record->seal, "sources", sound, text[n]) &&
		    !describe_sound(record->seal, "heard", sound, text[n])) {
			if (!maps->is_many)
				continue;
			snprintf(text[n], sizeof(text[n]), "source %d", sound + 1);
		}
		label[n].text = text[n];
		label[n].rgb = maps->is_many ? avl_colormap_source(i) : NULL;
		n++;
	}
	const int is_near = opt.box && !maps->is_many && box[0] < box[2];
	avl_draw_labels(&canvas.picture, label, n, is_near ? box : NULL);
}

/* Leaves the picture in the canvas. AVL_ENONE: there is no frame or no heat. Where there is a
 * frame, the canvas holds it whatever the result. */
static int draw(const struct avl_record *record, struct avl_err *err)
{
	struct maps maps;
	double box[LABELS_MAX][4];
	canvas.picture.height = 0;
	int rc = load_frame(record, err);
	if (rc == 0)
		rc = find_maps(record, &maps, err);
	if (rc == 0)
		rc = load_maps(&maps, err);
	if (rc == 0)
		rc = avl_heatmap_draw(canvas.heatmap, &canvas.picture, canvas.score, maps.count,
				      maps.rows, maps.cols, maps.region, maps.is_many, box, err);
	if (rc == 0 && !opt.no_label)
		draw_labels(record, &maps, box[0]);
	return rc;
}

/* --- where pictures go --- */

enum mode { TO_STDOUT, TO_FILE, TO_DIRECTORY, TO_RAW, TO_Y4M, TO_RECORDS, TO_ANSI };

static struct {
	enum mode mode;
	struct avl_output output;
	struct avl_png png;
	struct avl_writer *writer;
	int pictures;      /* written */
	int height, width; /* of all frames of a video */
	uint8_t *frame;    /* one of --y4m */
	bool has_first;    /* it is the first, which waits for the rate */
	double first_time;
} sink;

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum mode choose_mode(void)
{
	const size_t n = opt.output ? strlen(opt.output) : 0;
	if (opt.raw + opt.y4m + opt.records + opt.ansi > 1)
		avl_usage("--raw, --y4m, --records and --ansi exclude each other");
	if (opt.label && opt.no_label)
		avl_usage("--label and --no-label exclude each other");
	if (opt.output && n == 0)
		avl_usage("-o needs a name");
	if (opt.raw || opt.y4m || opt.records || opt.ansi)
		return opt.raw ? TO_RAW : opt.y4m ? TO_Y4M : opt.records ? TO_RECORDS : TO_ANSI;
	if (!opt.output || !strcmp(opt.output, "-"))
		return TO_STDOUT;
	if (is_directory(opt.output))
		return TO_DIRECTORY;
	return n > 4 && !strcmp(opt.output + n - 4, ".png") ? TO_FILE : TO_DIRECTORY;
}

static void parse_range(void)
{
	double low, high;
	char end;
	if (!opt.range)
		return;
	if (sscanf(opt.range, "%lf:%lf%c", &low, &high, &end) != 2 || !isfinite((float)low) ||
	    !isfinite((float)high) || !((float)low < (float)high))
		avl_usage("--range '%s': must be LOW:HIGH, two numbers that rise", opt.range);
	canvas.range = (struct avl_heat_range){(float)low, (float)high};
}

/* As mkdir -p. */
static void make_directory(const char *path)
{
	char part[PATH_MAX_BYTES];
	const size_t n = strlen(path);
	if (n >= sizeof(part))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, strerror(ENAMETOOLONG));
	for (size_t i = 1; i <= n; i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			avl_die(AVL_EXIT_FAILURE, "'%s': %s", part, strerror(errno));
	}
	if (!is_directory(path))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, strerror(ENOTDIR));
}

static void open_canvas(void)
{
	const struct avl_heatmap_style style = {.colormap = (enum avl_colormap)opt.colormap,
						.alpha = opt.alpha,
						.is_solid = opt.solid,
						.range = canvas.range,
						.threshold = opt.threshold,
						.has_contour = opt.contour,
						.has_box = opt.box,
						.has_peak = opt.peak};
	struct avl_err err;
	if (avl_par_new(&canvas.par, opt.threads, &err) < 0 ||
	    avl_heatmap_new(&canvas.heatmap, &style, canvas.par, &err) < 0)
		avl_die_err(&err);
}

static void close_canvas(void)
{
	avl_heatmap_free(canvas.heatmap);
	avl_par_free(canvas.par);
	free(canvas.picture.rgb);
	free(canvas.score);
}

static void open_sink(void)
{
	struct avl_err err;
	sink.mode = choose_mode();
	if (sink.mode == TO_DIRECTORY)
		make_directory(opt.output);
	else
		avl_output_open(&sink.output, opt.output, opt.force || sink.mode == TO_ANSI);
	if (sink.mode == TO_RECORDS &&
	    avl_writer_open(&sink.writer, sink.output.fd, sink.output.path, "avl-heatmap", NULL,
			    opt.gzip ? AVL_WRITER_GZIP : 0, &err) < 0)
		avl_die_err(&err);
}

static void encode(void)
{
	struct avl_err err;
	if (avl_png_encode(&sink.png, &canvas.picture, &err) < 0)
		avl_die_err(&err);
}

static void write_to_directory(const char *key)
{
	char path[PATH_MAX_BYTES + AVL_KEY_MAX + 8];
	const char *const slash = opt.output[strlen(opt.output) - 1] == '/' ? "" : "/";
	struct avl_output output;
	snprintf(path, sizeof(path), "%s%s%s.png", opt.output, slash, key);
	encode();
	avl_output_open(&output, path, false);
	avl_output_write(&output, sink.png.bytes, sink.png.size);
	avl_output_commit(&output);
}

static int terminal_columns(void)
{
	struct winsize size;
	if (opt.columns)
		return opt.columns;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col < 1000 ? size.ws_col : 1000;
	return 80;
}

static void write_ansi(const char *key)
{
	struct avl_err err;
	char *text;
	size_t n;
	if (avl_ansi_encode(&canvas.picture, terminal_columns(), &text, &n, &err) < 0)
		avl_die_err(&err);
	avl_output_write(&sink.output, key, strlen(key));
	avl_output_write(&sink.output, "\n", 1);
	avl_output_write(&sink.output, text, n);
	free(text);
}

static size_t y4m_size(void)
{
	return avl_y4m_size(sink.height, sink.width, (enum avl_chroma)opt.chroma);
}

/* The header, and the frame that waited for it. STEP: seconds between frames. */
static void begin_y4m(double step)
{
	const double fps = opt.fps > 0 ? opt.fps : 1 / step;
	const bool is_sane = fps >= 0.001 && fps <= 1000;
	char text[128];
	const size_t n = avl_y4m_header(text, sink.height, sink.width,
					avl_frame_rate(is_sane ? fps : RATE_DEFAULT),
					(enum avl_chroma)opt.chroma);
	avl_output_write(&sink.output, text, n);
	avl_output_write(&sink.output, sink.frame, y4m_size());
	sink.has_first = false;
}

static void write_y4m(double time)
{
	if (!sink.frame)
		sink.frame = need(avl_alloc(y4m_size(), 1));
	if (sink.has_first)
		begin_y4m(time - sink.first_time);
	avl_y4m_frame(&canvas.picture, (enum avl_chroma)opt.chroma, sink.frame);
	if (sink.pictures > 0) {
		avl_output_write(&sink.output, sink.frame, y4m_size());
	} else if (opt.fps > 0) {
		begin_y4m(1 / opt.fps);
	} else {
		sink.has_first = true;
		sink.first_time = time;
	}
}

/* False where the video ends because this frame cannot be in it. */
static bool write_video(const struct avl_record *record)
{
	const struct avl_picture *const p = &canvas.picture;
	if (sink.pictures == 0) {
		sink.height = p->height;
		sink.width = p->width;
	}
	if (p->height != sink.height || p->width != sink.width) {
		avl_error("'%s': a frame of %d x %d in a video of %d x %d", record->key, p->width,
			  p->height, sink.width, sink.height);
		return false;
	}
	if (sink.mode == TO_Y4M)
		write_y4m(avl_json_number(record->seal, "time", 0));
	else
		avl_output_write(&sink.output, p->rgb, (size_t)p->height * (size_t)p->width * 3);
	return true;
}

/* False where no more pictures can be taken. */
static bool write_picture(struct avl_record *record)
{
	switch (sink.mode) {
	case TO_STDOUT:
	case TO_FILE:
		if (sink.pictures > 0) {
			avl_error("'%s': a second record, but one picture is to be written (use -o "
				  "DIR, --y4m, --raw or --records)",
				  record->key);
			return false;
		}
		encode();
		avl_output_write(&sink.output, sink.png.bytes, sink.png.size);
		return true;
	case TO_DIRECTORY:
		write_to_directory(record->key);
		return true;
	case TO_ANSI:
		write_ansi(record->key);
		return true;
	case TO_RAW:
	case TO_Y4M:
		return write_video(record);
	case TO_RECORDS:
		encode();
	}
	return true;
}

static void pass_record(struct avl_record *record, bool is_drawn)
{
	struct avl_err err;
	if (is_drawn &&
	    avl_record_put_bytes(record, "heat.png", sink.png.bytes, sink.png.size, &err) < 0)
		avl_error("'%s': %s", record->key, err.text);
	avl_output_record(sink.writer, record);
}

static void close_sink(bool damaged)
{
	struct avl_err err;
	const bool needs_picture = sink.mode != TO_DIRECTORY && sink.mode != TO_RECORDS;
	if (sink.has_first)
		begin_y4m(1 / RATE_DEFAULT);
	if (sink.writer && damaged)
		avl_writer_abandon(sink.writer);
	else if (sink.writer && avl_writer_close(sink.writer, &err) < 0)
		avl_die_err(&err);
	if (needs_picture && sink.pictures == 0) {
		avl_output_abandon(&sink.output);
		if (!avl_failed())
			avl_error("no record to draw");
	} else if (sink.mode != TO_DIRECTORY) {
		avl_output_commit(&sink.output);
	}
	avl_png_release(&sink.png);
	free(sink.frame);
}

/* --- the loop --- */

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
static bool treat(struct avl_record *record)
{
	struct avl_err err = {0};
	const int rc = draw(record, &err);
	if (rc == AVL_ENONE)
		note_missing(record, &err);
	else if (rc < 0)
		avl_error("'%s': %s", record->key, err.text);
	/* A video keeps its time: where nothing can be drawn on a frame, it stays bare. */
	const bool is_video = sink.mode == TO_RAW || sink.mode == TO_Y4M;
	const bool is_shown = rc == 0 || (is_video && canvas.picture.height > 0);
	const bool is_open = !is_shown || write_picture(record);
	if (sink.mode == TO_RECORDS)
		pass_record(record, is_shown);
	if (is_shown && is_open)
		avl_progress(++sink.pictures);
	return is_open;
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct avl_record record;
	parse_range();
	struct avl_input *const input = avl_input_open(argv + first, argc - first);
	open_sink();
	open_canvas();
	avl_record_init(&record, 0);
	avl_progress_start("pictures", 0);
	while (avl_input_next(input, &record) > 0 && treat(&record))
		;
	report_missing();
	close_sink(avl_input_damaged(input));
	avl_record_release(&record);
	avl_input_close(input);
	close_canvas();
	return avl_finish();
}
