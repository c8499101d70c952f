/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/shared.h"

#define INTERVAL_S 0.1

static struct {
	pthread_mutex_t lock;
	bool on;    /* progress is wanted and can be shown */
	bool shown; /* a line stands on the terminal */
	const char *unit;
	double total, began_s, written_s;
} line = {.lock = PTHREAD_MUTEX_INITIALIZER};

double avl_now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_wanted(void)
{
	struct stat status;
	if (avl_common.quiet || !isatty(STDERR_FILENO))
		return false;
	const bool piped = !fstat(STDOUT_FILENO, &status) &&
			   (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
	return !piped || avl_common.verbose;
}

static void hide(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
}

void avl_progress_hide(void)
{
	pthread_mutex_lock(&line.lock);
	hide();
	pthread_mutex_unlock(&line.lock);
}

void avl_progress_start(const char *unit, double total)
{
	pthread_mutex_lock(&line.lock);
	line.on = is_wanted();
	line.unit = unit;
	line.total = total;
	line.began_s = line.written_s = avl_now_s();
	pthread_mutex_unlock(&line.lock);
}

static void write_duration(char *text, size_t size, double seconds)
{
	const long s = (long)(seconds + 0.5);
	if (s >= 3600)
		snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

/* Put together first and written at once, as the commands of a pipeline share the terminal. */
static void show(double done, double now)
{
	const double rate = done / (now - line.began_s);
	char count[96], left[32] = "", text[192];
	if (line.total > 0)
		snprintf(count, sizeof count, "%.0f/%.0f %s, %.0f%%", done, line.total, line.unit,
			 100 * done / line.total);
	else
		snprintf(count, sizeof count, "%.0f %s", done, line.unit);
	if (line.total > 0 && done > 0 && done <= line.total)
		write_duration(left, sizeof left, (line.total - done) / rate);
	snprintf(text, sizeof text, "\r%s: %s, %.3g/s%s%s%s\033[K", avl_command_name(), count, rate,
		 *left ? ", " : "", left, *left ? " left" : "");
	fputs(text, stderr);
	line.shown = true;
}

void avl_progress(double done)
{
	pthread_mutex_lock(&line.lock);
	const double now = line.on ? avl_now_s() : 0;
	if (line.on && now - line.written_s >= INTERVAL_S) {
		line.written_s = now;
		show(done, now);
	}
	pthread_mutex_unlock(&line.lock);
}

void avl_progress_end(void)
{
	pthread_mutex_lock(&line.lock);
	hide();
	line.on = false;
	pthread_mutex_unlock(&line.lock);
}
