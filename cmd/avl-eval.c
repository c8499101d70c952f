/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "eval/report.h"

static const char *protocol_name = "ezvsl";
static bool as_json, as_tsv, per_record, flat_counts, align, pairs, list_protocols;
static double threshold = NAN, universal = NAN, tau = 1;
static int resamples = 1000, seed = 1;

static const struct avl_option options[] = {
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Measuring", NULL, 0, 0},
    {0, "protocol", AVL_OPT_TEXT, &protocol_name, "NAME", "whose rules apply; see --list", NULL, 0,
     0},
    {0, "list", AVL_OPT_FLAG, &list_protocols, NULL, "print the protocols", NULL, 0, 0},
    {0, "threshold", AVL_OPT_NUMBER, &threshold, "T",
     "this value on the normalised map instead of the protocol's rule", NULL, 0, 0},
    {0, "tau", AVL_OPT_NUMBER, &tau, "T", "maps were divided by this temperature", NULL, 1e-6, 1e6},
    {0, "universal", AVL_OPT_NUMBER, &universal, "T",
     "threshold for controls (default: the published one)", NULL, 0, 0},
    {0, "align", AVL_OPT_FLAG, &align, NULL, "put maps of a crop where they belong", NULL, 0, 0},
    {0, "flat-counts", AVL_OPT_FLAG, &flat_counts, NULL,
     "judge constant maps as the official code does, not as misses", NULL, 0, 0},
    {0, "pairs", AVL_OPT_FLAG, &pairs, NULL,
     "iIoU: group records whose sources differ in the last part\n"
     "of the name (always for IS3)",
     NULL, 0, 0},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Intervals", NULL, 0, 0},
    {0, "resamples", AVL_OPT_INT, &resamples, "N", "draws of the bootstrap, 0: no intervals", NULL,
     0, 1000000},
    {0, "seed", AVL_OPT_INT, &seed, "N", "seed of the bootstrap", NULL, 0, 2147483647},
    {0, NULL, AVL_OPT_GROUP, NULL, NULL, "Output", NULL, 0, 0},
    {0, "json", AVL_OPT_FLAG, &as_json, NULL, "one JSON object", NULL, 0, 0},
    {0, "tsv", AVL_OPT_FLAG, &as_tsv, NULL, "rows separated by tabs", NULL, 0, 0},
    {0, "per-record", AVL_OPT_FLAG, &per_record, NULL,
     "a line for each record instead of the summary", NULL, 0, 0},
    AVL_COMMON_OPTIONS,
    {0},
};

static const struct avl_command command = {
    .name = "avl-eval",
    .synopsis = "[--protocol NAME] [--json|--tsv] [--per-record] [OPTION...] [FILE...]",
    .summary = "Measures heat maps against the truth, beside baselines and controls.",
    .options = options,
};

static void print_protocols(void)
{
	const struct avl_protocol *p;
	for (int i = 0; (p = avl_protocol_at(i)); i++)
		printf("%-10s %s\n", p->name, p->words);
}

static struct avl_evaluation_options choose(void)
{
	const struct avl_protocol *const p = avl_protocol_find(protocol_name);
	if (!p)
		avl_usage("no protocol is called '%s': see --list", protocol_name);
	if (as_json && as_tsv)
		avl_usage("--json and --tsv exclude each other");
	struct avl_evaluation_options o = {
	    .protocol = *p,
	    .flat_counts = flat_counts,
	    .align = align,
	    .pairs = pairs,
	    .resamples = resamples,
	    .seed = (uint64_t)seed,
	};
	o.protocol.range /= tau;
	o.protocol.universal_range /= tau;
	if (!isnan(threshold)) {
		o.protocol.rule = AVL_RULE_FIXED;
		o.protocol.threshold = threshold;
	}
	if (!isnan(universal))
		o.protocol.universal = universal;
	return o;
}

/* --- a line a record
 * ------------------------------------------------------------------------------- */

struct column {
	const char *name;
	double value;
};

#define COLUMNS 17

static void fill_columns(struct column column[COLUMNS], const struct avl_result *r,
			 const struct avl_score *s)
{
	const struct column columns[COLUMNS] = {
	    {"ciou", r->ciou},
	    {"median_ciou", r->median_ciou},
	    {"inside", s->inside},
	    {"outside", s->outside},
	    {"area", r->area},
	    {"active", s->share},
	    {"confidence", (double)r->confidence},
	    {"pointing", r->pointing},
	    {"right_of_two", r->right_of_two},
	    {"universal_ciou", r->universal_ciou},
	    {"universal_active", r->universal_share},
	    {"centre_disc", r->disc},
	    {"full_frame", r->full},
	    {"ceiling", r->ceiling},
	    {"other_map", r->other_map},
	    {"flat", r->flat},
	    {"boxes", r->boxes},
	};
	memcpy(column, columns, sizeof columns);
}

