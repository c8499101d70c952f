/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/shared.h"

/* Temporaries that a signal or an early exit must remove. A slot is taken and given back with one
 * atomic exchange, so the signal handler sees a whole pointer or none. */
#define SLOTS 64
static _Atomic(char *) temporary[SLOTS];
static pid_t owner; /* a child of fork leaves them alone */

static const int fatal_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
#define NFATAL (sizeof fatal_signals / sizeof *fatal_signals)

static void remove_temporaries(void)
{
	if (getpid() != owner)
		return;
	for (int i = 0; i < SLOTS; i++) {
		const char *const path = atomic_load(&temporary[i]);
		if (path)
			unlink(path);
	}
}

static void on_signal(int number)
{
	remove_temporaries();
	signal(number, SIG_DFL);
	raise(number);
}

static void guard_temporaries(void)
{
	if (owner)
		return;
	owner = getpid();
	atexit(remove_temporaries);
	for (size_t i = 0; i < NFATAL; i++) {
		struct sigaction old;
		struct sigaction mine = {.sa_handler = on_signal};
		sigemptyset(&mine.sa_mask);
		/* what nohup(1) ignores stays ignored */
		if (!sigaction(fatal_signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(fatal_signals[i], &mine, NULL);
	}
}

static int take_slot(char *path)
{
	for (int i = 0; i < SLOTS; i++) {
		char *nobody = NULL;
		if (atomic_compare_exchange_strong(&temporary[i], &nobody, path))
			return i;
	}
	return -1;
}

static _Noreturn void die_at(const char *path)
{
	if (!strcmp(path, "stdout"))
		avl_die(AVL_EXIT_FAILURE, "stdout: %s", strerror(errno));
	avl_die(AVL_EXIT_FAILURE, "'%s': %s", path, strerror(errno));
}

/* "DIR/.avl-PID-N.tmp": short, so that it fits wherever the name itself does. */
static char *temporary_name(const char *target, int n)
{
	const char *const slash = strrchr(target, '/');
	const int dir = slash ? (int)(slash - target) + 1 : 0;
	const size_t size = (size_t)dir + 64;
	char *const name = malloc(size);
	if (!name)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	snprintf(name, size, "%.*s.avl-%ld-%d.tmp", dir, target, (long)getpid(), n);
	return name;
}

static void create_temporary(struct avl_output *output)
{
	static atomic_int counter;
	sigset_t fatal, before;
	sigemptyset(&fatal);
	for (size_t i = 0; i < NFATAL; i++)
		sigaddset(&fatal, fatal_signals[i]);
	for (;;) {
		char *const name = temporary_name(output->target, atomic_fetch_add(&counter, 1));
		pthread_sigmask(SIG_BLOCK, &fatal, &before);
		output->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		const int why = errno;
		output->slot = output->fd >= 0 ? take_slot(name) : -1;
		if (output->fd >= 0 && output->slot < 0)
			unlink(name);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (output->slot >= 0)
			return;
		free(name);
		if (output->fd >= 0)
			avl_die(AVL_EXIT_FAILURE, "'%s': more than %d files at a time",
				output->path, SLOTS);
		errno = why;
		if (errno != EEXIST)
			die_at(output->path);
	}
}

static void refuse_terminal(int fd, bool force)
{
	if (!force && isatty(fd))
		avl_usage("will not write binary data to a terminal");
}

void avl_output_open(struct avl_output *output, const char *path, bool force)
{
	struct stat status;
	*output = (struct avl_output){.fd = STDOUT_FILENO, .path = "stdout", .slot = -1};
	if (!path || !strcmp(path, "-")) {
		refuse_terminal(STDOUT_FILENO, force);
		return;
	}
	output->path = path;
	const bool exists = !stat(path, &status);
	if (exists && !S_ISREG(status.st_mode)) {
		output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (output->fd < 0)
			die_at(path);
		refuse_terminal(output->fd, force);
		return;
	}
	/* a link stays, and what it points to is replaced */
	output->target = exists ? realpath(path, NULL) : strdup(path);
	if (!output->target)
		die_at(path);
	guard_temporaries();
	create_temporary(output);
	if (exists && fchmod(output->fd, status.st_mode & 0777))
		die_at(path);
}

void avl_output_write(const struct avl_output *output, const void *bytes, size_t n)
{
	for (const char *at = bytes; n;) {
		const ssize_t done = write(output->fd, at, n);
		if (done < 0 && errno != EINTR)
			die_at(output->path);
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
}

/* A rename is on the disk when its directory is. */
static void sync_directory(const char *target, const char *path)
{
	char *const dir = strdup(target);
	if (!dir)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	char *const slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	const int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a directory that may be written but not read cannot be opened, and some file systems
	 * cannot sync one: neither loses data that was there */
	if (fd >= 0) {
		if (fsync(fd) && errno != EINVAL && errno != EROFS)
			die_at(path);
		close(fd);
	}
	free(dir);
}

static void free_temporary(struct avl_output *output)
{
	free(atomic_exchange(&temporary[output->slot], NULL));
	free(output->target);
	*output = (struct avl_output){.fd = -1, .slot = -1};
}

void avl_output_commit(struct avl_output *output)
{
	if (output->fd == STDOUT_FILENO)
		return; /* avl_finish closes it */
	if (!output->target) {
		if (close(output->fd))
			die_at(output->path);
		output->fd = -1;
		return;
	}
	char *const name = atomic_load(&temporary[output->slot]);
	if (fsync(output->fd) || close(output->fd) || rename(name, output->target))
		die_at(output->path);
	sync_directory(output->target, output->path);
	free_temporary(output);
}

void avl_output_abandon(struct avl_output *output)
{
	if (output->fd < 0 || output->fd == STDOUT_FILENO)
		return;
	close(output->fd);
	if (!output->target) {
		output->fd = -1;
		return;
	}
	unlink(atomic_load(&temporary[output->slot]));
	free_temporary(output);
}

void avl_output_record(struct avl_writer *writer, const struct avl_record *record)
{
	struct avl_err err;
	const int rc = avl_writer_record(writer, record, &err);
	if (!rc)
		return;
	if (rc != AVL_EUSAGE)
		avl_die_err(&err);
	avl_error("%s: left out", err.text);
}
