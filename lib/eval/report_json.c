/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "eval/report_rows.h"

const char *avl_report_section_name(enum avl_report_section section)
{
	static const char *const names[] = {"", "left_out_why", "sizes", "baselines", "controls"};
	return names[section];
}

static int set(struct avl_json *object, const char *key, double value)
{
	struct avl_json *null;
	if (!isnan(value))
		return avl_json_set_number(object, key, value);
	return avl_json_parse(&null, "null", 4, NULL) || avl_json_set(object, key, null);
}

static int fill(struct avl_json *object, const struct avl_report *report,
		enum avl_report_section section)
{
	for (int i = 0; i < report->nrows; i++)
		if (report->row[i].section == section &&
		    set(object, report->row[i].key, report->row[i].value))
			return -1;
	return 0;
}

static int add_section(struct avl_json *object, const struct avl_report *report,
		       enum avl_report_section section)
{
	struct avl_json *const inner = avl_json_object();
	return !inner || fill(inner, report, section) ||
	       avl_json_set(object, avl_report_section_name(section), inner);
}

static int add_intervals(struct avl_json *object, const struct avl_report *report)
{
	struct avl_json *const inner = avl_json_object();
	int failed = !inner;
	for (int i = 0; i < report->nrows && !failed; i++) {
		const struct avl_report_row *const row = &report->row[i];
		const double ends[] = {row->low, row->high};
		if (row->section == AVL_REPORT_MAIN && !isnan(row->low))
			failed = avl_json_set_numbers(inner, row->key, ends, 2);
	}
	return failed || avl_json_set(object, "intervals", inner);
}

static int add_notes(struct avl_json *object, const struct avl_report *report)
{
	struct avl_json *const notes = avl_json_array();
	int failed = !notes;
	for (int i = 0; i < report->nnotes && !failed; i++)
		failed = avl_json_append_string(notes, report->note[i]);
	return failed || avl_json_set(object, "notes", notes);
}

static int add_verdicts(struct avl_json *object, const struct avl_report *report)
{
	int failed = 0;
	for (int i = 0; i < AVL_VERDICTS && !failed; i++)
		failed =
		    avl_json_set_string(object, report->verdict[i].name, report->verdict[i].word);
	return failed;
}

struct avl_json *avl_report_json(const struct avl_report *report)
{
	struct avl_json *const object = avl_json_object();
	if (object && !avl_json_set_string(object, "protocol", report->protocol) &&
	    !fill(object, report, AVL_REPORT_MAIN) && !add_verdicts(object, report) &&
	    !add_intervals(object, report) && !add_section(object, report, AVL_REPORT_LEFT_OUT) &&
	    !add_section(object, report, AVL_REPORT_SIZES) &&
	    !add_section(object, report, AVL_REPORT_BASELINES) &&
	    !add_section(object, report, AVL_REPORT_CONTROLS) && !add_notes(object, report))
		return object;
	avl_json_free(object);
	return NULL;
}
