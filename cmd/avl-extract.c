/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/par.h"
#include "cmd/cmd.h"
#include "io/contract.h"
#include "io/safetensors.h"
#include "media/key.h"
#include "media/list.h"
#include "media/media.h"

enum { SIDE_MAX = 16384, RATE_MIN = 1000, RATE_MAX = 384000 };
#define WINDOW_MIN_S 0.001
#define WINDOW_MAX_S 86400
#define TIME_MAX_S   1e6 /* what 12 digits of microseconds hold */

static double rate = NAN; /* until told */
static const char *times_text, *window_text, *size_text, *hertz_text, *model, *audio, *list_path,
    *shard_text;
static bool keys;
static int threads;

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Times (one of these)", NULL, 0, 0},
    {'r', "rate", AVL_OPT_NUMBER, &rate, "FPS", "so many records a second (default: 1)", NULL, 1e-6,
     1000},
    {'t', "times", AVL_OPT_TEXT, &times_text, "SEC[,SEC...]", "these times", NULL, 0, 0},
    {'k', "keyframes", AVL_OPT_FLAG, &keys, NULL, "every keyframe", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Picture and sound", NULL, 0, 0},
    {'w', "window", AVL_OPT_TEXT, &window_text, "SEC",
     "length of the sound around a time, or 'all' (default: the model's)", NULL, 0, 0},
    {'a', "audio-rate", AVL_OPT_TEXT, &hertz_text, "HZ",
     "rate of the sound, 0: as it is (default: the model's)", NULL, 0, 0},
    {'s', "size", AVL_OPT_TEXT, &size_text, "WxH|MAX",
     "scale frames to WxH, or their longer side down to MAX", NULL, 0, 0},
    {'m', "model", AVL_OPT_TEXT, &model, "MODEL",
     "the model whose window and rate are taken (default: $AVL_MODEL, or avl's own)", NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Input and output", NULL, 0, 0},
    {0, "audio", AVL_OPT_TEXT, &audio, "FILE", "the sound of a still or a silent video", NULL, 0,
     0},
    {0, "list", AVL_OPT_TEXT, &list_path, "TSV",
     "read rows: key, picture or video, sound, time; '-' for none", NULL, 0, 0},
    {0, "shard", AVL_OPT_TEXT, &shard_text, "I/N", "only each N-th file from the I-th on, I = 1..N",
     NULL, 0, 0},
    {'j', "threads", AVL_OPT_INT, &threads, "N", "threads (default: one a processor)", NULL, 1,
     256},
    AVL_STREAM_OPTIONS,
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-extract",
    .synopsis = "[-r FPS | -t SEC[,SEC...] | -k] [-w SEC] [-s WxH|MAX] [-a HZ] [-m MODEL] "
		"[--audio FILE] [-j N] [--shard I/N] [-o FILE] FILE...\n"
		"[OPTION...] --list TSV",
    .summary = "Takes frames and the sound around them from media files, as a stream of records.",
    .options = options,
};

/* One thing to extract from. */
struct job {
	const char *picture, *sound; /* NULL: none */
	double time_s;               /* of a list's row; negative: none */
	const char *wrong;           /* why there is nothing to extract, or NULL */
	struct avl_stem stem;
	bool listed;
};

struct run {
	struct avl_clip_options clip;
	struct avl_writer *writer;
	struct avl_record record;
	double done;
};

/* --- the command line --- */

static const char *read_number(const char *text, double *value)
{
	char *end;
	if (!strchr("0123456789.", *text) || !*text)
		return NULL;
	*value = strtod(text, &end);
	return isfinite(*value) && end != text ? end : NULL;
}

static int compare_times(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The times in ascending order, each once. */
static double *read_times(const char *text, int *n)
{
	double *const times = malloc((strlen(text) / 2 + 1) * sizeof *times);
	if (!times)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	*n = 0;
	for (const char *at = text;; at++) {
		at = read_number(at, &times[*n]);
		if (!at || (*at && *at != ',') || times[*n] >= TIME_MAX_S)
			avl_usage("-t: '%s' is not a list of times in seconds", text);
		times[*n] = round(times[*n] * 1e6) / 1e6;
		++*n;
		if (!*at)
			break;
	}
	qsort(times, (size_t)*n, sizeof *times, compare_times);
	int kept = 1;
	for (int i = 1; i < *n; i++)
		if (times[i] > times[kept - 1])
			times[kept++] = times[i];
	*n = kept;
	return times;
}

static void read_size(const char *text, int *width, int *height)
{
	double first, second = 0;
	const char *at = read_number(text, &first);
	const bool both = at && *at == 'x';
	if (both)
		at = read_number(at + 1, &second);
	if (!at || *at || first != floor(first) || second != floor(second) || first < 1 ||
	    first > SIDE_MAX || (both && second < 1) || second > SIDE_MAX)
		avl_usage("-s: '%s' is neither WxH nor MAX, of 1 to %d pixels", text, SIDE_MAX);
	*width = (int)first;
	*height = (int)second;
}

static double read_window(const char *text)
{
	double seconds;
	if (!strcmp(text, "all"))
		return 0;
	const char *const end = read_number(text, &seconds);
	if (!end || *end || seconds < WINDOW_MIN_S || seconds > WINDOW_MAX_S)
		avl_usage("-w: '%s' is neither 'all' nor within %g to %d seconds", text,
			  WINDOW_MIN_S, WINDOW_MAX_S);
	return seconds;
}

static int read_hertz(const char *text)
{
	double hertz;
	const char *const end = read_number(text, &hertz);
	if (!end || *end || hertz != floor(hertz) ||
	    (hertz != 0 && (hertz < RATE_MIN || hertz > RATE_MAX)))
		avl_usage("-a: '%s' is neither 0 nor within %d to %d Hz", text, RATE_MIN, RATE_MAX);
	return (int)hertz;
}

static void read_shard(const char *text, int *part, int *parts)
{
	double i, n;
	const char *at = read_number(text, &i);
	at = at && *at == '/' ? read_number(at + 1, &n) : NULL;
	if (!at || *at || i != floor(i) || n != floor(n) || i < 1 || i > n || n > 1e6)
		avl_usage("--shard: '%s' is not I/N with I = 1..N", text);
	*part = (int)i;
	*parts = (int)n;
}

/* --- what the model says --- */

static void read_contract(struct avl_contract *contract)
{
	struct avl_safetensors *file = NULL;
	struct avl_err err;
	char *const path = model ? strdup(model) : avl_model_path();
	if (!path)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	int rc = avl_safetensors_open(&file, path, &err);
	if (!rc) {
		rc = avl_contract_read(contract, file, &err);
		if (rc)
			avl_fail_prefix(&err, path);
	}
	if (rc && !model)
		avl_die(AVL_EXIT_FAILURE,
			"no default model, so name one with -m, or give both -w and -a: %s",
			err.text);
	if (rc)
		avl_die_err(&err);
	avl_safetensors_close(file);
	free(path);
}

static void choose_sound(struct avl_clip_options *clip)
{
	clip->anchor = 0.5;
	if (model || !window_text || !hertz_text) {
		struct avl_contract contract;
		read_contract(&contract);
		clip->rate_hz = contract.sound.rate_hz;
		clip->channels = contract.sound.channel == AVL_CHANNEL_FIRST;
		clip->window_s = contract.sound.window_s;
		if (contract.sound.anchor == AVL_ANCHOR_WHOLE)
			clip->window_s = 0;
		if (contract.sound.anchor == AVL_ANCHOR_START)
			clip->anchor = 0;
	}
	if (window_text)
		clip->window_s = clip->still_s = read_window(window_text);
	if (hertz_text)
		clip->rate_hz = read_hertz(hertz_text);
}

static void choose_clip(struct avl_clip_options *clip)
{
	if ((rate > 0) + !!times_text + keys > 1)
		avl_usage("only one of -r, -t and -k");
	clip->mode = keys ? AVL_CLIP_KEYS : times_text ? AVL_CLIP_TIMES : AVL_CLIP_RATE;
	clip->rate = rate > 0 ? rate : 1;
	clip->threads = threads ? threads : avl_par_processors();
	if (times_text)
		clip->times = read_times(times_text, &clip->ntimes);
	if (size_text)
		read_size(size_text, &clip->width, &clip->height);
	choose_sound(clip);
}

/* --- what to extract from --- */

static void name_jobs(struct job *jobs, int n, bool listed, const char *const *names)
{
	struct avl_stem *stems;
	struct avl_err err;
	const char **const paths = calloc((size_t)n + 1, sizeof *paths);
	if (!paths)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	for (int i = 0; i < n; i++)
		paths[i] = jobs[i].picture ? jobs[i].picture : jobs[i].sound ? jobs[i].sound : "";
	if (avl_stems_make(&stems, names, paths, n, listed, &err))
		avl_die_err(&err);
	for (int i = 0; i < n; i++)
		jobs[i].stem = stems[i];
	free(stems);
	free(paths);
}

static struct job *jobs_of_list(const struct avl_list *list)
{
	struct job *const jobs = calloc((size_t)list->n + 1, sizeof *jobs);
	const char **const names = calloc((size_t)list->n + 1, sizeof *names);
	if (!jobs || !names)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	for (int i = 0; i < list->n; i++) {
		const struct avl_list_row *const row = &list->row[i];
		jobs[i] = (struct job){.wrong = row->wrong,
				       .picture = row->picture,
				       .sound = row->sound,
				       .time_s = row->time_s,
				       .listed = true};
		names[i] = row->wrong ? "" : row->key;
	}
	name_jobs(jobs, list->n, true, names);
	free(names);
	return jobs;
}

static struct job *jobs_of_files(char **files, int n)
{
	struct job *const jobs = calloc((size_t)n + 1, sizeof *jobs);
	if (!jobs)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	for (int i = 0; i < n; i++)
		jobs[i] = (struct job){.picture = files[i], .sound = audio, .time_s = -1};
	name_jobs(jobs, n, false, (const char *const *)files);
	return jobs;
}

/* stdin can be read once, and not from a terminal. */
static void check_stdin(const struct job *jobs, int n)
{
	int uses = list_path && !strcmp(list_path, "-");
	for (int i = 0; i < n; i++) {
		uses += jobs[i].picture && !strcmp(jobs[i].picture, "-");
		uses += jobs[i].sound && !strcmp(jobs[i].sound, "-");
	}
	if (uses > 1)
		avl_usage("'-' may be named once");
	if (uses && isatty(STDIN_FILENO))
		avl_usage("no input: name a file, or pipe one in");
}

/* --- extracting --- */

static const char *shown_name(const char *path)
{
	return strcmp(path, "-") ? path : "stdin";
}

static double whole_us(double seconds)
{
	return round(seconds * 1e6) / 1e6;
}

static int fill_seal(struct avl_json *seal, const struct job *job,
		     const struct avl_clip_record *from)
{
	const char *const source = job->picture ? job->picture : job->sound;
	int rc = avl_json_set_number(seal, "time", whole_us(from->time_s));
	if (!rc)
		rc = avl_json_set_string(seal, "source", shown_name(source));
	if (!rc && from->rgb)
		rc = avl_json_set_number(seal, "frame_time", whole_us(from->frame_s));
	if (!rc && job->picture && job->sound)
		rc = avl_json_set_string(seal, "sound", shown_name(job->sound));
	if (!rc && from->audio)
		rc = avl_json_set_number(seal, "rate_hz", from->rate_hz);
	if (!rc && from->audio)
		rc = avl_json_set_number(seal, "audio_start", whole_us(from->audio_start_s));
	return rc;
}

static int fill_record(struct avl_record *record, const struct job *job,
		       const struct avl_clip_record *from, bool timed, struct avl_err *err)
{
	const struct avl_tensor frame = {
	    AVL_U1, 3, {from->height, from->width, 3}, (void *)(uintptr_t)from->rgb};
	const struct avl_tensor sound = {
	    AVL_F4, 1, {(int64_t)from->samples}, (void *)(uintptr_t)from->audio};
	avl_record_reset(record);
	avl_key_make(record->key, &job->stem, timed ? llround(from->time_s * 1e6) : -1);
	int rc = from->rgb ? avl_record_put(record, "frame.npy", &frame, err) : 0;
	if (!rc && from->audio)
		rc = avl_record_put(record, "audio.npy", &sound, err);
	if (!rc && fill_seal(record->seal, job, from))
		rc = avl_fail(err, AVL_ENOMEM, "out of memory");
	return rc;
}

static void report_beyond(const struct avl_clip *clip, const char *name)
{
	double first_s, end_s;
	const int n = avl_clip_beyond(clip, &first_s, &end_s);
	if (n == 1)
		avl_error("'%s': ends at %.9g s, so nothing is at %.9g s", name, end_s, first_s);
	else if (n)
		avl_error("'%s': ends at %.9g s, before %d of the times, the first %.9g s", name,
			  end_s, n, first_s);
}

static void write_records(struct run *run, const struct job *job, struct avl_clip *clip,
			  const char *name)
{
	struct avl_clip_record from;
	struct avl_err err;
	/* a row that asks for one record gives it its key as it stands */
	const bool timed = !job->listed || (job->time_s < 0 && !avl_clip_still(clip));
	int64_t n = 0;
	int rc;
	while ((rc = avl_clip_next(clip, &from, &err)) > 0) {
		if (fill_record(&run->record, job, &from, timed, &err) ||
		    avl_writer_record(run->writer, &run->record, &err))
			avl_die_err(&err);
		avl_progress(++run->done);
		n++;
	}
	if (rc < 0)
		avl_error("'%s': %s", name, err.text);
	else if (avl_clip_beyond(clip, &(double){0}, &(double){0}))
		report_beyond(clip, name);
	else if (!n)
		avl_error("'%s': %s", name, keys ? "has no keyframe" : "has nothing to extract");
}

static void extract(struct run *run, const struct job *job)
{
	struct avl_clip_options clip_options = run->clip;
	struct avl_clip *clip;
	struct avl_err err;
	if (job->wrong) {
		avl_error("'%s': %s", shown_name(list_path), job->wrong);
		return;
	}
	const char *const name = shown_name(job->picture ? job->picture : job->sound);
	if (job->time_s >= 0) {
		clip_options.mode = AVL_CLIP_TIMES;
		clip_options.times = &job->time_s;
		clip_options.ntimes = 1;
	}
	if (avl_clip_open(&clip, job->picture, job->sound, &clip_options, &err)) {
		avl_error("'%s': %s", name, err.text);
		return;
	}
	write_records(run, job, clip, name);
	avl_clip_close(clip);
}

static struct avl_json *settings(const struct avl_clip_options *clip)
{
	struct avl_json *const object = avl_json_object();
	if (!object || avl_json_set_number(object, "window_s", clip->window_s) ||
	    avl_json_set_number(object, "rate_hz", clip->rate_hz) ||
	    avl_json_set_number(object, "anchor", clip->anchor))
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	return object;
}

/* The output takes the place of a file, which must not be the video that somebody only has once. */
static void keep_inputs(const struct job *jobs, int n)
{
	struct stat output, input;
	if (!avl_common.output || stat(avl_common.output, &output) || !S_ISREG(output.st_mode))
		return;
	for (int i = 0; i < n; i++) {
		const char *const read[] = {jobs[i].picture, jobs[i].sound};
		for (int k = 0; k < 2; k++)
			if (read[k] && !stat(read[k], &input) && input.st_dev == output.st_dev &&
			    input.st_ino == output.st_ino)
				avl_usage("-o: '%s' is read, too", avl_common.output);
	}
}

static void extract_all(struct run *run, const struct job *jobs, int n)
{
	int part = 1, parts = 1;
	struct avl_output output;
	struct avl_err err;
	if (shard_text)
		read_shard(shard_text, &part, &parts);
	avl_output_open(&output, avl_common.output, avl_common.force);
	struct avl_json *const header = settings(&run->clip);
	if (avl_writer_open(&run->writer, output.fd, output.path, command.name, header,
			    avl_common.gzip ? AVL_WRITER_GZIP : 0, &err))
		avl_die_err(&err);
	avl_json_free(header);
	avl_record_init(&run->record, 0);
	avl_progress_start("records", 0);
	for (int i = part - 1; i < n; i += parts)
		extract(run, &jobs[i]);
	if (avl_writer_close(run->writer, &err))
		avl_die_err(&err);
	avl_output_commit(&output);
	avl_progress_end();
	avl_record_release(&run->record);
}

int main(int argc, char **argv)
{
	static char dash[] = "-";
	char *only_stdin[] = {dash};
	struct run run = {0};
	struct avl_list list = {0};
	struct avl_err err;
	const int first = avl_command_start(&command, argc, argv);
	const bool none = first == argc;
	int n = none ? 1 : argc - first;
	if (list_path && !none)
		avl_usage("--list takes no FILE beside it");
	if (list_path && audio)
		avl_usage("--list names the sounds itself: no --audio beside it");
	if (list_path && strcmp(list_path, "-") == 0 && isatty(STDIN_FILENO))
		avl_usage("no list: name a file, or pipe one in");
	if (list_path && avl_list_read(&list, list_path, &err))
		avl_die(AVL_EXIT_FAILURE, "'%s': %s", shown_name(list_path), err.text);
	if (list_path)
		n = list.n;
	struct job *const jobs =
	    list_path ? jobs_of_list(&list) : jobs_of_files(none ? only_stdin : argv + first, n);
	check_stdin(jobs, n);
	keep_inputs(jobs, n);
	choose_clip(&run.clip);
	extract_all(&run, jobs, n);
	free((void *)(uintptr_t)run.clip.times);
	free(jobs);
	avl_list_release(&list);
	return avl_finish();
}
