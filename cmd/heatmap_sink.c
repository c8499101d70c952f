/* SPDX-License-Identifier: MIT */
#include "cmd/heatmap_sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "cmd/cmd.h"
#include "image/ansi.h"

#define PATH_MAX_BYTES 4096
#define RATE_DEFAULT   1.0

struct avl_picture_sink {
	struct avl_sink_options options;
	struct avl_output output;
	struct avl_writer *writer;
	int pictures;      /* written */
	int height, width; /* of all frames of a video */
	uint8_t *frame;    /* one of --y4m */
	bool has_first;    /* it is the first, which waits for the rate */
	double first_time;
};

bool avl_sink_takes_png(enum avl_sink_mode mode)
{
	return mode == AVL_SINK_STDOUT || mode == AVL_SINK_FILE || mode == AVL_SINK_DIRECTORY ||
	       mode == AVL_SINK_RECORDS;
}

bool avl_sink_is_video(enum avl_sink_mode mode)
{
	return mode == AVL_SINK_RAW || mode == AVL_SINK_Y4M;
}

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
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

struct avl_picture_sink *avl_sink_open(const struct avl_sink_options *options)
{
	struct avl_picture_sink *const sink = calloc(1, sizeof *sink);
	struct avl_err err;
	if (!sink)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	sink->options = *options;
	if (options->mode == AVL_SINK_DIRECTORY)
		make_directory(options->path);
	else
		avl_output_open(&sink->output, options->path,
				options->force || options->mode == AVL_SINK_ANSI);
	if (options->mode == AVL_SINK_RECORDS &&
	    avl_writer_open(&sink->writer, sink->output.fd, sink->output.path, "avl-heatmap", NULL,
			    options->gzip ? AVL_WRITER_GZIP : 0, &err) < 0)
		avl_die_err(&err);
	return sink;
}

static void write_to_directory(const struct avl_picture_sink *sink, const char *key,
			       const struct avl_png *png)
{
	char path[PATH_MAX_BYTES + AVL_KEY_MAX + 8];
	const char *const dir = sink->options.path;
	const char *const slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
	struct avl_output output;
	snprintf(path, sizeof(path), "%s%s%s.png", dir, slash, key);
	avl_output_open(&output, path, false);
	avl_output_write(&output, png->bytes, png->size);
	avl_output_commit(&output);
}

static int terminal_columns(const struct avl_picture_sink *sink)
{
	struct winsize size;
	if (sink->options.columns)
		return sink->options.columns;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col < 1000 ? size.ws_col : 1000;
	return 80;
}

static void write_ansi(const struct avl_picture_sink *sink, const char *key,
		       const struct avl_picture *picture)
{
	struct avl_err err;
	char *text;
	size_t n;
	if (avl_ansi_encode(picture, terminal_columns(sink), &text, &n, &err) < 0)
		avl_die_err(&err);
	avl_output_write(&sink->output, key, strlen(key));
	avl_output_write(&sink->output, "\n", 1);
	avl_output_write(&sink->output, text, n);
	free(text);
}

static size_t y4m_size(const struct avl_picture_sink *sink)
{
	return avl_y4m_size(sink->height, sink->width, sink->options.chroma);
}

/* The header, and the frame that waited for it. STEP: seconds between frames. */
static void begin_y4m(struct avl_picture_sink *sink, double step)
{
	const double fps = sink->options.fps > 0 ? sink->options.fps : 1 / step;
	const bool is_sane = fps >= 0.001 && fps <= 1000;
	char text[128];
	const size_t n =
	    avl_y4m_header(text, sink->height, sink->width,
			   avl_frame_rate(is_sane ? fps : RATE_DEFAULT), sink->options.chroma);
	avl_output_write(&sink->output, text, n);
	avl_output_write(&sink->output, sink->frame, y4m_size(sink));
	sink->has_first = false;
}

