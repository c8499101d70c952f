/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static bool as_json;

static const struct avl_option options[] = {
    {0, "json", AVL_OPT_FLAG, &as_json, NULL, "print each seal as one line of JSON", NULL, 0, 0},
    {'q', "quiet", AVL_OPT_FLAG, &avl_common.quiet, NULL, "verify only: print nothing", NULL, 0, 0},
    {'v', "verbose", AVL_OPT_COUNT, &avl_common.verbose, NULL,
     "say on stderr what made each stream, with its settings", NULL, 0, 0},
    {0},
};

static const struct avl_command command = {
    .name = "avl-check",
    .synopsis = "[--json] [-qv] [FILE...]",
    .summary = "Verifies streams of records and lists what they hold.",
    .options = options,
};

struct totals {
	uint64_t records, bytes;
};

static void print_text(const char *text)
{
	char *const copy = strdup(text);
	if (!copy)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	avl_disarm(copy);
	fputs(copy, stdout);
	free(copy);
}

static void print_heard(const struct avl_json *heard)
{
	const int n = avl_json_length(heard);
	for (int i = 0; i < n; i++) {
		const struct avl_json *const sound = avl_json_at(heard, i);
		fputs(i ? ", " : "  heard ", stdout);
		print_text(avl_json_string(sound, "name", "?"));
		printf(" %.2f", avl_json_number(sound, "score", 0));
	}
}

static void print_members(const struct avl_record *record)
{
	for (int i = 0; i < record->nmembers; i++) {
		const struct avl_member *const m = &record->member[i];
		char shape[160];
		if (m->tensor.dtype == AVL_DTYPES)
			snprintf(shape, sizeof shape, "%zu bytes", m->size);
		else
			avl_tensor_describe(&m->tensor, shape, sizeof shape);
		printf("  %s %s", m->suffix, shape);
	}
}

static void print_line(const struct avl_record *record)
{
	static int width; /* of the longest key so far: the columns of a listing stay in line */
	const int length = (int)strlen(record->key);
	const struct avl_json *const time = avl_json_get(record->seal, "time");
	const struct avl_json *const peak = avl_json_get(record->seal, "peak");
	width = length > width ? length : width;
	printf("%-*s", width, record->key);
	if (time)
		printf("  %10.6f s", avl_json_number(record->seal, "time", 0));
	print_members(record);
	print_heard(avl_json_get(record->seal, "heard"));
	if (avl_json_length(peak) == 2)
		printf("  peak %.3f %.3f", avl_json_number_at(peak, 0, 0),
		       avl_json_number_at(peak, 1, 0));
	putchar('\n');
}

static struct avl_json *describe_member(const struct avl_member *m)
{
	struct avl_json *const entry = avl_json_object();
	int rc = avl_json_set_number(entry, "size", (double)m->size) ||
		 avl_json_set_number(entry, "crc32", m->crc32);
	if (!rc && m->tensor.dtype != AVL_DTYPES) {
		double dim[AVL_DIMS_MAX];
		for (int i = 0; i < m->tensor.ndim; i++)
			dim[i] = (double)m->tensor.dim[i];
		rc = avl_json_set_string(entry, "dtype", avl_dtype_name(m->tensor.dtype)) ||
		     avl_json_set_numbers(entry, "shape", dim, m->tensor.ndim);
	}
	if (!rc)
		return entry;
	avl_json_free(entry);
	return NULL;
}

/* The key, the seal's own fields in their order, and the members with type and shape. */
static char *describe_record(const struct avl_record *record)
{
	struct avl_json *const line = avl_json_object(), *members = avl_json_object(), *value;
	const char *name;
	int rc = avl_json_set_string(line, "key", record->key);
	for (void *at = NULL; !rc && avl_json_next(record->seal, &at, &name, &value);)
		if (strcmp(name, "key"))
			rc = avl_json_set(line, name, avl_json_copy(value));
	for (int i = 0; i < record->nmembers && !rc; i++)
		rc = avl_json_set(members, record->member[i].suffix,
				  describe_member(&record->member[i]));
	char *text = NULL;
	if (rc)
		avl_json_free(members);
	else if (!avl_json_set(line, "members", members))
		text = avl_json_dump(line, NULL);
	avl_json_free(line);
	return text;
}

static void print_json(const struct avl_record *record)
{
	char *const text = describe_record(record);
	if (!text)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	puts(text);
	free(text);
}

/* Once for every stream, before its first record. */
static void print_origin(const struct avl_input *input)
{
	static const char *last; /* a header's address comes again once its stream is closed */
	const char *const name = avl_input_name(input);
	const struct avl_json *const header = avl_input_header(input);
	if (!header || name == last)
		return;
	last = name;
	const struct avl_json *const settings = avl_json_get(header, "settings");
	char *const text = settings ? avl_json_dump(settings, NULL) : NULL;
	avl_warn("'%s': made by %s %s", name, avl_json_string(header, "producer", "?"),
		 text ? text : "");
	free(text);
}

static void check_record(const struct avl_record *record, struct totals *totals)
{
	totals->records++;
	for (int i = 0; i < record->nmembers; i++)
		totals->bytes += record->member[i].size;
	if (as_json)
		print_json(record);
	else if (!avl_common.quiet)
		print_line(record);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	struct avl_input *const input = avl_input_open(argv + first, argc - first);
	struct avl_record record;
	struct totals totals = {0};
	/* a line at a time: in a live pipeline each answer is wanted when it is there */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	avl_record_init(&record, 0);
	while (avl_input_next(input, &record) > 0) {
		if (avl_common.verbose)
			print_origin(input);
		check_record(&record, &totals);
	}
	avl_record_release(&record);
	avl_input_close(input);
	const int status = avl_finish();
	if (status == AVL_EXIT_OK && !as_json && !avl_common.quiet)
		fprintf(stderr, "avl-check: %" PRIu64 " records, %" PRIu64 " bytes, all intact\n",
			totals.records, totals.bytes);
	return status;
}
