/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/shared.h"

#define LINE_MAX_BYTES 2048

static atomic_bool failed;

void avl_disarm(char *text)
{
	char *to = text;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		const bool is_pair = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
		*to++ = is_pair || *c < ' ' || *c == 0x7f ? '?' : (char)*c;
		c += is_pair;
	}
	*to = 0;
}

/* The line is put together first and written at once, so that threads, and the commands of a
 * pipeline, do not mix theirs. */
static void say(const char *format, va_list args, const char *behind)
{
	char line[LINE_MAX_BYTES];
	const int head = snprintf(line, sizeof line, "%s: ", avl_command_name());
	vsnprintf(line + head, sizeof line - (size_t)head, format, args);
	const size_t n = strlen(line);
	snprintf(line + n, sizeof line - n, "%s", behind);
	avl_disarm(line);
	avl_progress_hide();
	fprintf(stderr, "%s\n", line);
}

void avl_die(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(format, args, "");
	va_end(args);
	exit(status);
}

void avl_die_err(const struct avl_err *err)
{
	avl_die(AVL_EXIT_FAILURE, "%s", err->text);
}

void avl_usage(const char *format, ...)
{
	char behind[128];
	snprintf(behind, sizeof behind, " (try '%s --help')", avl_command_name());
	va_list args;
	va_start(args, format);
	say(format, args, behind);
	va_end(args);
	exit(AVL_EXIT_USAGE);
}

void avl_warn(const char *format, ...)
{
	if (avl_common.quiet)
		return;
	va_list args;
	va_start(args, format);
	say(format, args, "");
	va_end(args);
}

void avl_error(const char *format, ...)
{
	atomic_store(&failed, true);
	va_list args;
	va_start(args, format);
	say(format, args, "");
	va_end(args);
}

bool avl_failed(void)
{
	return atomic_load(&failed);
}

int avl_finish(void)
{
	avl_progress_end();
	if (ferror(stdout) || fflush(stdout))
		avl_error("stdout: %s", errno ? strerror(errno) : "write error");
	else if (fclose(stdout))
		avl_error("stdout: %s", strerror(errno));
	return avl_failed() ? AVL_EXIT_FAILURE : AVL_EXIT_OK;
}