static void write_y4m(struct avl_picture_sink *sink, const struct avl_picture *picture, double time)
{
	if (!sink->frame)
		sink->frame = avl_alloc(y4m_size(sink), 1);
	if (!sink->frame)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	if (sink->has_first)
		begin_y4m(sink, time - sink->first_time);
	avl_y4m_frame(picture, sink->options.chroma, sink->frame);
	if (sink->pictures > 0) {
		avl_output_write(&sink->output, sink->frame, y4m_size(sink));
	} else if (sink->options.fps > 0) {
		begin_y4m(sink, 1 / sink->options.fps);
	} else {
		sink->has_first = true;
		sink->first_time = time;
	}
}

/* False where the video ends because this frame cannot be in it. */
static bool write_video(struct avl_picture_sink *sink, const struct avl_record *record,
			const struct avl_picture *p)
{
	if (sink->pictures == 0) {
		sink->height = p->height;
		sink->width = p->width;
	}
	if (p->height != sink->height || p->width != sink->width) {
		avl_error("'%s': a frame of %d x %d in a video of %d x %d", record->key, p->width,
			  p->height, sink->width, sink->height);
		return false;
	}
	if (sink->options.mode == AVL_SINK_Y4M)
		write_y4m(sink, p, avl_json_number(record->seal, "time", 0));
	else
		avl_output_write(&sink->output, p->rgb, (size_t)p->height * (size_t)p->width * 3);
	return true;
}

static bool write_one(struct avl_picture_sink *sink, const struct avl_record *record,
		      const struct avl_png *png)
{
	if (sink->pictures > 0) {
		avl_error("'%s': a second record, but one picture is to be written (use -o DIR, "
			  "--y4m, --raw or --records)",
			  record->key);
		return false;
	}
	avl_output_write(&sink->output, png->bytes, png->size);
	return true;
}

static void write_record(struct avl_picture_sink *sink, struct avl_record *record,
			 const struct avl_drawn *drawn)
{
	struct avl_err err;
	if (drawn->is_shown &&
	    avl_record_put_bytes(record, "heat.png", drawn->png->bytes, drawn->png->size, &err) < 0)
		avl_error("'%s': %s", record->key, err.text);
	avl_output_record(sink->writer, record);
}

static bool write_picture(struct avl_picture_sink *sink, const struct avl_record *record,
			  const struct avl_drawn *drawn)
{
	switch (sink->options.mode) {
	case AVL_SINK_STDOUT:
	case AVL_SINK_FILE:
		return write_one(sink, record, drawn->png);
	case AVL_SINK_DIRECTORY:
		write_to_directory(sink, record->key, drawn->png);
		return true;
	case AVL_SINK_ANSI:
		write_ansi(sink, record->key, drawn->picture);
		return true;
	case AVL_SINK_RAW:
	case AVL_SINK_Y4M:
		return write_video(sink, record, drawn->picture);
	case AVL_SINK_RECORDS:
		break;
	}
	return true;
}

bool avl_sink_write(struct avl_picture_sink *sink, struct avl_record *record,
		    const struct avl_drawn *drawn)
{
	if (sink->options.mode == AVL_SINK_RECORDS)
		write_record(sink, record, drawn);
	if (!drawn->is_shown)
		return true;
	if (!write_picture(sink, record, drawn))
		return false;
	avl_progress(++sink->pictures);
	return true;
}

void avl_sink_close(struct avl_picture_sink *sink, bool damaged)
{
	struct avl_err err;
	const enum avl_sink_mode mode = sink->options.mode;
	const bool needs_picture = mode != AVL_SINK_DIRECTORY && mode != AVL_SINK_RECORDS;
	if (sink->has_first)
		begin_y4m(sink, 1 / RATE_DEFAULT);
	if (sink->writer && damaged)
		avl_writer_abandon(sink->writer);
	else if (sink->writer && avl_writer_close(sink->writer, &err) < 0)
		avl_die_err(&err);
	if (needs_picture && sink->pictures == 0) {
		avl_output_abandon(&sink->output);
		if (!avl_failed())
			avl_error("no record to draw");
	} else if (mode != AVL_SINK_DIRECTORY) {
		avl_output_commit(&sink->output);
	}
	free(sink->frame);
	free(sink);
}
