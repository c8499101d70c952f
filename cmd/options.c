/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/shared.h"

/* Rows of a table, and what getopt_long returns for the long option of row I: LONG_BASE + I, above
 * every letter. */
#define ROWS_MAX  96
#define LONG_BASE 256

enum { LONG_HELP = LONG_BASE + ROWS_MAX, LONG_VERSION };

struct avl_common avl_common;
static const struct avl_command *current;

const char *avl_command_name(void)
{
	return current ? current->name : "avl";
}

bool avl_parse_int(const char *text, int *value)
{
	const char *const digits = text + (*text == '-' || *text == '+');
	if (!*digits || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	const long number = strtol(text, NULL, 10);
	if (errno || number < INT_MIN || number > INT_MAX)
		return false;
	*value = (int)number;
	return true;
}

bool avl_parse_number(const char *text, double *value)
{
	if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
		return false;
	char *end;
	const double number = strtod(text, &end);
	if (*end || end == text || !isfinite(number))
		return false;
	*value = number;
	return true;
}

bool avl_choice_at(const char *choices, int i, const char **start, int *length)
{
	for (; i > 0; i--) {
		choices = strchr(choices, '|');
		if (!choices)
			return false;
		choices++;
	}
	*start = choices;
	*length = (int)strcspn(choices, "|");
	return true;
}

static bool is_option(const struct avl_option *row)
{
	return row->kind != AVL_OPT_GROUP;
}

static bool is_end(const struct avl_option *row)
{
	return !row->letter && !row->name && !row->help;
}

static bool wants_argument(const struct avl_option *row)
{
	return row->kind != AVL_OPT_FLAG && row->kind != AVL_OPT_COUNT;
}

/* A closed standard descriptor would be taken by the next file opened. Held the wrong way round, it
 * fails as it did when it was closed. */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
				_exit(AVL_EXIT_FAILURE);
}

static void print_and_exit(const struct avl_defaults *defaults)
{
	if (defaults)
		avl_help_print(stdout, current, defaults);
	else
		printf("%s (avl) %s\n", current->name, AVL_VERSION);
	exit(avl_finish());
}

static void set_choice(const struct avl_option *row, const char *option, const char *text)
{
	const char *start;
	int length;
	for (int i = 0; avl_choice_at(row->choices, i, &start, &length); i++) {
		if ((int)strlen(text) == length && !memcmp(text, start, (size_t)length)) {
			*(int *)row->value = i;
			return;
		}
	}
	avl_usage("%s: '%s' is none of %s", option, text, row->choices);
}

static void check_range(const struct avl_option *row, const char *option, double value)
{
	if (row->min == 0 && row->max == 0)
		return;
	if (value < row->min || value > row->max)
		avl_usage("%s: %.10g is not within %.10g to %.10g", option, value, row->min,
			  row->max);
}

static void set_value(const struct avl_option *row, const char *option, const char *text)
{
	switch (row->kind) {
	case AVL_OPT_FLAG:
		*(bool *)row->value = true;
		break;
	case AVL_OPT_COUNT:
		++*(int *)row->value;
		break;
	case AVL_OPT_TEXT:
		*(const char **)row->value = text;
		break;
	case AVL_OPT_CHOICE:
		set_choice(row, option, text);
		break;
	case AVL_OPT_INT:
		if (!avl_parse_int(text, row->value))
			avl_usage("%s: '%s' is not a whole number", option, text);
		check_range(row, option, *(int *)row->value);
		break;
	case AVL_OPT_NUMBER:
		if (!avl_parse_number(text, row->value))
			avl_usage("%s: '%s' is not a number", option, text);
		check_range(row, option, *(double *)row->value);
		break;
	case AVL_OPT_GROUP:
		break;
	}
}

static double default_number(const struct avl_option *row)
{
	if (row->kind == AVL_OPT_NUMBER)
		return *(const double *)row->value;
	if (row->kind == AVL_OPT_INT || row->kind == AVL_OPT_CHOICE)
		return *(const int *)row->value;
	return NAN;
}

/* Fills getopt_long's two tables; returns the number of rows. */
static int make_tables(const struct avl_option *rows, struct option *longs, char *shorts)
{
	*shorts++ = ':'; /* a missing argument is told apart from an unknown option */
	*shorts++ = 'h';
	*longs++ = (struct option){"help", no_argument, NULL, LONG_HELP};
	*longs++ = (struct option){"version", no_argument, NULL, LONG_VERSION};
	int n = 0;
	for (; !is_end(&rows[n]); n++) {
		if (n == ROWS_MAX)
			avl_die(AVL_EXIT_FAILURE, "the option table has over %d rows", ROWS_MAX);
		if (!is_option(&rows[n]))
			continue;
		if (rows[n].letter) {
			*shorts++ = rows[n].letter;
			if (wants_argument(&rows[n]))
				*shorts++ = ':';
		}
		if (rows[n].name)
			*longs++ = (struct option){rows[n].name,
						   wants_argument(&rows[n]) ? required_argument
									    : no_argument,
						   NULL, LONG_BASE + n};
	}
	*shorts = 0;
	*longs = (struct option){0};
	return n;
}

static const struct avl_option *row_of(int found)
{
	if (found >= LONG_BASE)
		return &current->options[found - LONG_BASE];
	const struct avl_option *row = current->options;
	while (!is_option(row) || row->letter != found)
		row++;
	return row;
}

/* FOUND as the user may write it: "-r" or "--rate". */
static void write_name(char *text, size_t size, int found)
{
	if (found < LONG_BASE)
		snprintf(text, size, "-%c", found);
	else if (found >= LONG_HELP)
		snprintf(text, size, "--%s", found == LONG_HELP ? "help" : "version");
	else
		snprintf(text, size, "--%s", current->options[found - LONG_BASE].name);
}

static void reject(const char *argument, int found, int about, const struct option *longs)
{
	char name[64];
	write_name(name, sizeof name, about);
	if (found == ':')
		avl_usage("%s needs an argument", name);
	if (about >= LONG_BASE)
		avl_usage("%s takes no argument", name);
	if (about)
		avl_usage("unknown option '%s'", name);
	int candidates = 0;
	const size_t length = strcspn(argument + 2, "=");
	for (; longs->name; longs++)
		candidates += !strncmp(longs->name, argument + 2, length);
	avl_usage("%s option '%s'", candidates ? "ambiguous" : "unknown", argument);
}

int avl_command_start(const struct avl_command *command, int argc, char **argv)
{
	struct option longs[ROWS_MAX + 3];
	char shorts[2 * ROWS_MAX + 3];
	double number[ROWS_MAX];
	const char *text[ROWS_MAX];
	const struct avl_defaults defaults = {number, text};

	current = command;
	hold_standard_descriptors();
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is then a failed write, with its message */
	const int rows = make_tables(command->options, longs, shorts);
	for (int i = 0; i < rows; i++) {
		const struct avl_option *const row = &command->options[i];
		number[i] = default_number(row);
		text[i] = row->kind == AVL_OPT_TEXT ? *(const char **)row->value : NULL;
	}
	opterr = 0;
	for (int found; (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
		char name[64];
		if (found == 'h' || found == LONG_HELP)
			print_and_exit(&defaults);
		if (found == LONG_VERSION)
			print_and_exit(NULL);
		if (found == '?' || found == ':')
			reject(argv[optind - 1], found, optopt, longs);
		write_name(name, sizeof name, found);
		set_value(row_of(found), name, optarg);
	}
	return optind;
}
