/* SPDX-License-Identifier: MIT */
#include "io/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct avl_json *parsed(const char *text)
{
	struct avl_json *value;
	struct avl_err err = {0};
	cr_assert_eq(avl_json_parse(&value, text, strlen(text), &err), 0, "%s: %s", text, err.text);
	return value;
}

static void dumps_as(struct avl_json *value, const char *want)
{
	size_t n;
	char *const text = avl_json_dump(value, &n);
	cr_assert_str_eq(text, want);
	cr_assert_eq(n, strlen(want));
	free(text);
}

Test(json, text_survives_reading_and_writing)
{
	static const char *const same[] = {
	    "{}",
	    "[]",
	    "null",
	    "true",
	    "false",
	    "-0.0",
	    "0",
	    "-7",
	    "9223372036854775807",
	    "0.5",
	    "0.1",
	    "0.72",
	    "1e+300",
	    "3.141592653589793",
	    "\"\"",
	    "\"\\\"\\\\\\n\\t\"",
	    "\"\\u0001\\u007f\"",
	    "\"d\xc3\xb6g\"",
	    "{\"z\":1,\"a\":[1,2,{\"b\":null}],\"m\":{}}",
	};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		struct avl_json *const value = parsed(same[i]);
		dumps_as(value, same[i]);
		avl_json_free(value);
	}
}

Test(json, white_space_and_escapes_are_undone)
{
	struct avl_json *const value = parsed(" { \"a\" : [ 1 , 2.0 ] , \"\\u00f6\" : \"\\/\" } ");
	dumps_as(value, "{\"a\":[1,2],\"\xc3\xb6\":\"/\"}");
	avl_json_free(value);
}

Test(json, bad_text_is_refused_in_one_line)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "{",
	    "}",
	    "[1,]",
	    "{\"a\":1,}",
	    "{\"a\":1,\"a\":2}",
	    "{a:1}",
	    "'a'",
	    "1 2",
	    "{}x",
	    "01",
	    "+1",
	    ".5",
	    "1e999",
	    "NaN",
	    "Infinity",
	    "99999999999999999999",
	    "nul",
	    "\"\\x\"",
	    "\"\n\"",
	    "\"\xff\"",
	    "\"\xed\xa0\x80\"",
	    "\"\\ud800\"",
	    "\"\\u0000\"",
	    "\"open",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct avl_json *value;
		struct avl_err err = {0};
		cr_assert_lt(avl_json_parse(&value, bad[i], strlen(bad[i]), &err), 0, "%s", bad[i]);
		cr_assert_null(value);
		cr_assert(strstr(err.text, "JSON"), "%s: %s", bad[i], err.text);
		cr_assert_null(strchr(err.text, '\n'));
	}
}

Test(json, nesting_is_bounded)
{
	char text[200001];
	struct avl_json *value;
	for (int depth = 63; depth <= 66; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		const int rc = avl_json_parse(&value, text, 2 * (size_t)depth, NULL);
		cr_assert_eq(rc, depth > 64 ? AVL_ELIMIT : 0, "%d", depth);
		avl_json_free(value);
	}
	memset(text, '[', 200000);
	cr_assert_eq(avl_json_parse(&value, text, 200000, NULL), AVL_ELIMIT);
	/* brackets in a string do not count */
	text[0] = '"';
	text[1] = '\\';
	text[2] = '"';
	text[199999] = '"';
	cr_assert_eq(avl_json_parse(&value, text, 200000, NULL), 0);
	avl_json_free(value);
}

