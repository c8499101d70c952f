/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eval/annotation.h"
#include "eval/rows.h"

static char path[] = "/tmp/avl-test-annotation-XXXXXX";

static const char *file_of(const char *text)
{
	strcpy(path + sizeof path - 7, "XXXXXX");
	const int fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static struct avl_annotations *read_as(enum avl_annotation_kind kind, const char *text)
{
	struct avl_annotations *a;
	struct avl_err err = {0};
	cr_assert_eq(avl_annotations_new(&a, &err), 0);
	const int rc = avl_annotations_read(a, kind, file_of(text), &err);
	unlink(path);
	cr_assert_eq(rc, 0, "%s", err.text);
	return a;
}

static int find(struct avl_annotations *a, const char *key, const char *source, const char *sound,
		struct avl_annotation *found)
{
	static struct avl_arena arena;
	if (!arena.limit)
		avl_arena_init(&arena, 0);
	const struct avl_annotation_query query = {key, source, sound};
	return avl_annotations_find(a, &query, &arena, found, NULL);
}

Test(annotation, stems)
{
	static const char *const stems[][2] = {
	    {"a/b/c.mp4", "c"}, {"c.tar.gz", "c.tar"}, {"-x_000001.mp4", "-x_000001"},
	    {"none", "none"},   {"a.b/c", "c"},        {".hidden", ".hidden"}};
	for (int i = 0; i < 6; i++) {
		char stem[64];
		avl_stem(stems[i][0], stem, sizeof stem);
		cr_assert_str_eq(stem, stems[i][1]);
	}
	char cut[4];
	avl_stem("abcdef.mp4", cut, sizeof cut);
	cr_assert_str_eq(cut, "abc");
}

Test(annotation, rows_of_one_key_need_not_stand_together)
{
	struct avl_annotation found;
	struct avl_annotations *const a =
	    read_as(AVL_ANNOTATION_BOXES, "b\t0\t0\t1\t1\na\t0.1\t0.2\t0.3\t0.4\t1\nb\t0.5\t0.5\t"
					  "1.5\t1\t7\nc");
	cr_assert_eq(avl_annotations_count(a), 3);
	cr_assert_eq(find(a, "b", NULL, NULL, &found), 1);
	cr_assert_eq(found.nboxes, 2);
	cr_assert_eq(found.box[5 + 2], 1, "cut to the frame");
	cr_assert_eq(found.box[5 + 4], 7);
	cr_assert_eq(found.clipped, 1);
	cr_assert_eq(found.outside, 1.5);
	cr_assert_eq(find(a, "c", NULL, NULL, &found), 1);
	cr_assert_eq(found.nboxes, 0);
	cr_assert_eq(find(a, "d", "x/a.jpg", NULL, &found), 1, "by the stem of the source");
	cr_assert_eq(found.nboxes, 1);
	cr_assert_eq(find(a, "d", "x/d.jpg", NULL, &found), 0);
	avl_annotations_free(a);
}

Test(annotation, is3_pixels_come_back_whole)
{
	char text[128];
	for (int pixel = 0; pixel <= 224; pixel++) {
		struct avl_annotation found;
		snprintf(text, sizeof text,
			 "[{\"image\":\"/x/a_b_1_a.jpg\",\"gt_box\":[%d,%d,%d,%d]}]", pixel, pixel,
			 pixel, pixel);
		struct avl_annotations *const a = read_as(AVL_ANNOTATION_IS3, text);
		cr_assert_eq(find(a, "a_b_1_a", NULL, NULL, &found), 1);
		cr_assert_eq((int)(224 * found.box[0]), pixel);
		avl_annotations_free(a);
	}
}

Test(annotation, is3_knows_the_other_objects_of_the_picture)
{
	struct avl_annotation found;
	struct avl_annotations *const a =
	    read_as(AVL_ANNOTATION_IS3, "[{\"image\":\"a_b_1_a.jpg\",\"gt_box\":[0,0,112,224]},"
					"{\"image\":\"a_b_11_a.jpg\",\"gt_box\":[0,0,1,1]},"
					"{\"image\":\"a_b_1_b.jpg\",\"gt_box\":[112,0,224,224]}]");
	cr_assert_eq(find(a, "a_b_1_a", NULL, NULL, &found), 1);
	cr_assert_eq(found.nboxes, 1);
	cr_assert_eq(found.nothers, 1);
	cr_assert_eq(found.other[0], 0.5);
	avl_annotations_free(a);
}

Test(annotation, names_in_milliseconds_are_names_of_vggss)
{
	static const char *const names[] = {"abcdefghijk_56000_66000.mp4",
					    "abcdefghijk_56500_66500", "abcdefghijk_56000_76000",
					    "abcdefghijk_56000_66000x", "bcdefghijk_56000_66000"};
	struct avl_annotations *const a = read_as(
	    AVL_ANNOTATION_VGGSS, "[{\"file\":\"abcdefghijk_000056\",\"bbox\":[[0,0,1,1]]}]");
	for (int i = 0; i < 5; i++) {
		struct avl_annotation found;
		cr_assert_eq(find(a, "key", names[i], NULL, &found), i == 0, "%s", names[i]);
	}
	avl_annotations_free(a);
}

Test(annotation, a_silent_pair_needs_both_its_names)
{
	struct avl_annotation found;
	struct avl_annotations *const a = read_as(
	    AVL_ANNOTATION_SILENT, "video,audio,label\nv,s,non-sounding\nv,t,non-sounding\nw,w,"
				   "non-sounding\nx,y,sounding");
	cr_assert_eq(find(a, "k", "v.jpg", "s.wav", &found), 1);
	cr_assert_eq(found.nboxes, 0);
	cr_assert_eq(found.kind, AVL_ANNOTATION_SILENT);
	cr_assert_eq(find(a, "k", "v.jpg", "u.wav", &found), 0);
	cr_assert_eq(find(a, "k", "w.jpg", "w.wav", &found), 1);
	cr_assert_eq(find(a, "k", "v.jpg", NULL, &found), 1, "nothing else is known of it");
	cr_assert_eq(find(a, "k", "x.jpg", "y.wav", &found), 0);
	avl_annotations_free(a);
}

Test(annotation, numbers_are_decimal_and_finite)
{
	static const char *const good[] = {"1", " -2.5e3 ", "+.5", "-2.8823037615171176e+16"};
	static const char *const bad[] = {"",    " ",   "nan",   "inf", "0x10",
					  "1,5", "1 2", "1e999", "-"};
	double value;
	for (int i = 0; i < 4; i++)
		cr_assert(avl_field_number(good[i], &value), "%s", good[i]);
	cr_assert_eq(value, -2.8823037615171176e16);
	for (int i = 0; i < 9; i++)
		cr_assert(!avl_field_number(bad[i], &value), "%s", bad[i]);
}

Test(annotation, rows_too_long_are_refused_with_their_line)
{
	struct avl_annotations *a;
	struct avl_err err = {0};
	cr_assert_eq(avl_annotations_new(&a, &err), 0);
	const char *const file =
	    file_of("a\t0\t0\t1\t1\n1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t"
		    "14\t15\t16\t17\n");
	cr_assert_eq(avl_annotations_read(a, AVL_ANNOTATION_BOXES, file, &err), AVL_EFORMAT);
	cr_assert(strstr(err.text, "line 2: has too many fields"), "%s", err.text);
	unlink(path);
	avl_annotations_free(a);
}