static const char *kind_of(const struct avl_result *r)
{
	if (r->control != AVL_CONTROL_NONE)
		return avl_control_name((enum avl_control)r->control);
	return r->visible ? "positive" : "negative";
}

static void print_record_tsv(const char *key, enum avl_left_out why, const struct avl_result *r,
			     const struct avl_score *s)
{
	static bool headed;
	struct column column[COLUMNS];
	fill_columns(column, r, s);
	if (!headed) {
		printf("key\tkind\tleft_out");
		for (int c = 0; c < COLUMNS; c++)
			printf("\t%s", column[c].name);
		putchar('\n');
		headed = true;
	}
	printf("%s\t%s\t%s", key, why ? "" : kind_of(r), avl_left_out_words(why));
	for (int c = 0; c < COLUMNS; c++)
		if (why || isnan(column[c].value))
			putchar('\t');
		else
			printf("\t%.17g", column[c].value);
	putchar('\n');
}

static void print_record_json(const char *key, enum avl_left_out why, const struct avl_result *r,
			      const struct avl_score *s)
{
	struct column column[COLUMNS];
	struct avl_json *const line = avl_json_object();
	fill_columns(column, r, s);
	int rc = avl_json_set_string(line, "key", key) ||
		 (why ? avl_json_set_string(line, "left_out", avl_left_out_words(why))
		      : avl_json_set_string(line, "kind", kind_of(r)));
	for (int c = 0; c < COLUMNS && !rc && !why; c++)
		if (!isnan(column[c].value))
			rc = avl_json_set_number(line, column[c].name, column[c].value);
	char *const text = rc ? NULL : avl_json_dump(line, NULL);
	if (!text)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	puts(text);
	free(text);
	avl_json_free(line);
}

/* --- the summary
 * ------------------------------------------------------------------------------------- */

static void print_json(const struct avl_report *report)
{
	struct avl_json *const object = avl_report_json(report);
	char *const text = object ? avl_json_dump(object, NULL) : NULL;
	if (!text)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	puts(text);
	free(text);
	avl_json_free(object);
}

static void print_tsv_number(double value)
{
	if (isnan(value))
		putchar('\t');
	else
		printf("\t%.17g", value);
}

static void print_tsv(const struct avl_report *report)
{
	printf("section\tname\tvalue\tlow\thigh\tn\nmain\tprotocol\t%s\t\t\t\n", report->protocol);
	for (int i = 0; i < report->nrows; i++) {
		const struct avl_report_row *const row = &report->row[i];
		const char *const section = avl_report_section_name(row->section);
		printf("%s\t%s", *section ? section : "main", row->key);
		print_tsv_number(row->value);
		print_tsv_number(row->low);
		print_tsv_number(row->high);
		printf("\t%d\n", row->n);
	}
	for (int i = 0; i < AVL_VERDICTS; i++)
		printf("verdict\t%s\t%s\t\t\t\n", report->verdict[i].name, report->verdict[i].word);
	for (int i = 0; i < report->nnotes; i++)
		printf("note\t%d\t%s\t\t\t\n", i + 1, report->note[i]);
}

/* Shares as percentages. */
static void print_value(const struct avl_report_row *row)
{
	if (isnan(row->value))
		printf("%9s", "-");
	else if (row->unit == AVL_REPORT_COUNT)
		printf("%9.0f", row->value);
	else if (row->unit == AVL_REPORT_SHARE)
		printf("%9.2f", 100 * row->value);
	else
		printf("%9.4f", row->value);
	if (!isnan(row->low))
		printf("  [%.2f, %.2f]", 100 * row->low, 100 * row->high);
}

static void print_main(const struct avl_report *report)
{
	printf("%s: %s\n\n", report->protocol, report->words);
	for (int i = 0; i < report->nrows; i++) {
		const struct avl_report_row *const row = &report->row[i];
		if (row->section != AVL_REPORT_MAIN || isnan(row->value))
			continue;
		if (!strcmp(row->key, "miou"))
			continue; /* stands there as the mean */
		printf("%-32s", row->label);
		print_value(row);
		putchar('\n');
	}
}

static void print_left_out(const struct avl_report *report)
{
	for (int i = 0; i < report->nrows; i++)
		if (report->row[i].section == AVL_REPORT_LEFT_OUT)
			printf("  %-30s%9.0f\n", report->row[i].label, report->row[i].value);
}

static void print_verdicts(const struct avl_report *report)
{
	putchar('\n');
	for (int i = 0; i < AVL_VERDICTS; i++)
		printf("%-32s%9s  (%s)\n", report->verdict[i].name, report->verdict[i].word,
		       report->verdict[i].why);
}

