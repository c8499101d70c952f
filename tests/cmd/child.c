/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

static int in_child;

/* Asked by LeakSanitizer when a process ends. A child has lost the threads of its parent and holds
 * on to what they had. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return in_child;
}

static char start[4096], scratch[] = "/tmp/avl-test-XXXXXX";

static void read_back(int fd, char *text, size_t size)
{
	const ssize_t n = pread(fd, text, size - 1, 0);
	cr_assert(n >= 0);
	text[n] = 0;
	close(fd);
}

static int open_unnamed(void)
{
	char name[] = "/tmp/avl-test-XXXXXX";
	const int fd = mkstemp(name);
	cr_assert(fd >= 0);
	unlink(name);
	return fd;
}

void child_run(struct child *child, void (*work)(void *arg), void *arg)
{
	const int err = open_unnamed(), out = open_unnamed();
	fflush(NULL);
	const pid_t pid = fork();
	if (!pid) {
		in_child = 1;
		dup2(err, STDERR_FILENO);
		dup2(out, STDOUT_FILENO);
		work(arg);
		exit(0);
	}
	int status;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	read_back(err, child->said, sizeof child->said);
	read_back(out, child->wrote, sizeof child->wrote);
}

void directory_enter(void)
{
	cr_assert_not_null(getcwd(start, sizeof start));
	cr_assert_not_null(mkdtemp(scratch));
	cr_assert_eq(chdir(scratch), 0);
}

static const char *next_entry(DIR *dir)
{
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			return entry->d_name;
	return NULL;
}

int directory_count(void)
{
	DIR *const dir = opendir(".");
	cr_assert_not_null(dir);
	int n = 0;
	while (next_entry(dir))
		n++;
	closedir(dir);
	return n;
}

void directory_leave(void)
{
	DIR *const dir = opendir(".");
	cr_assert_not_null(dir);
	for (const char *name; (name = next_entry(dir));)
		remove(name);
	closedir(dir);
	cr_assert_eq(chdir(start), 0);
	cr_assert_eq(rmdir(scratch), 0);
}

const char *file_text(const char *path)
{
	static char text[4096];
	FILE *const file = fopen(path, "r");
	text[0] = 0;
	if (!file)
		return text;
	text[fread(text, 1, sizeof text - 1, file)] = 0;
	fclose(file);
	return text;
}

void file_write(const char *path, const char *text)
{
	FILE *const file = fopen(path, "w");
	cr_assert_not_null(file);
	cr_assert(fputs(text, file) >= 0);
	cr_assert_eq(fclose(file), 0);
}
