/* SPDX-License-Identifier: MIT */
/* Writes a stream of generated records to stdout, for the command tests:
 *
 *	mkstream [-n RECORDS] [-s WxH] [-m COLSxROWS] [-c X,Y] [-k MAPS] [-f FPS] [-a SAMPLES]
 *	         [-H HEAT] [-F FRAME] [-r X0,Y0,X1,Y1] [-l NAME:SCORE]... [-p PICTURE.png] [-K
 *PREFIX]
 *
 * Record i has the key PREFIX_00000i, the time (i + 0.5) / FPS, and what is asked for of:
 *
 *	frame.npy  u1 (H, W, 3), a gradient, or the picture; FRAME: rgb, none, grey (h, w), f4,
 *empty (0, W, 3) audio.npy  f4 (SAMPLES), a sine of 440 Hz at 16000 Hz heat.npy   f4 (ROWS, COLS),
 *a bell with its top of 1 at X,Y (fractions), which moves a cell to the left with each record;
 *HEAT: bell, none, zero, flat (all 3), negative (all below 0), signed (bell - 0.5), nan, inf, f8,
 *flatdim (ROWS x COLS), empty (0, COLS) heats.npy  f4 (MAPS, ROWS, COLS), bells side by side, where
 *-k is given */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "image/png.h"
#include "io/stream.h"

#define RATE_HZ 16000
#define PI      3.14159265358979323846
#define LABELS  8

static struct options {
	int records, width, height, cols, rows, maps, samples;
	double x, y, fps, region[4];
	int has_region, nlabels;
	const char *heat, *frame, *picture, *prefix, *label[LABELS];
} opt = {.records = 1,
	 .width = 64,
	 .height = 48,
	 .cols = 14,
	 .rows = 14,
	 .x = 0.7,
	 .y = 0.4,
	 .fps = 1,
	 .maps = -1,
	 .heat = "bell",
	 .frame = "rgb",
	 .prefix = "test"};

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "mkstream: %s\n", text);
	exit(2);
}

