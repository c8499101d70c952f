/* SPDX-License-Identifier: MIT */
#ifndef AVL_BASE_ERR_H
#define AVL_BASE_ERR_H

/* How the library reports trouble: functions that touch outside data return 0 or one of these
 * negative codes, and say why in one line of lower-case text without a full stop. */
enum avl_code {
	AVL_OK = 0,
	AVL_EIO = -1,     /* the system said no: open, read, write */
	AVL_EFORMAT = -2, /* bytes that are not what they claim to be */
	AVL_ESHAPE = -3,  /* a tensor or model of the wrong shape or type */
	AVL_ENOMEM = -4,
	AVL_ELIMIT = -5, /* larger than a stated bound */
	AVL_EUSAGE = -6, /* a request that makes no sense: unknown name, value out of range */
	AVL_ENONE = -7,  /* what was asked for is not there: no video stream, no sound */
};

struct avl_err {
	int code; /* enum avl_code of the last failure, 0 before any */
	char text[512];
};

/* Records CODE and the formatted text (cut at the buffer's end) and returns CODE.
 * ERR may be NULL. */
int avl_fail(struct avl_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As avl_fail(AVL_EIO), with ": " and the text of the current errno behind. */
int avl_fail_errno(struct avl_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "WHAT: " before the text that is there, and returns the code that is there. ERR holds a
 * failure and is not NULL. */
int avl_fail_prefix(struct avl_err *err, const char *what);

#endif
