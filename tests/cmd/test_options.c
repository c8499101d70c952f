/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "child.h"
#include "cmd/cmd.h"

static struct {
	double rate, window;
	int score, threads, seed, level;
	bool box;
	const char *model, *name;
} set = {.rate = 1.5, .window = NAN, .level = -1, .name = "plain"};

static const struct avl_option options[] = {
    {'r', "rate", AVL_OPT_NUMBER, &set.rate, "FPS", "frames a second", NULL, 0.001, 1000},
    {'w', "window", AVL_OPT_NUMBER, &set.window, "SEC", "seconds of sound", NULL, 0, 100},
    {.kind = AVL_OPT_GROUP, .help = "Model"},
    {'m', "model", AVL_OPT_TEXT, &set.model, "FILE", "model file", NULL, 0, 0},
    {0, "name", AVL_OPT_TEXT, &set.name, "TEXT", "a name", NULL, 0, 0},
    {0, "score", AVL_OPT_CHOICE, &set.score, "KIND", "how", "dot|relu|cosine", 0, 0},
    {0, "level", AVL_OPT_CHOICE, &set.level, "LEVEL", "which", "low|high", 0, 0},
    {'j', "threads", AVL_OPT_INT, &set.threads, "N", "threads", NULL, 1, 64},
    {0, "seed", AVL_OPT_INT, &set.seed, "N", "any number", NULL, 0, 0},
    {'b', "box", AVL_OPT_FLAG, &set.box, NULL, "draw boxes", NULL, 0, 0},
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {"avl-try", "[-r FPS] FILE...\n--seed N", "Tries things.",
					   options};

enum { WORDS_MAX = 16 };

/* The words of LINE as a command line; returns how many. */
static int split(const char *line, char *copy, char **argv)
{
	int n = 0;
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	return n;
}

static void start(void *line)
{
	char copy[256], *argv[WORDS_MAX + 1];
	const int argc = split(line, copy, argv);
	avl_command_start(&command, argc, argv);
}

Test(options, values_are_set)
{
	char copy[256], *argv[WORDS_MAX + 1];
	const int argc = split("avl-try a -r2.5 --thr=7 -bvv --score cosine -w0", copy, argv);
	const int first = avl_command_start(&command, argc, argv);
	cr_assert_eq(first, argc - 1);
	cr_assert_str_eq(argv[first], "a");
	cr_assert_eq(set.rate, 2.5);
	cr_assert_eq(set.window, 0);
	cr_assert_eq(set.threads, 7);
	cr_assert_eq(set.score, 2);
	cr_assert(set.box);
	cr_assert_eq(avl_common.verbose, 2);
	cr_assert_not(avl_common.quiet);
	cr_assert_null(set.model);
	cr_assert_str_eq(avl_command_name(), "avl-try");
}

Test(options, two_dashes_end_them)
{
	char copy[256], *argv[WORDS_MAX + 1];
	const int argc = split("avl-try --seed -5 -m - -- -r", copy, argv);
	const int first = avl_command_start(&command, argc, argv);
	cr_assert_eq(first, argc - 1);
	cr_assert_eq(set.seed, -5);
	cr_assert_str_eq(set.model, "-");
	cr_assert_eq(set.rate, 1.5);
}

Test(options, mistakes_are_named)
{
	static const struct {
		char line[48], said[64];
	} cases[] = {
	    {"avl-try --foo", "unknown option '--foo'"},
	    {"avl-try --foo=3", "unknown option '--foo=3'"},
	    {"avl-try -Z", "unknown option '-Z'"},
	    {"avl-try -bZ", "unknown option '-Z'"},
	    {"avl-try --s 3", "ambiguous option '--s'"},
	    {"avl-try --box=1", "--box takes no argument"},
	    {"avl-try --help=1", "--help takes no argument"},
	    {"avl-try -r", "-r needs an argument"},
	    {"avl-try --rate", "--rate needs an argument"},
	    {"avl-try -r x", "-r: 'x' is not a number"},
	    {"avl-try --rate 1e", "--rate: '1e' is not a number"},
	    {"avl-try -r nan", "-r: 'nan' is not a number"},
	    {"avl-try -r inf", "-r: 'inf' is not a number"},
	    {"avl-try -r 0x10", "-r: '0x10' is not a number"},
	    {"avl-try -r 1e999", "-r: '1e999' is not a number"},
	    {"avl-try -r 0", "-r: 0 is not within 0.001 to 1000"},
	    {"avl-try -r 1001", "-r: 1001 is not within 0.001 to 1000"},
	    {"avl-try -j 0", "-j: 0 is not within 1 to 64"},
	    {"avl-try -j 2.0", "-j: '2.0' is not a whole number"},
	    {"avl-try -j 99999999999", "-j: '99999999999' is not a whole number"},
	    {"avl-try --score do", "--score: 'do' is none of dot|relu|cosine"},
	    {"avl-try --score dot|relu", "--score: 'dot|relu' is none of dot|relu|cosine"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child child;
		char line[64], wanted[160];
		strcpy(line, cases[i].line);
		child_run(&child, start, line);
		snprintf(wanted, sizeof wanted, "avl-try: %s (try 'avl-try --help')\n",
			 cases[i].said);
		cr_expect_str_eq(child.said, wanted, "%s: %s", line, child.said);
		cr_expect_eq(child.status, AVL_EXIT_USAGE, "%s: %d", line, child.status);
		cr_expect_str_eq(child.wrote, "");
	}
}

/* The defaults are those of the table, whatever options stand before --help. */
Test(options, help_is_made_from_the_table)
{
	static const char wanted[] =
	    "Usage: avl-try [-r FPS] FILE...\n"
	    "       avl-try --seed N\n"
	    "\n"
	    "Tries things.\n"
	    "\n"
	    "Options:\n"
	    "  -r, --rate FPS     frames a second (default 1.5)\n"
	    "  -w, --window SEC   seconds of sound\n"
	    "\n"
	    "Model:\n"
	    "  -m, --model FILE   model file\n"
	    "      --name TEXT    a name (default plain)\n"
	    "      --score KIND   how: one of dot, relu, cosine (default dot)\n"
	    "      --level LEVEL  which: one of low, high\n"
	    "  -j, --threads N    threads\n"
	    "      --seed N       any number (default 0)\n"
	    "  -b, --box          draw boxes\n"
	    "  -q, --quiet        no progress, no warnings\n"
	    "  -v, --verbose      say more\n"
	    "  -h, --help         show this and exit\n"
	    "      --version      show the version and exit\n";
	struct child child;
	char line[] = "avl-try -r 7 --score relu --name x --help --foo";
	child_run(&child, start, line);
	cr_assert_str_eq(child.said, "");
	cr_assert_str_eq(child.wrote, wanted);
	cr_assert_eq(child.status, AVL_EXIT_OK);
}

Test(options, version_is_one_line)
{
	struct child child;
	char line[] = "avl-try --version";
	child_run(&child, start, line);
	cr_assert_str_eq(child.wrote, "avl-try (avl) " AVL_VERSION "\n");
	cr_assert_eq(child.status, AVL_EXIT_OK);
}

Test(options, numbers_are_read_strictly)
{
	static const char bad[][8] = {"",    " 1", "1 ",    "+",   "-",  ".",     "1e", "--1",
				      "1,5", "1_", "0x1p3", "nan", "e5", "1e400", "1-2"};
	double value = 7;
	int whole = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_expect_not(avl_parse_number(bad[i], &value), "'%s'", bad[i]);
		cr_expect_not(avl_parse_int(bad[i], &whole), "'%s'", bad[i]);
	}
	cr_expect_eq(value, 7);
	cr_expect(avl_parse_number("-1.25e2", &value) && value == -125);
	cr_expect(avl_parse_number(".5", &value) && value == 0.5);
	cr_expect(avl_parse_int("-2147483648", &whole) && whole == -2147483647 - 1);
	cr_expect(avl_parse_int("+12", &whole) && whole == 12);
	cr_expect_not(avl_parse_int("2147483648", &whole));
	cr_expect_not(avl_parse_int("1.0", &whole));
}
