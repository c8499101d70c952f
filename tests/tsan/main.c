/* SPDX-License-Identifier: MIT */
/* Runs what tests/tsan/criterion/criterion.h registers. Takes --tap=FILE and --filter SUITE/NAME,
 * as Criterion does. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

static struct tsan_test *tests;
static jmp_buf out;
static bool failed;
static const char *skipped;

void tsan_register(struct tsan_test *test)
{
	test->next = tests;
	tests = test;
}

void tsan_check(bool good, bool fatal, const char *file, int line, const char *format, ...)
{
	if (good)
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s:%d: failed:", file, line);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	failed = true;
	if (fatal)
		longjmp(out, 1);
}

void tsan_skip(const char *why)
{
	skipped = why;
	longjmp(out, 1);
}

/* In a process of its own, as Criterion has it: what a test leaves behind ends with it. */
static bool run(const struct tsan_test *test, FILE *tap)
{
	const pid_t child = fork();
	if (!child) {
		if (!setjmp(out))
			test->run();
		fprintf(tap, "%s - %s::%s%s%s\n", failed ? "not ok" : "ok", test->suite, test->name,
			skipped ? "  # SKIP " : "", skipped ? skipped : "");
		fclose(tap);
		exit(failed);
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || status == 0)
		return child < 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
		fprintf(tap, "not ok - %s::%s ended with status %d\n", test->suite, test->name,
			status);
	fflush(tap);
	return true;
}

int main(int argc, char **argv)
{
	FILE *tap = stdout;
	const char *filter = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--tap=", 6) && !(tap = fopen(argv[i] + 6, "w")))
			return 1;
		if (!strcmp(argv[i], "--filter") && i + 1 < argc)
			filter = strchr(argv[++i], '/');
	}
	int planned = 0, failures = 0;
	for (const struct tsan_test *test = tests; test; test = test->next)
		planned += !filter || !strcmp(test->name, filter + 1);
	fprintf(tap, "1..%d\n", planned);
	fflush(tap);
	for (const struct tsan_test *test = tests; test; test = test->next)
		if (!filter || !strcmp(test->name, filter + 1))
			failures += run(test, tap);
	return fclose(tap) || failures;
}
