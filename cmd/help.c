/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "cmd/shared.h"

#define WIDTH    80
#define TEXT_MAX 2048

/* Where the descriptions start; an option whose name reaches further gets a line of its own. */
#define COLUMN_MAX 30

struct text {
	char bytes[TEXT_MAX];
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) append(struct text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int n = vsnprintf(text->bytes + text->n, sizeof text->bytes - text->n, format, args);
	va_end(args);
	if (n > 0)
		text->n += (size_t)n;
	if (text->n >= sizeof text->bytes)
		text->n = sizeof text->bytes - 1;
}

/* The length of the next piece of TEXT that must stay together: up to a blank outside brackets,
 * or a line end. */
static int piece(const char *text)
{
	int depth = 0, n = 0;
	for (; text[n] && text[n] != '\n' && (depth || text[n] != ' '); n++)
		depth += (text[n] == '[') - (text[n] == ']');
	return n;
}

/* Writes TEXT with its lines filled up to WIDTH; the cursor stands at column AT, further lines are
 * indented by INDENT. */
static void fill(FILE *file, const char *text, int at, int indent)
{
	for (bool first = true; *text; first = false) {
		const int n = piece(text);
		const bool full = at + 1 + n > WIDTH - 1;
		if (!first && full) {
			fprintf(file, "\n%*s", indent, "");
			at = indent;
		} else if (!first && at > indent) {
			fputc(' ', file);
			at++;
		}
		fprintf(file, "%.*s", n, text);
		at += n;
		text += n;
		if (*text == '\n') {
			fprintf(file, "\n%*s", indent, "");
			at = indent;
		}
		text += *text != 0;
	}
	fputc('\n', file);
}

static void print_usage(FILE *file, const struct avl_command *command)
{
	const char *line = command->synopsis, *before = "Usage: ";
	for (;;) {
		char text[TEXT_MAX];
		const size_t n = strcspn(line, "\n");
		snprintf(text, sizeof text, "%.*s", (int)n, line);
		const int at = fprintf(file, "%s%s ", before, command->name);
		fill(file, text, at, at);
		if (!line[n])
			break;
		line += n + 1;
		before = "       ";
	}
}

static void describe_name(struct text *text, const struct avl_option *row)
{
	if (row->letter)
		append(text, "  -%c%s", row->letter, row->name ? ", " : "");
	else
		append(text, "      ");
	if (row->name)
		append(text, "--%s", row->name);
	if (row->kind != AVL_OPT_FLAG && row->kind != AVL_OPT_COUNT)
		append(text, " %s", row->arg ? row->arg : "WORD");
}

static void describe_default(struct text *text, const struct avl_option *row, double number,
			     const char *string)
{
	const char *start;
	int length;
	if (strstr(row->help, "default"))
		return;
	if (row->kind == AVL_OPT_TEXT && string)
		append(text, " (default %s)", string);
	if (row->kind == AVL_OPT_CHOICE && number >= 0 &&
	    avl_choice_at(row->choices, (int)number, &start, &length))
		append(text, " (default %.*s)", length, start);
	if (row->kind != AVL_OPT_INT && row->kind != AVL_OPT_NUMBER)
		return;
	const bool bounded = row->min != 0 || row->max != 0;
	if (isfinite(number) && (!bounded || (number >= row->min && number <= row->max)))
		append(text, " (default %.10g)", number);
}

static void describe(struct text *text, const struct avl_option *row, double number,
		     const char *string)
{
	append(text, "%s", row->help);
	const char *start, *before = ": one of ";
	int length;
	if (row->kind == AVL_OPT_CHOICE)
		for (int i = 0; avl_choice_at(row->choices, i, &start, &length); i++) {
			append(text, "%s%.*s", before, length, start);
			before = ", ";
		}
	describe_default(text, row, number, string);
}

static int name_width(const struct avl_option *row)
{
	struct text name = {.n = 0};
	describe_name(&name, row);
	return (int)name.n + 2;
}

static void print_row(FILE *file, const struct avl_option *row, int column, double number,
		      const char *string)
{
	struct text name = {.n = 0}, help = {.n = 0};
	describe_name(&name, row);
	describe(&help, row, number, string);
	fprintf(file, "%s", name.bytes);
	if ((int)name.n + 2 > column)
		fprintf(file, "\n%*s", column, "");
	else
		fprintf(file, "%*s", column - (int)name.n, "");
	fill(file, help.bytes, column, column);
}

void avl_help_print(FILE *file, const struct avl_command *command,
		    const struct avl_defaults *defaults)
{
	static const struct avl_option always[] = {
	    {'h', "help", AVL_OPT_FLAG, NULL, NULL, "show this and exit", NULL, 0, 0},
	    {0, "version", AVL_OPT_FLAG, NULL, NULL, "show the version and exit", NULL, 0, 0},
	};
	const struct avl_option *row = command->options;
	int column = name_width(&always[1]);
	for (; row->help; row++) {
		const int width = row->kind == AVL_OPT_GROUP ? 0 : name_width(row);
		if (width > column && width <= COLUMN_MAX)
			column = width;
	}
	print_usage(file, command);
	fputc('\n', file);
	fill(file, command->summary, 0, 0);
	row = command->options;
	if (row->kind != AVL_OPT_GROUP)
		fprintf(file, "\nOptions:\n");
	for (int i = 0; row->help; row++, i++) {
		if (row->kind == AVL_OPT_GROUP)
			fprintf(file, "\n%s:\n", row->help);
		else
			print_row(file, row, column, defaults->number[i], defaults->text[i]);
	}
	for (int i = 0; i < 2; i++)
		print_row(file, &always[i], column, NAN, NULL);
}
