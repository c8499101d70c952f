/* SPDX-License-Identifier: MIT */
#ifndef AVL_TESTS_CMD_CHILD_H
#define AVL_TESTS_CMD_CHILD_H

/* Functions that end the process are run in a child. */
struct child {
	int status;       /* exit status, or -N where signal N ended it */
	char said[512];   /* the start of what it wrote on stderr */
	char wrote[2048]; /* and on stdout */
};

/* Runs work(arg) and then exit(0) in a child. */
void child_run(struct child *child, void (*work)(void *arg), void *arg);

/* An empty directory, which becomes the current one and is removed by directory_leave. */
void directory_enter(void);
void directory_leave(void);
int directory_count(void); /* entries of the current directory, hidden ones too */

/* The whole of a short file, or "" where there is none. */
const char *file_text(const char *path);
void file_write(const char *path, const char *text);

#endif