Test(json, members_are_found_by_name_type_and_place)
{
	struct avl_json *const o =
	    parsed("{\"n\":1.5,\"i\":7,\"s\":\"text\",\"a\":[1,\"x\",2.5],\"t\":true,\"z\":null}");
	const struct avl_json *const a = avl_json_get(o, "a");
	cr_assert_eq(avl_json_number(o, "n", 0), 1.5);
	cr_assert_eq(avl_json_number(o, "i", 0), 7);
	cr_assert_eq(avl_json_number(o, "s", -1), -1);
	cr_assert_eq(avl_json_number(o, "none", -1), -1);
	cr_assert_eq(avl_json_integer(o, "i", -1), 7);
	cr_assert_eq(avl_json_integer(o, "n", -1), -1);
	cr_assert_str_eq(avl_json_string(o, "s", ""), "text");
	cr_assert_null(avl_json_string(o, "n", NULL));
	cr_assert_eq(avl_json_size(o), 6);
	cr_assert_eq(avl_json_size(a), 0);
	cr_assert_eq(avl_json_length(a), 3);
	cr_assert_eq(avl_json_length(o), 0);
	cr_assert_eq(avl_json_number_at(a, 2, 0), 2.5);
	cr_assert_eq(avl_json_integer_at(a, 0, 0), 1);
	cr_assert_eq(avl_json_number_at(a, 3, -1), -1);
	cr_assert_null(avl_json_at(a, -1));
	cr_assert_str_eq(avl_json_string_at(a, 1, ""), "x");
	cr_assert_eq(avl_json_type(avl_json_get(o, "t")), AVL_JSON_TRUE);
	cr_assert_eq(avl_json_type(avl_json_get(o, "z")), AVL_JSON_NULL);
	cr_assert_eq(avl_json_type(avl_json_get(o, "none")), AVL_JSON_NONE);
	cr_assert_eq(avl_json_type(a), AVL_JSON_ARRAY);
	const char *name;
	struct avl_json *value;
	cr_assert_eq(avl_json_member(o, 2, &name, &value), 0);
	cr_assert_str_eq(name, "s");
	cr_assert_eq(avl_json_member(o, 6, &name, &value), -1);
	cr_assert_eq(avl_json_member(o, -1, &name, &value), -1);
	int n = 0;
	for (void *at = NULL; avl_json_next(o, &at, &name, &value);)
		n++;
	cr_assert_eq(n, 6);
	avl_json_free(o);
}

Test(json, objects_are_built_in_order)
{
	struct avl_json *const o = avl_json_object();
	const double two[2] = {0.25, 3};
	cr_assert_eq(avl_json_set_number(o, "b", 1), 0);
	cr_assert_eq(avl_json_set_string(o, "a", "x"), 0);
	cr_assert_eq(avl_json_set_numbers(o, "p", two, 2), 0);
	cr_assert_eq(avl_json_set_number(o, "b", 2), 0);
	struct avl_json *const list = avl_json_array();
	cr_assert_eq(avl_json_append_number(list, -0.125), 0);
	cr_assert_eq(avl_json_append_string(list, "y"), 0);
	cr_assert_eq(avl_json_append(list, avl_json_object()), 0);
	cr_assert_eq(avl_json_set(o, "l", list), 0);
	dumps_as(o, "{\"b\":2,\"a\":\"x\",\"p\":[0.25,3],\"l\":[-0.125,\"y\",{}]}");
	struct avl_json *const copy = avl_json_copy(o);
	cr_assert_eq(avl_json_remove(o, "p"), 0);
	cr_assert_eq(avl_json_remove(o, "p"), AVL_ENONE);
	dumps_as(o, "{\"b\":2,\"a\":\"x\",\"l\":[-0.125,\"y\",{}]}");
	cr_assert_eq(avl_json_length(avl_json_get(copy, "p")), 2);
	avl_json_free(copy);
	avl_json_free(o);
	avl_json_free(NULL);
}

Test(json, what_cannot_be_written_is_refused)
{
	struct avl_json *const o = avl_json_object(), *const a = avl_json_array();
	const double bad[2] = {1, INFINITY};
	cr_assert_eq(avl_json_set_number(o, "x", NAN), AVL_EFORMAT);
	cr_assert_eq(avl_json_set_number(o, "x", -INFINITY), AVL_EFORMAT);
	cr_assert_eq(avl_json_set_numbers(o, "x", bad, 2), AVL_EFORMAT);
	cr_assert_eq(avl_json_append_number(a, NAN), AVL_EFORMAT);
	cr_assert_eq(avl_json_size(o), 0);
	avl_json_free(o);
	avl_json_free(a);
}

Test(json, strings_that_are_not_utf8_are_repaired)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"plain", "plain"},
	    {"d\xc3\xb6g \xe2\x82\xac \xf0\x9f\x90\xb6",
	     "d\xc3\xb6g \xe2\x82\xac \xf0\x9f\x90\xb6"},
	    {"\xff", "\xef\xbf\xbd"},
	    {"a\xc3", "a\xef\xbf\xbd"},
	    {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xed\xa0\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
	    {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	struct avl_json *const o = avl_json_object();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_assert_eq(avl_json_set_string(o, "s", cases[i].in), 0);
		cr_assert_str_eq(avl_json_string(o, "s", ""), cases[i].out);
	}
	avl_json_free(o);
}