static void *need(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

static void read_picture(struct avl_record *record, struct avl_tensor *frame)
{
	FILE *const file = fopen(opt.picture, "rb");
	const size_t most = (size_t)64 << 20;
	struct avl_err err = {0};
	uint8_t *pixels;
	int height, width;
	unsigned char *const bytes = need(malloc(most));
	if (!file)
		die("cannot read the picture");
	const size_t n = fread(bytes, 1, most, file);
	fclose(file);
	if (avl_png_decode(bytes, n, 3, most, &pixels, &height, &width, &err) < 0)
		die(err.text);
	const size_t size = (size_t)height * (size_t)width * 3;
	frame->data = need(avl_arena_alloc(&record->arena, size));
	memcpy(frame->data, pixels, size);
	frame->dim[0] = height;
	frame->dim[1] = width;
	free(pixels);
	free(bytes);
}

static void put(struct avl_record *record, const char *suffix, const struct avl_tensor *tensor)
{
	struct avl_err err = {0};
	if (avl_record_put(record, suffix, tensor, &err) < 0)
		die(err.text);
}

static void put_frame(struct avl_record *record)
{
	struct avl_tensor frame = {AVL_U1, 3, {opt.height, opt.width, 3}, NULL};
	const size_t n = (size_t)opt.height * (size_t)opt.width * 3;
	if (!strcmp(opt.frame, "none"))
		return;
	if (!strcmp(opt.frame, "grey"))
		frame.ndim = 2;
	if (!strcmp(opt.frame, "f4"))
		frame.dtype = AVL_F4;
	if (!strcmp(opt.frame, "empty"))
		frame.dim[0] = 0;
	if (opt.picture) {
		read_picture(record, &frame);
	} else {
		uint8_t *const rgb = need(avl_arena_alloc(&record->arena, n * 4));
		memset(rgb, 0, n * 4);
		for (int y = 0; y < opt.height; y++)
			for (int x = 0; x < opt.width; x++) {
				uint8_t *const p =
				    rgb + ((size_t)y * (size_t)opt.width + (size_t)x) * 3;
				p[0] = (uint8_t)(64 + 128 * x / opt.width);
				p[1] = (uint8_t)(64 + 128 * y / opt.height);
				p[2] = (uint8_t)((x / 8 + y / 8) % 2 ? 160 : 96);
			}
		frame.data = rgb;
	}
	put(record, "frame.npy", &frame);
}

static void put_audio(struct avl_record *record)
{
	struct avl_tensor audio = {AVL_F4, 1, {opt.samples}, NULL};
	float *const sound = need(avl_arena_alloc(&record->arena, (size_t)opt.samples * 4));
	for (int i = 0; i < opt.samples; i++)
		sound[i] = (float)(0.5 * sin(2 * PI * 440 * i / RATE_HZ));
	audio.data = sound;
	put(record, "audio.npy", &audio);
}

static float bell(int row, int col, double x, double y)
{
	const double dx = (col + 0.5) / opt.cols - x, dy = (row + 0.5) / opt.rows - y;
	return (float)exp(-(dx * dx + dy * dy) / (2 * 0.12 * 0.12));
}

static float score(int row, int col, int i)
{
	const float value = bell(row, col, opt.x - (double)i / opt.cols, opt.y);
	if (!strcmp(opt.heat, "zero"))
		return 0;
	if (!strcmp(opt.heat, "flat"))
		return 3;
	if (!strcmp(opt.heat, "negative"))
		return value - 2;
	if (!strcmp(opt.heat, "signed"))
		return value - 0.5F;
	if (!strcmp(opt.heat, "nan") && row == opt.rows / 2 && col == opt.cols / 2)
		return NAN;
	if (!strcmp(opt.heat, "inf") && row == opt.rows / 2 && col == opt.cols / 2)
		return INFINITY;
	return value;
}

static void put_heat(struct avl_record *record, int i)
{
	struct avl_tensor heat = {AVL_F4, 2, {opt.rows, opt.cols}, NULL};
	const size_t n = (size_t)opt.rows * (size_t)opt.cols;
	float *const map = need(avl_arena_alloc(&record->arena, n * 8));
	if (!strcmp(opt.heat, "none"))
		return;
	memset(map, 0, n * 8);
	for (int row = 0; row < opt.rows; row++)
		for (int col = 0; col < opt.cols; col++)
			map[row * opt.cols + col] = score(row, col, i);
	if (!strcmp(opt.heat, "f8"))
		heat.dtype = AVL_F8;
	if (!strcmp(opt.heat, "empty"))
		heat.dim[0] = 0;
	if (!strcmp(opt.heat, "flatdim")) {
		heat.ndim = 1;
		heat.dim[0] = (int64_t)n;
	}
	heat.data = map;
	put(record, "heat.npy", &heat);
}

static void put_heats(struct avl_record *record)
{
	struct avl_tensor heats = {AVL_F4, 3, {opt.maps, opt.rows, opt.cols}, NULL};
	const size_t n = (size_t)opt.maps * (size_t)opt.rows * (size_t)opt.cols;
	float *const map = need(avl_arena_alloc(&record->arena, n * 4 + 1));
	float *at = map;
	for (int k = 0; k < opt.maps; k++)
		for (int row = 0; row < opt.rows; row++)
			for (int col = 0; col < opt.cols; col++)
				*at++ = bell(row, col, (k + 0.5) / opt.maps, opt.y);
	heats.data = map;
	put(record, "heats.npy", &heats);
}

static void fill_seal(struct avl_json *seal, int i)
{
	struct avl_json *const heard = need(avl_json_array());
	avl_json_set_number(seal, "time", (i + 0.5) / opt.fps);
	avl_json_set_string(seal, "source", "mkstream.mp4");
	if (opt.samples)
		avl_json_set_number(seal, "rate_hz", RATE_HZ);
	for (int l = 0; l < opt.nlabels; l++) {
		struct avl_json *const row = need(avl_json_object());
		const char *const colon = strrchr(opt.label[l], ':');
		char name[128];
		snprintf(name, sizeof(name), "%.*s",
			 (int)(colon ? colon - opt.label[l] : (long)strlen(opt.label[l])),
			 opt.label[l]);
		avl_json_set_string(row, "name", name);
		avl_json_set_number(row, "score", colon ? atof(colon + 1) : 1);
		avl_json_append(heard, row);
	}
	avl_json_set(seal, "heard", heard);
	if (opt.has_region)
		avl_json_set_numbers(seal, "heat_region", opt.region, 4);
}

static void scan(int letter, const char *text)
{
	int ok = 1;
	switch (letter) {
	case 'n':
		ok = sscanf(text, "%d", &opt.records) == 1;
		break;
	case 's':
		ok = sscanf(text, "%dx%d", &opt.width, &opt.height) == 2;
		break;
	case 'm':
		ok = sscanf(text, "%dx%d", &opt.cols, &opt.rows) == 2;
		break;
	case 'c':
		ok = sscanf(text, "%lf,%lf", &opt.x, &opt.y) == 2;
		break;
	case 'k':
		ok = sscanf(text, "%d", &opt.maps) == 1;
		break;
	case 'f':
		ok = sscanf(text, "%lf", &opt.fps) == 1;
		break;
	case 'a':
		ok = sscanf(text, "%d", &opt.samples) == 1;
		break;
	case 'H':
		opt.heat = text;
		break;
	case 'F':
		opt.frame = text;
		break;
	case 'p':
		opt.picture = text;
		break;
	case 'K':
		opt.prefix = text;
		break;
	case 'r':
		opt.has_region = 1;
		ok = sscanf(text, "%lf,%lf,%lf,%lf", &opt.region[0], &opt.region[1], &opt.region[2],
			    &opt.region[3]) == 4;
		break;
	case 'l':
		ok = opt.nlabels < LABELS;
		if (ok)
			opt.label[opt.nlabels++] = text;
		break;
	default:
		ok = 0;
	}
	if (!ok)
		die("wrong usage: see the head of tests/tools/mkstream.c");
}

int main(int argc, char **argv)
{
	struct avl_writer *writer;
	struct avl_record record;
	struct avl_err err = {0};
	for (int letter; (letter = getopt(argc, argv, "n:s:m:c:k:f:a:H:F:p:K:r:l:")) != -1;)
		scan(letter, optarg ? optarg : "");
	if (avl_writer_open(&writer, STDOUT_FILENO, "stdout", "mkstream", NULL, 0, &err) < 0)
		die(err.text);
	avl_record_init(&record, 0);
	for (int i = 0; i < opt.records; i++) {
		avl_record_reset(&record);
		snprintf(record.key, sizeof(record.key), "%.64s_%06d", opt.prefix, i);
		put_frame(&record);
		if (opt.samples)
			put_audio(&record);
		put_heat(&record, i);
		if (opt.maps >= 0)
			put_heats(&record);
		fill_seal(record.seal, i);
		if (avl_writer_record(writer, &record, &err) < 0)
			die(err.text);
	}
	avl_record_release(&record);
	if (avl_writer_close(writer, &err) < 0)
		die(err.text);
	return 0;
}
