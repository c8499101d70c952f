/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/report_rows.h"

/* What a reader of the numbers must know: what was met of the known pitfalls, and whether anything
 * shows that the model looks and listens. */

#define FEW 30

struct met {
	int vggss, flickr, silent, clipped, empty, flat, infinite, cropped, repeated, doubled;
	int large; /* maps with scores above 1 on the universal threshold's scale */
	int controls;
};

static int compare(const void *one, const void *two)
{
	const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;
	return (a > b) - (a < b);
}

static int count_doubles(const struct avl_evaluation *e)
{
	uint64_t *const key = malloc(((size_t)e->n + 1) * sizeof *key);
	int n = 0, doubled = 0;
	for (int i = 0; i < e->n && key; i++)
		if (e->result[i].control == AVL_CONTROL_NONE)
			key[n++] = e->result[i].key;
	if (n)
		qsort(key, (size_t)n, sizeof *key, compare);
	for (int i = 1; i < n; i++)
		doubled += key[i] == key[i - 1];
	free(key);
	return doubled;
}

static struct met look(const struct avl_evaluation *e)
{
	struct met m = {.doubled = count_doubles(e)};
	for (int i = 0; i < e->n; i++) {
		const struct avl_result *const r = &e->result[i];
		m.large += (double)r->largest > 1.001;
		m.controls += r->control != AVL_CONTROL_NONE;
		if (r->control != AVL_CONTROL_NONE)
			continue;
		m.vggss += r->data_set == AVL_DATA_VGGSS;
		m.flickr += r->data_set == AVL_DATA_FLICKR;
		m.silent += r->data_set == AVL_DATA_SILENT;
		m.clipped += r->clipped > 0;
		m.empty += r->visible && r->area == 0;
		m.flat += r->flat;
		m.infinite += !r->finite;
		m.cropped += r->cropped;
		m.repeated += r->repeated;
	}
	return m;
}

static void note_vggss(struct avl_report *report, int n)
{
	static const struct {
		int n;
		const char *whose;
	} known[] = {{5158, "vggss.json's (LVS, EZ-VSL, SLAVC, FNAC)"},
		     {4911, "SSL-TIE's"},
		     {4692, "SSPL's"},
		     {4670, "HTF's"},
		     {4655, "SSLalignment's list"},
		     {4654, "SSLalignment's"}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n == known[i].n) {
			avl_report_note(report,
					"VGG-SS: N = %d is %s; others publish over 5158, "
					"4911, 4692, 4670 or 4654",
					n, known[i].whose);
			return;
		}
	avl_report_note(report, "VGG-SS: N = %d is no published one (5158, 4911, 4692, 4670, 4654)",
			n);
}

static void note_flickr(struct avl_report *report, int n)
{
	if (n == 249)
		avl_report_note(report, "Flickr-SoundNet: N = 249 is the list without 3908875350 "
					"(LVS, EZ-VSL, FNAC, SSL-TIE, SSPL); SLAVC and "
					"SSLalignment publish over 250");
	else if (n == 250)
		avl_report_note(report, "Flickr-SoundNet: N = 250 is SLAVC's and SSLalignment's; "
					"LVS, EZ-VSL, FNAC, SSL-TIE and SSPL publish over 249");
	else if (n == 178)
		avl_report_note(report, "Flickr-SoundNet: N = 178 is HTF's; others publish over "
					"249 or 250");
	else
		avl_report_note(report,
				"Flickr-SoundNet: N = %d is neither 249 nor 250, which are "
				"published",
				n);
}

/* SLAVC's test sets with silent clips. */
static void note_extended(struct avl_report *report, int sounding, int silent)
{
	const int n = sounding + silent;
	if (n == 500 || n == 10316)
		avl_report_note(report, "extended set: N = %d is SLAVC's", n);
	else
		avl_report_note(report,
				"extended set: N = %d, %d of them with no visible source; SLAVC "
				"publishes over 500 (Flickr-SoundNet) and 10316 (VGG-SS)",
				n, silent);
}

static void note_data(struct avl_report *report, const struct avl_evaluation *e,
		      const struct met *m)
{
	if (m->vggss)
		note_vggss(report, m->vggss);
	if (m->flickr)
		note_flickr(report, m->flickr);
	if (m->silent)
		note_extended(report, m->vggss + m->flickr, m->silent);
	if (m->clipped)
		avl_report_note(report,
				"%d records have boxes with values outside the frame (VGG-SS: "
				"-2.88e16), cut to it",
				m->clipped);
	if (m->empty)
		avl_report_note(report,
				"%d truths are empty (boxes without area): every map "
				"scores 0 there",
				m->empty);
	if (m->doubled)
		avl_report_note(report, "%d records have a key that came before", m->doubled);
	if (m->cropped && !e->options.align)
		avl_report_note(report,
				"%d maps are of a crop and were stretched over the frame, as the "
				"official code does; --align puts them where they belong",
				m->cropped);
	if (m->cropped && e->options.align)
		avl_report_note(report,
				"%d maps of a crop were put where they belong: not the official "
				"number",
				m->cropped);
}