/* Rows of one label side by side: COLUMNS values a line. */
static void print_grid(const struct avl_report *report, enum avl_report_section section,
		       const char *heading, const char *names, int columns)
{
	bool headed = false;
	for (int i = 0; i < report->nrows; i++) {
		const struct avl_report_row *const row = &report->row[i];
		if (row->section != section || !row->n)
			continue;
		if (!headed)
			printf("\n%-32s%s        n\n", heading, names);
		headed = true;
		printf("%-32s", row->label);
		for (int c = 0; c < columns; c++)
			print_value(&report->row[i + c]);
		printf("%9d\n", row->n);
		i += columns - 1;
	}
}

static const char *control_words(const char *key)
{
	static const char *const words[][2] = {{"silence_", "silence"},
					       {"noise_", "noise"},
					       {"offscreen_", "off screen"},
					       {"shuffled_", "another clip's"}};
	for (int k = 0; k < 4; k++)
		if (!strncmp(key, words[k][0], strlen(words[k][0])))
			return words[k][1];
	return NULL;
}

static void print_controls(const struct avl_report *report)
{
	bool headed = false;
	for (int i = 0; i < report->nrows; i++) {
		const struct avl_report_row *const row = &report->row[i];
		if (row->section != AVL_REPORT_CONTROLS || isnan(row->value))
			continue;
		const char *const kind = control_words(row->key);
		if (!headed)
			printf("\nwith a sound that is not the picture's\n");
		headed = true;
		printf("%-16s%-42s", kind ? kind : "all", row->label);
		print_value(row);
		putchar('\n');
	}
}

static void print_notes(const struct avl_report *report)
{
	if (report->nnotes)
		putchar('\n');
	for (int i = 0; i < report->nnotes; i++)
		printf("note: %s\n", report->note[i]);
}

static void print_table(const struct avl_report *report)
{
	print_main(report);
	print_left_out(report);
	print_verdicts(report);
	print_grid(report, AVL_REPORT_SIZES, "by the size of the source",
		   "     cIoU      AUC       AP   max F1", 4);
	print_grid(report, AVL_REPORT_BASELINES, "what nobody needs a model for",
		   "     cIoU     mean      AUC", 3);
	print_controls(report);
	print_notes(report);
}

/* --- the run
 * ------------------------------------------------------------------------------------------- */

static void take(struct avl_evaluation *evaluation, const struct avl_record *record,
		 const char *stream)
{
	struct avl_err err;
	struct avl_result result;
	struct avl_score score;
	enum avl_left_out why;
	const int rc = avl_evaluation_add(evaluation, record, &why, &result, &score, &err);
	if (rc && why != AVL_LEFT_BAD)
		avl_die_err(&err);
	if (rc)
		avl_error("'%s': record '%s': %s", stream, record->key, err.text);
	if (!per_record)
		return;
	if (as_json)
		print_record_json(record->key, why, &result, &score);
	else
		print_record_tsv(record->key, why, &result, &score);
}

static void summarise(const struct avl_evaluation *evaluation)
{
	struct avl_err err;
	struct avl_report *const report = malloc(sizeof *report);
	if (!report)
		avl_die(AVL_EXIT_FAILURE, "out of memory");
	const int rc = avl_report_make(report, evaluation, &err);
	if (rc && rc != AVL_ENONE)
		avl_die_err(&err);
	if (rc) {
		char why[256] = "";
		for (int i = 0; i < report->nrows; i++) {
			const size_t n = strlen(why);
			if (report->row[i].section == AVL_REPORT_LEFT_OUT)
				snprintf(why + n, sizeof why - n, "%s%.0f %s", n ? ", " : ": ",
					 report->row[i].value, report->row[i].label);
		}
		if (!avl_failed() || *why)
			avl_error("%s%s", err.text, why);
	} else if (!per_record) {
		(as_json ? print_json : as_tsv ? print_tsv : print_table)(report);
	}
	free(report);
}

int main(int argc, char **argv)
{
	const int first = avl_command_start(&command, argc, argv);
	const struct avl_evaluation_options chosen = choose();
	struct avl_evaluation *evaluation;
	struct avl_record record;
	struct avl_err err;
	if (list_protocols) {
		print_protocols();
		return avl_finish();
	}
	struct avl_input *const input = avl_input_open(argv + first, argc - first);
	if (avl_evaluation_new(&evaluation, &chosen, &err))
		avl_die_err(&err);
	avl_record_init(&record, 0);
	avl_progress_start("records", 0);
	for (double done = 1; avl_input_next(input, &record) > 0; done++) {
		take(evaluation, &record, avl_input_name(input));
		avl_progress(done);
	}
	avl_progress_end();
	avl_record_release(&record);
	avl_input_close(input);
	summarise(evaluation);
	avl_evaluation_free(evaluation);
	return avl_finish();
}
