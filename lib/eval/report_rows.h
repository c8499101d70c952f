/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_REPORT_ROWS_H
#define AVL_EVAL_REPORT_ROWS_H

#include "eval/report.h"
#include "eval/statistics.h"

/* What the files that fill a report share. */

struct avl_report_row *avl_report_add(struct avl_report *report, enum avl_report_section section,
				      const char *key, const char *label, enum avl_report_unit unit,
				      double value);
/* The value of a row, NaN where there is none of that key. */
double avl_report_value(const struct avl_report *report, enum avl_report_section section,
			const char *key);
const struct avl_report_row *avl_report_find(const struct avl_report *report,
					     enum avl_report_section section, const char *key);
void avl_report_note(struct avl_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int avl_report_controls(struct avl_report *report, const struct avl_evaluation *evaluation,
			struct avl_err *err);
int avl_report_verdicts(struct avl_report *report, const struct avl_evaluation *evaluation,
			struct avl_err *err);
void avl_report_notes(struct avl_report *report, const struct avl_evaluation *evaluation);

#endif