static void note_maps(struct avl_report *report, const struct avl_evaluation *e,
		      const struct met *m)
{
	if (m->flat && e->options.flat_counts)
		avl_report_note(report,
				"%d maps are constant and were judged as the official code "
				"does",
				m->flat);
	else if (m->flat)
		avl_report_note(report, "%d maps are constant: counted as misses", m->flat);
	if (m->infinite)
		avl_report_note(report, "%d maps hold NaN or infinity: counted as misses",
				m->infinite);
	if (m->large && m->controls && !isnan(e->options.protocol.universal))
		avl_report_note(report,
				"%d maps have scores above 1: the universal threshold is of "
				"cosines; give one with --universal (or --tau)",
				m->large);
	if (2 * m->repeated > report->n)
		avl_report_note(report,
				"%d of %d maps equal the map before them: the model does "
				"not look at the picture",
				m->repeated, report->n);
}

static void note_rule(struct avl_report *report, const struct avl_evaluation *e)
{
	const struct avl_protocol *const p = &e->options.protocol;
	if (p->rule == AVL_RULE_ADAPTIVE)
		avl_report_note(report, "the adaptive rule gives each map the area of the truth: "
					"not to be compared with the median rule");
	else if (p->rule == AVL_RULE_FIXED && !p->is_mask)
		avl_report_note(report, "fixed threshold: not to be compared with the median rule");
}

/* "not above", or where the number itself is above but its interval is not, "not surely above";
 * NULL where all of the interval is above VALUE. */
static const char *not_above(const struct avl_report_row *row, double value)
{
	if (isnan(value) || (isnan(row->low) ? row->value : row->low) > value)
		return NULL;
	return row->value > value ? "not surely above" : "not above";
}

/* The same of a comparison record by record; NULL where there was none. */
static const char *not_above_word(const char *word)
{
	if (!word || !strcmp(word, "yes"))
		return NULL;
	return strcmp(word, "no") ? "not surely above" : "not above";
}

static void note_baselines(struct avl_report *report, const struct avl_report_row *ciou)
{
	const double disc = avl_report_value(report, AVL_REPORT_BASELINES, "centre_disc_ciou");
	const double other = avl_report_value(report, AVL_REPORT_BASELINES, "other_map_ciou");
	const char *words = not_above(ciou, disc);
	if (words)
		avl_report_note(report,
				"%s the centre disc (%.2f), which neither looks nor listens", words,
				100 * disc);
	words = not_above_word(report->maps_word);
	if (words)
		avl_report_note(report,
				"%s the maps of other clips (%.2f): nothing shows that the "
				"maps have to do with the clip",
				words, 100 * other);
}

static void note_controls(struct avl_report *report)
{
	static const char *const words[AVL_CONTROLS] = {
	    [AVL_CONTROL_SILENCE] = "silence",
	    [AVL_CONTROL_NOISE] = "noise",
	    [AVL_CONTROL_OFFSCREEN] = "a sound from off screen",
	    [AVL_CONTROL_SHUFFLED] = "the sound of another clip",
	};
	int controls = 0;
	for (int c = AVL_CONTROL_SILENCE; c < AVL_CONTROLS; c++) {
		controls += report->control_word[c] != NULL;
		const char *const above = not_above_word(report->control_word[c]);
		char key[40];
		if (!above)
			continue;
		snprintf(key, sizeof key, "%s_ciou", avl_control_name((enum avl_control)c));
		const double value = avl_report_value(report, AVL_REPORT_CONTROLS, key);
		avl_report_note(report,
				"%s its own score with %s (%.2f): nothing shows that it "
				"listens",
				above, words[c], 100 * value);
	}
	if (!controls)
		avl_report_note(report, "no controls in the stream: whether the model listens is "
					"not shown (avl-truth --control)");
}

void avl_report_notes(struct avl_report *report, const struct avl_evaluation *e)
{
	const struct met m = look(e);
	const struct avl_report_row *const ciou = avl_report_find(report, AVL_REPORT_MAIN, "ciou");
	note_rule(report, e);
	note_data(report, e, &m);
	note_maps(report, e, &m);
	if (report->n < FEW && e->options.resamples)
		avl_report_note(report, "%d records are few: the intervals say little", report->n);
	if (isnan(ciou->value))
		return;
	if (!e->options.protocol.is_mask)
		note_baselines(report, ciou);
	note_controls(report);
}
