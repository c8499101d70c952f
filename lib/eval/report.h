/* SPDX-License-Identifier: MIT */
#ifndef AVL_EVAL_REPORT_H
#define AVL_EVAL_REPORT_H

#include "eval/evaluation.h"
#include "io/json.h"

/* What an evaluation found, as rows that become a table, TSV or JSON. */

enum avl_report_section {
	AVL_REPORT_MAIN,
	AVL_REPORT_LEFT_OUT,
	AVL_REPORT_SIZES,
	AVL_REPORT_BASELINES,
	AVL_REPORT_CONTROLS,
	AVL_REPORT_SECTIONS
};

enum avl_report_unit { AVL_REPORT_COUNT, AVL_REPORT_SHARE, AVL_REPORT_NUMBER };

struct avl_report_row {
	enum avl_report_section section;
	char key[40];
	const char *label;
	enum avl_report_unit unit;
	double value;     /* NaN: undefined */
	double low, high; /* 95 %; NaN: none */
	int n;            /* records that it is of */
};

/* What is asked of a model before its numbers mean anything. */
enum avl_verdict_kind { AVL_VERDICT_LOOKS, AVL_VERDICT_LISTENS, AVL_VERDICTS };

struct avl_verdict {
	const char *name; /* "looks", "listens" */
	const char *word; /* "yes", "no", "not shown", "not tested" */
	char why[320];    /* the numbers that are compared, in per cent */
};

#define AVL_REPORT_ROWS_MAX  160
#define AVL_REPORT_NOTES_MAX 32
#define AVL_REPORT_NOTE_SIZE 320

struct avl_report {
	const char *protocol, *words;
	int n, positives, negatives, left_out;
	int nrows, nnotes;
	struct avl_verdict verdict[AVL_VERDICTS];
	/* the word for each comparison, NULL where there was none */
	const char *maps_word, *control_word[AVL_CONTROLS];
	struct avl_report_row row[AVL_REPORT_ROWS_MAX];
	char note[AVL_REPORT_NOTES_MAX][AVL_REPORT_NOTE_SIZE];
};

/* AVL_ENONE where no record could be evaluated; the report then still says why. */
int avl_report_make(struct avl_report *report, const struct avl_evaluation *evaluation,
		    struct avl_err *err);

/* "left_out", "sizes", ...: the names of sections in JSON; "" for the main one. */
const char *avl_report_section_name(enum avl_report_section section);

/* A flat object of the main rows and the words of the verdicts, and one inside it for each other
 * section, for the intervals
 * ("ciou": [low, high]) and the notes. Undefined numbers are null. NULL when memory is exhausted.
 */
struct avl_json *avl_report_json(const struct avl_report *report);

#endif
