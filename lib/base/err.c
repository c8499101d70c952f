/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int avl_fail(struct avl_err *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	err->code = code;
	return code;
}

int avl_fail_errno(struct avl_err *err, const char *format, ...)
{
	const int saved = errno;
	if (!err)
		return AVL_EIO;
	va_list args;
	va_start(args, format);
	const int n = vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof err->text)
		snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(saved));
	err->code = AVL_EIO;
	return AVL_EIO;
}

int avl_fail_prefix(struct avl_err *err, const char *what)
{
	char text[sizeof err->text];
	snprintf(text, sizeof text, "%.*s: ", (int)sizeof text - 3, what);
	const size_t n = strlen(text);
	snprintf(text + n, sizeof text - n, "%s", err->text);
	memcpy(err->text, text, sizeof text);
	return err->code;
}
