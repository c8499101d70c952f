/* SPDX-License-Identifier: MIT */
#ifndef AVL_CMD_CMD_H
#define AVL_CMD_CMD_H

/* What the commands share: options, messages, input and output streams, progress. Only here and
 * in the commands themselves may anything be printed, and may the process end. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "io/stream.h"

/* Exit statuses of every command. */
enum { AVL_EXIT_OK = 0, AVL_EXIT_FAILURE = 1, AVL_EXIT_USAGE = 2 };

/* One table makes getopt_long's arguments, --help and the checks. What *VALUE holds before the
 * options are read is the default, and --help shows it unless HELP says "default" itself or the
 * value is outside min..max (then it stands for "not given"; NAN does so for a number). */
enum avl_option_kind {
	AVL_OPT_FLAG,   /* bool: set to true */
	AVL_OPT_INT,    /* int within min..max */
	AVL_OPT_NUMBER, /* double, finite, within min..max */
	AVL_OPT_TEXT,   /* const char *; the last one given counts */
	AVL_OPT_CHOICE, /* int: index of the text in CHOICES ("dot|relu|cosine"), -1: not given */
	AVL_OPT_COUNT,  /* int: one more each time (-v) */
	AVL_OPT_GROUP,  /* no option: HELP is a heading in --help */
};

struct avl_option {
	char letter;      /* 0: none */
	const char *name; /* long name without dashes, NULL: none */
	enum avl_option_kind kind;
	void *value;
	const char *arg;     /* name of the argument in --help: "FPS" */
	const char *help;    /* one line, or more with \n */
	const char *choices; /* of AVL_OPT_CHOICE */
	double min, max;     /* of AVL_OPT_INT and AVL_OPT_NUMBER; both 0: unbounded */
};

struct avl_command {
	const char *name;     /* "avl-extract" */
	const char *synopsis; /* what follows the name in the usage line(s); \n begins another */
	const char *summary;  /* one sentence */
	const struct avl_option *options; /* ended by a row of zeros */
};

/* Every command takes -h/--help and --version, which need no row, and these, by the macros. */
struct avl_common {
	bool quiet;
	int verbose;
	const char *output; /* -o, NULL: stdout */
	bool force;
	bool gzip;
};
extern struct avl_common avl_common;
/* clang-format off */
#define AVL_COMMON_OPTIONS \
	{'q', "quiet", AVL_OPT_FLAG, &avl_common.quiet, NULL, \
	 "no progress, no warnings", NULL, 0, 0}, \
	{'v', "verbose", AVL_OPT_COUNT, &avl_common.verbose, NULL, \
	 "say more", NULL, 0, 0}

/* For commands that write a stream. */
#define AVL_STREAM_OPTIONS \
	{'o', "output", AVL_OPT_TEXT, &avl_common.output, "FILE", \
	 "write to FILE, which appears when it is complete (default: standard output)", NULL, 0, 0}, \
	{'z', "gzip", AVL_OPT_FLAG, &avl_common.gzip, NULL, \
	 "compress the output", NULL, 0, 0}, \
	{'f', "force", AVL_OPT_FLAG, &avl_common.force, NULL, \
	 "write to a terminal as well", NULL, 0, 0}
/* clang-format on */

/* Reads the options, sets SIGPIPE to its default, and returns the index of the first operand.
 * --help and --version are answered here; a mistake in usage ends the process with status 2. */
int avl_command_start(const struct avl_command *command, int argc, char **argv);

/* The name given to avl_command_start. */
const char *avl_command_name(void);

/* Whole decimal text, nothing before or behind it: true, and *VALUE is set. No hexadecimal, no
 * infinity, no NaN. */
bool avl_parse_int(const char *text, int *value);
bool avl_parse_number(const char *text, double *value);

/* Text from files may hold anything, and a terminal must not act on it: each control
 * character becomes '?', those of C1 in UTF-8 (C2 80 to C2 9F) too. */
void avl_disarm(char *text);

/* Messages: one line on stderr, "NAME: text", disarmed. */
_Noreturn void avl_die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void avl_die_err(const struct avl_err *err); /* status 1 */
_Noreturn void avl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void avl_warn(const char *format, ...) __attribute__((format(printf, 1, 2))); /* -q silences */
/* As avl_warn, not silenced by -q, and the command will end with status 1 (avl_finish). */
void avl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool avl_failed(void); /* avl_error was called */

/* Input: the records of all operands, one after the other; none or "-" is stdin. */
struct avl_input;

/* Ends in usage where stdin is to be read and is a terminal. FILES is borrowed. */
struct avl_input *avl_input_open(char **files, int nfiles);
/* 1: a record, 0: no more. An operand that cannot be read or is damaged is reported, makes the
 * exit status 1, and the next one is tried. */
int avl_input_next(struct avl_input *input, struct avl_record *record);
/* The same, one step: a negative code is an operand that cannot be read or is damaged, which the
 * caller reports by avl_error; another call goes on with the next one. */
int avl_input_try(struct avl_input *input, struct avl_record *record, struct avl_err *err);
/* The stream the last record came from: its name ("stdin" for "-") and its header. */
const char *avl_input_name(const struct avl_input *input);
const struct avl_json *avl_input_header(const struct avl_input *input);
/* A stream has broken off or was found damaged. What is written from it may then not look whole: it
 * gets no end record, so that the next reader in a pipeline is told as well. */
bool avl_input_damaged(const struct avl_input *input);
void avl_input_close(struct avl_input *input);

/* Writes RECORD. One that the stream cannot take, as when its key has just been written, is
 * reported and left out, and status 1 follows; where writing itself fails the command ends. */
void avl_output_record(struct avl_writer *writer, const struct avl_record *record);

/* Output: stdout, or with -o FILE a temporary beside it that becomes FILE at the end. The
 * temporary is removed when the process ends before that, by avl_die or by a signal. A FILE that
 * exists and is no regular file (/dev/null, a FIFO) is written to directly. */
struct avl_output {
	int fd;
	const char *path; /* for messages: "stdout" or the FILE as given */
	char *target;     /* what the temporary becomes; NULL: there is no temporary */
	int slot;         /* among the temporaries to remove */
};

/* PATH: NULL or "-" is stdout, which may not be a terminal unless FORCE. Dies where it cannot. */
void avl_output_open(struct avl_output *output, const char *path, bool force);
/* Writes N bytes; dies where it cannot. */
void avl_output_write(const struct avl_output *output, const void *bytes, size_t n);
/* Fsyncs, closes, renames; all of it checked. Dies where it cannot. */
void avl_output_commit(struct avl_output *output);
/* Removes the temporary. */
void avl_output_abandon(struct avl_output *output);

/* Progress: one line on stderr with the rate and, where TOTAL is known, the time left; only if
 * stderr is a terminal and -q was not given. In a pipeline only the last command shows it (the
 * others have a pipe as stdout), or all with -v. May be called from any thread. */
void avl_progress_start(const char *unit, double total); /* "frames"; total 0: unknown */
void avl_progress(double done);                          /* written at most ten times a second */
void avl_progress_end(void);

/* The exit status: AVL_EXIT_FAILURE after any avl_error, else AVL_EXIT_OK. Checks that stdout
 * could be flushed and closed. */
int avl_finish(void);

#endif
